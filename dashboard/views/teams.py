"""Teams: list, add, change, remove."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.forms.people import TeamForm, attempt, posted
from dashboard.requests import actor_of
from dashboard.views.administration import confirm, form_page, page
from fleet.operations import teams
from fleet.selectors.people import access_team, grants_of, teams_of

TAB = "administration-teams"


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """List the teams."""
    rows = teams_of(actor_of(request)).prefetch_related("members")
    return page(request, "people/teams.html", TAB, teams=rows)


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add a team."""
    actor = actor_of(request)
    form = TeamForm(posted(request), actor=actor)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        team = attempt(form, lambda: teams.team_create(actor=actor, **data))
        if team is not None:
            messages.success(request, _("The team %(name)s was added.") % {"name": team.name})
            return redirect("administration-team", team.pk)
    texts = {"title": _("Add a team"), "submit": _("Add team"), "back": TAB}
    return form_page(request, TAB, form, **texts)


@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a team with its grants; change its name and members."""
    actor = actor_of(request)
    team = access_team(actor, pk)
    stored = {"name": team.name, "members": team.members.all()}
    form = TeamForm(posted(request), actor=actor, initial=stored)
    if request.method == "POST" and form.is_valid():
        data, fresh = form.cleaned_data, access_team(actor, pk)
        if attempt(form, lambda: teams.team_update(actor=actor, team=fresh, **data)):
            messages.success(request, _("Saved."))
            return redirect("administration-team", pk)
    texts = {"title": team.name, "submit": _("Save"), "back": TAB}
    context: dict[str, Any] = {"shown": team, "grants": grants_of(actor).filter(team=team)}
    return form_page(request, TAB, form, template="people/team.html", **texts, **context)


@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then remove a team."""
    actor = actor_of(request)
    team = access_team(actor, pk)
    grants, members = team.grants.count(), team.members.count()
    return confirm(
        request,
        TAB,
        teams.REMOVE,
        team,
        do=lambda: teams.team_remove(actor=actor, team=team),
        goes=[
            ngettext("%d grant of the team", "%d grants of the team", grants) % grants,
            ngettext("%d membership", "%d memberships", members) % members,
        ],
        back=resolve_url("administration-team", pk),
        done=TAB,
    )
