"""The Fleet page: the state of everything at a glance."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.requests import actor_of
from fleet.selectors.fleet import fleet_page


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show what is wrong, the hosts, what runs and what happened last."""
    actor = actor_of(request)
    page = fleet_page(actor, request.GET.get("environment", "")[:60])
    context = {"page": page, "may_add": bool(actor.access.reach("host.create"))}
    return render(request, "fleet/fleet.html", context)
