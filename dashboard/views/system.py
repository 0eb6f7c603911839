"""The state of Quayside itself: for load balancers, and for administrators."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from dashboard.middleware import public
from dashboard.requests import actor_of
from dashboard.views.administration import page
from fleet.access import require, visible_hosts
from fleet.selectors import system


@public
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """200 when web, database and Redis answer, else 503; says which, never why."""
    parts = {"database": system.database_part().well, "redis": system.redis_part().well}
    well = all(parts.values())
    return JsonResponse({"ok": well, **parts}, status=200 if well else 503)


@require_GET
def status(request: HttpRequest) -> HttpResponse:
    """Show every part apart: database, Redis, processes, hosts."""
    actor = actor_of(request)
    require(actor, "system.view")
    context: dict[str, Any] = {
        "parts": [system.database_part(), system.redis_part()],
        "processes": system.processes(),
        "hosts": visible_hosts(actor),
        "versions": system.versions(),
    }
    return page(request, "system/status.html", "status", **context)
