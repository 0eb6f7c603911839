"""Grants: who has which role where; giving and taking."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.forms.people import GrantForm, attempt, posted
from dashboard.requests import actor_of
from dashboard.views.administration import confirm, form_page, page
from fleet.models import Grant
from fleet.operations import grants
from fleet.selectors.people import access_grant, grants_of

TAB = "administration-grants"
PAGE_SIZE = 100


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """List the grants."""
    rows = grants_of(actor_of(request))
    shown = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    return page(request, "people/grants.html", TAB, page_obj=shown)


@require_http_methods(["GET", "POST"])
def give(request: HttpRequest) -> HttpResponse:
    """Give a role; `?who=user:3`, `?role=2` and `?where=host:5` fill the form."""
    actor = actor_of(request)
    asked = {name: request.GET.get(name, "")[:40] for name in ("who", "role", "where")}
    form = GrantForm(posted(request), actor=actor, initial=asked)
    if request.method == "POST" and form.is_valid():
        chosen: dict[str, Any] = form.chosen()
        grant = attempt(form, lambda: grants.grant_create(actor=actor, **chosen))
        if grant is not None:
            messages.success(request, _("%(grant)s: given.") % {"grant": said(grant)})
            return redirect(TAB)
    texts = {"title": _("Give a role"), "submit": _("Give"), "back": TAB}
    return form_page(request, TAB, form, **texts)


@require_http_methods(["GET", "POST"])
def take(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then take a grant away."""
    actor = actor_of(request)
    grant = access_grant(actor, pk)
    return confirm(
        request,
        TAB,
        grants.REMOVE,
        grant.user or grant.team,
        do=lambda: grants.grant_remove(actor=actor, grant=grant),
        goes=[said(grant)],
        back=TAB,
        done=TAB,
    )


def said(grant: Grant) -> str:
    """Return a grant in words: “olga: operator on staging”."""
    return _("%(who)s: %(role)s on %(where)s") % {
        "who": grant.user or grant.team,
        "role": grant.role,
        "where": grant.target or _("the whole fleet"),
    }
