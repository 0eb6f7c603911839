"""One's own account: profile, preferences, password, sessions."""

from __future__ import annotations

from typing import Any, cast

from allauth.core.internal import ratelimit
from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from redis import RedisError

from dashboard.accounts import APP
from dashboard.forms.people import (
    ChangePasswordForm,
    NewPasswordForm,
    PreferencesForm,
    ProfileForm,
    attempt,
    posted,
)
from dashboard.middleware import public
from dashboard.requests import actor_of, address_of
from dashboard.views.setup import BACKEND
from fleet.models import User
from fleet.operations.users import (
    password_change,
    password_from_link,
    preferences_change,
    profile_change,
    user_of_link,
)
from fleet.sessions import session_end, sessions_of

THEME_DAYS = 365


def tabs(active: str) -> list[dict[str, Any]]:
    """Return the tabs of the account pages."""
    names = (
        ("account", _("Profile")),
        ("account_change_password", _("Password")),
        ("account-sessions", _("Sessions")),
        ("account-tokens", _("API tokens")),
    )
    return [
        {"href": reverse(name), "label": label, "active": name == active} for name, label in names
    ]


def me(request: HttpRequest) -> User:
    """Return the signed-in user."""
    return cast(User, request.user)


def page(
    request: HttpRequest, template: str, tab: str, status: int = 200, **context: Any
) -> HttpResponse:
    """Render one of the account pages."""
    return render(request, template, {"tabs": tabs(tab), **context}, status=status)


@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show and change names, address and preferences."""
    form = ProfileForm(request.POST) if request.method == "POST" else ProfileForm.of(me(request))
    if request.method == "POST" and form.is_valid():
        actor = actor_of(request)
        if attempt(form, lambda: profile_change(actor=actor, profile=form.cleaned_data)):
            messages.success(request, _("Your profile was saved."))
            return redirect("account")
    return _profile_page(request, form, _preferences_form(request))


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Save theme and time zone; the theme also as a cookie, for the first paint."""
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return _profile_page(request, ProfileForm.of(me(request)), form)
    preferences_change(actor=actor_of(request), preferences=form.cleaned_data)
    messages.success(request, _("Your preferences were saved."))
    response = redirect("account")
    response.set_cookie(
        "theme",
        form.cleaned_data["theme"],
        max_age=THEME_DAYS * 86400,
        samesite="Lax",
        secure=request.is_secure(),
    )
    return response


def _preferences_form(request: HttpRequest) -> PreferencesForm:
    kept = me(request).preferences
    theme = request.COOKIES.get("theme") or kept.get("theme") or "auto"
    return PreferencesForm(initial={"theme": theme, "time_zone": kept.get("time_zone", "")})


def _profile_page(request: HttpRequest, form: Form, preferences: Form) -> HttpResponse:
    status = 422 if form.errors or preferences.errors else 200
    context = {"form": form, "preferences": preferences}
    return page(request, "account/profile.html", "account", status, **context)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Change one's password; all other sessions end."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    form = ChangePasswordForm(posted(request))
    if request.method == "POST" and form.is_valid() and _old_password_fits(request, form):
        key = request.session.session_key or ""
        user = attempt(
            form,
            lambda: password_change(
                actor=actor_of(request),
                password=form.cleaned_data["password"],
                keep_session=key,
            ),
        )
        if user is not None:
            update_session_auth_hash(request, user)
            messages.success(request, _("Your password was changed. Other sessions have ended."))
            return redirect("account_change_password")
    status = 422 if form.errors else 200
    return page(request, "account/password.html", "account_change_password", status, form=form)


def _old_password_fits(request: HttpRequest, form: ChangePasswordForm) -> bool:
    """Check the old password, a few times a minute; an error goes to its field."""
    try:
        passed = ratelimit.consume(request, app=APP, action="change_password", user=request.user)
    except RedisError:
        away = _("This cannot be checked just now: Redis does not answer. Try again in a minute.")
        form.add_error("old_password", away)
        return False
    if not passed:
        form.add_error("old_password", _("Too many attempts. Wait a minute, then try again."))
        return False
    if not me(request).check_password(form.cleaned_data["old_password"]):
        form.add_error("old_password", _("This is not your password."))
        return False
    return True


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password_link(request: HttpRequest, link: str) -> HttpResponse:
    """Set a password by a one-time link, and sign in."""
    user = user_of_link(link)
    if user is None:
        return render(request, "account/link_gone.html", status=404)
    form = NewPasswordForm(posted(request))
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["password"]
        done = attempt(
            form,
            lambda: password_from_link(link=link, password=chosen, address=address_of(request)),
        )
        if done is not None:
            login(request, done, backend=BACKEND)
            return redirect("fleet")
    context = {"form": form, "username": user.username}
    return render(request, "account/link.html", context, status=422 if form.errors else 200)


@require_GET
def sessions(request: HttpRequest) -> HttpResponse:
    """List where one is signed in."""
    context: dict[str, Any] = {
        "sessions": sessions_of(me(request)),
        "current": request.session.session_key,
    }
    return page(request, "account/sessions.html", "account-sessions", **context)


@require_POST
def end_session(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """End one of one's other sessions, or all of them."""
    key = request.session.session_key or ""
    count = session_end(actor=actor_of(request), pk=pk, keep=key)
    said = ngettext("%(count)d session was ended.", "%(count)d sessions were ended.", count)
    messages.success(request, said % {"count": count})
    return redirect("account-sessions")
