"""First set-up: the page that a one-time link opens, and the one that says where it is."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.forms.people import FirstAdministratorForm, attempt, posted
from dashboard.middleware import public
from dashboard.requests import address_of
from fleet.access import Unknown
from fleet.setup import is_set_up, is_setup_token, make_first_administrator

BACKEND = "django.contrib.auth.backends.ModelBackend"


@public
@never_cache
@require_GET
def waiting(request: HttpRequest) -> HttpResponse:
    """Say where the set-up link is, while there is no account."""
    if is_set_up():
        return redirect("fleet")
    return render(request, "setup/waiting.html")


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Make the first administrator and sign in; a wrong or used link is told so."""
    if not is_setup_token(token):
        return render(request, "setup/gone.html", {"is_set_up": is_set_up()}, status=404)
    form = FirstAdministratorForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            user = attempt(
                form,
                lambda: make_first_administrator(
                    token=token,
                    username=form.cleaned_data["username"],
                    password=form.cleaned_data["password"],
                    address=address_of(request),
                ),
            )
        except Unknown:  # somebody else was quicker
            return render(request, "setup/gone.html", {"is_set_up": True}, status=404)
        if user is not None:
            login(request, user, backend=BACKEND)
            return redirect("fleet")
    status = 422 if form.errors else 200
    return render(request, "setup/first.html", {"form": form}, status=status)
