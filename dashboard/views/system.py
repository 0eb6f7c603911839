"""The state of Quayside itself: for load balancers, and for administrators."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from dashboard.api.auth import bearer_of
from dashboard.metrics import exposition
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


@public
@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scrape of Prometheus: by an API token, or by an administrator's browser."""
    actor = bearer_of(request) or actor_of(request)
    if actor.user is None:
        response = HttpResponse(_("Send an API token as a bearer token.") + "\n", "text/plain", 401)
        response["WWW-Authenticate"] = "Bearer"
        return response
    require(actor, "system.view")
    return exposition(actor)


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
