"""Users: list, add, change, and what can be done to one."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.forms.people import NewUserForm, UserForm, attempt, initial_of, posted
from dashboard.requests import actor_of
from dashboard.views.administration import confirm, form_page, page
from fleet.actor import Actor
from fleet.models import User
from fleet.operations import Operation, users
from fleet.selectors.people import access_user, grants_reaching, users_of
from fleet.sessions import sessions_of

TAB = "administration-users"
PAGE_SIZE = 50
Act = Callable[..., object]

ACTIONS: dict[str, tuple[Operation, Act]] = {
    "disable": (users.DISABLE, users.user_disable),
    "enable": (users.ENABLE, users.user_enable),
    "sign-out": (users.SIGN_OUT, users.user_sign_out),
    "reset-password": (users.RESET, users.user_reset_password),
    "remove": (users.REMOVE, users.user_remove),
}


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """List the users."""
    q, state = request.GET.get("q", "")[:200], request.GET.get("state", "")
    rows = users_of(actor_of(request), q=q, state=state)
    shown = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    return page(request, "people/users.html", TAB, page_obj=shown, q=q, state=state)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add a user; without a password, show the one-time link."""
    actor = actor_of(request)
    users_of(actor)
    form = NewUserForm(posted(request))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        user = attempt(
            form,
            lambda: users.user_create(
                actor=actor, username=data["username"], password=data["password"], profile=data
            ),
        )
        if user is not None:
            messages.success(request, _("%(name)s was added.") % {"name": user.username})
            done = redirect("administration-user", user.pk)
            return done if data["password"] else show_link(request, user)
    texts = {"title": _("Add a user"), "submit": _("Add user"), "back": TAB}
    return form_page(request, TAB, form, **texts)


def show_link(request: HttpRequest, user: User) -> HttpResponse:
    """Show the one-time link for a user; it cannot be seen again."""
    path = reverse("account-link", args=[users.link_of(user)])
    link = request.build_absolute_uri(path)
    return page(request, "people/link.html", TAB, link=link, shown=user)


@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a user with all that they may; change their names."""
    actor = actor_of(request)
    user = access_user(actor, pk)
    form = (
        UserForm(request.POST) if request.method == "POST" else UserForm(initial=initial_of(user))
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        fresh = access_user(actor, pk)  # keeps `user` as stored, should a name be refused
        if attempt(
            form,
            lambda: users.user_update(
                actor=actor, user=fresh, username=data["username"], profile=data
            ),
        ):
            messages.success(request, _("Saved."))
            return redirect("administration-user", pk)
    context = {
        "shown": user,
        "form": form,
        "teams": user.teams.all(),
        "grants": grants_reaching(actor, user),
        "sessions": sessions_of(user),
        "tokens": user.api_tokens.filter(revoked_at__isnull=True).select_related("role"),
    }
    return page(request, "people/user.html", TAB, 422 if form.errors else 200, **context)


@never_cache
@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """Ask before an action on a user (GET), then do it (POST)."""
    if action not in ACTIONS:
        raise Http404
    actor = actor_of(request)
    user = access_user(actor, pk)
    operation, run = ACTIONS[action]
    here = resolve_url("administration-user", pk)
    response = confirm(
        request,
        TAB,
        operation,
        user,
        do=lambda: run(actor=actor, user=access_user(actor, pk)),
        goes=_goes(actor, user, action),
        back=here,
        done=TAB if action == "remove" else here,
    )
    if action == "reset-password" and response.status_code == 302:
        return show_link(request, access_user(actor, pk))
    return response


def _goes(actor: Actor, user: User, action: str) -> list[str]:
    """Say in words what an action takes with it."""
    if action == "enable":
        return []
    sessions, tokens = len(sessions_of(user)), user.api_tokens.filter(revoked_at=None).count()
    found = [ngettext("%d session", "%d sessions", sessions) % sessions]
    if action == "reset-password":
        found.append(_("the password"))
    if action == "remove":
        grants = user.grants.count()
        found.append(ngettext("%d grant of their own", "%d grants of their own", grants) % grants)
        found.append(ngettext("%d API token", "%d API tokens", tokens) % tokens)
        if filters := user.saved_filters.filter(shared=True).count():
            words = ngettext("%d filter shared with all", "%d filters shared with all", filters)
            found.append(words % filters)
    return found
