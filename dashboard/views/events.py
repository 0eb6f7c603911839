"""Events: what changed, browsed and filtered."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.requests import actor_of
from fleet.access import visible_hosts
from fleet.selectors.events import (
    EventQuery,
    event_kinds,
    event_page,
    object_kinds,
    ranges,
)


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show the events that the reader may see, the newest first."""
    actor = actor_of(request)
    context = {
        "live_args": request.GET.urlencode(),
        "page": event_page(actor, EventQuery.parse(request.GET)),
        "hosts": visible_hosts(actor).select_related(None).only("name"),
        "kinds": event_kinds(),
        "objects": object_kinds(),
        "ranges": ranges(),
    }
    return render(request, "events/list.html", context)
