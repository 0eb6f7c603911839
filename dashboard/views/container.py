"""One container's page: what its row knows at once, what its engine knows when asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.live.html import draw
from dashboard.live.moments import site_of
from dashboard.live.topics.base import Snapshot
from dashboard.live.topics.container import (
    CARDS,
    args_of,
    card_parts,
    head_part,
    log_host_id,
    log_host_part,
)
from dashboard.live.topics.jobs import ROWS
from dashboard.live.topics.jobs_on import latest_snapshot
from dashboard.log_words import log_context
from dashboard.requests import actor_of, is_part
from dashboard.views.jobs import Drawn
from dashboard.views.logs import downloads_of
from dashboard.views.removed import or_removed
from dashboard.views.usage import charts_context
from fleet.access import access_container
from fleet.actor import Actor
from fleet.logs.target import LOGS
from fleet.logs.text import container_log
from fleet.models import ContainerState
from fleet.selectors import container as one
from fleet.selectors.container import Answer, Overview
from fleet.selectors.events import EventQuery, event_page
from fleet.terminal.target import EXEC

Question = Callable[[Actor, int], Answer[Any]]


def _tabs(pk: int, current: str, permissions: frozenset[str]) -> list[dict[str, Any]]:
    names = {
        "detail": _("Overview"),
        "usage": _("Usage"),
        "logs": _("Logs"),
        "death": _("What happened"),
        **({"terminal": _("Terminal")} if EXEC in permissions else {}),
        "environment": _("Environment"),
        "processes": _("Processes"),
        "changes": _("Changes on disk"),
        "inspect": _("Inspect"),
        "events": _("Events"),
        "jobs": _("Jobs"),
    }
    return [
        {
            "href": reverse(f"container-{name}", args=[pk]),
            "label": label,
            "active": name == current,
        }
        for name, label in names.items()
    ]


def page_of(
    request: HttpRequest, overview: Overview, tab: str, template: str, **context: Any
) -> HttpResponse:
    """Return one tab with the container's head above it."""
    row = overview.container
    tabs = _tabs(row.pk, tab, overview.permissions)
    head_id = f"container-head-{row.pk}"
    snapshot = Snapshot({head_id: head_part(overview)})
    drawn = draw(snapshot, [head_id], site_of(request.get_host()))
    own = {
        "container": row,
        "tab": tab,
        "tabs": tabs,
        "tab_label": next(shown["label"] for shown in tabs if shown["active"]),
        "tabs_label": _("Pages of %(name)s") % {"name": row.name},
        "head_args": args_of(row),
        "head": SafeString(drawn[head_id]),
        "logs_near": tab != "logs" and LOGS in overview.permissions,
    }
    return render(request, f"container/{template}.html", own | context)


@require_safe
@or_removed
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the overview; nobody is asked but the database."""
    overview = one.container_overview(actor_of(request), pk)
    parts = card_parts(overview)
    drawn = draw(Snapshot(parts), parts, site_of(request.get_host()))
    cards = {name: SafeString(drawn[f"container-{name}-{pk}"]) for name in CARDS}
    up = overview.container.state in (ContainerState.RUNNING, ContainerState.PAUSED)
    return page_of(request, overview, "detail", "overview", cards=cards, up=up)


@require_safe
@or_removed
def usage(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the container used; its script loads the values."""
    overview = one.container_overview(actor_of(request), pk)
    context = charts_context(request, f"/api/v1/containers/{pk}/stats/history")
    context |= {
        "limit_memory": overview.container.host.memory,
        "label": _("What %(name)s used") % {"name": overview.container.name},
    }
    return page_of(request, overview, "usage", "usage_tab", **context)


@require_safe
@or_removed
def events(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the container's events."""
    actor = actor_of(request)
    overview = one.container_overview(actor, pk)
    wanted = request.GET.copy()
    wanted["host"] = str(overview.container.host_id)
    wanted["container"] = overview.container.engine_id
    page = event_page(actor, EventQuery.parse(wanted))
    wanted["bare"] = "1"
    return page_of(request, overview, "events", "events", page=page, live_args=wanted.urlencode())


@require_safe
@or_removed
def jobs(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the latest jobs on the container."""
    actor = actor_of(request)
    overview = one.container_overview(actor, pk)
    row = overview.container
    drawn = Drawn(request, latest_snapshot(actor, row.host, "container", row.pk))
    context = {"rows": drawn.rows(ROWS), "parts": drawn.parts("jobs")}
    return page_of(request, overview, "jobs", "jobs", **context)


# --- What the engine is asked for ----------------------------------------------------------


def _asked(
    request: HttpRequest,
    pk: int,
    tab: str,
    question: Question,
    more: Callable[[Answer[Any]], dict[str, Any]] = lambda answer: {},
) -> HttpResponse:
    """Show a tab at once; the answer comes as its fragment, or with `?now` as a whole page."""
    actor = actor_of(request)
    overview = one.container_overview(actor, pk)
    context: dict[str, Any] = {"body": f"container/{tab}_body.html", "asks": True}
    if is_part(request) or "now" in request.GET:
        answer = question(actor, pk)
        context |= {"answer": answer, **more(answer)}
    if is_part(request):
        context |= {"container": overview.container, "tab": tab}
        return private(render(request, context["body"], context))
    return private(page_of(request, overview, tab, "asked", **context))


def private(response: HttpResponse) -> HttpResponse:
    """Keep answers out of every cache: they may show what was hidden."""
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
@or_removed
def processes(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what runs inside."""
    return _asked(request, pk, "processes", one.container_processes)


@require_safe
@or_removed
def changes(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what was written to the container's own layer."""
    return _asked(request, pk, "changes", one.container_changes)


@require_safe
@or_removed
def inspect(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the engine's whole knowledge as a tree."""
    return _asked(request, pk, "inspect", one.container_inspect, _as_text)


def _as_text(answer: Answer[Any]) -> dict[str, Any]:
    return {"text": json.dumps(answer.value, indent=2, ensure_ascii=False)}


@require_safe
def inspect_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Download the engine's whole knowledge, secrets masked."""
    actor = actor_of(request)
    row = access_container(actor, pk)
    answer = one.container_inspect(actor, pk)
    if answer.value is None:
        return HttpResponse(f"{answer.problem}\n", status=503, content_type="text/plain")
    response = HttpResponse(f"{_as_text(answer)['text']}\n", content_type="application/json")
    return _download(response, f"{slugify(row.name) or 'container'}.json")


def _download(response: HttpResponse, name: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return private(response)


@require_safe
def health(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the last results of the health check, inside of the overview's card."""
    actor = actor_of(request)
    overview = one.container_overview(actor, pk)
    context: dict[str, Any] = {"answer": one.container_health_log(actor, pk)}
    if is_part(request):
        return private(render(request, "container/health_body.html", context))
    context |= {"body": "container/health_body.html"}
    return private(page_of(request, overview, "detail", "asked", **context))


# --- The environment -----------------------------------------------------------------------


@require_safe
@or_removed
def environment(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the environment, secret-looking values masked."""
    return _asked(request, pk, "environment", one.container_environment, _hidden(request, pk))


def _hidden(request: HttpRequest, pk: int) -> Callable[[Answer[Any]], dict[str, Any]]:
    actor = actor_of(request)
    host = access_container(actor, pk).host
    return lambda answer: {
        "hidden": any(variable.hidden for variable in answer.value or ()),
        "may_reveal": actor.access.may(one.SECRETS, host),
    }


@require_POST
def reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """Show masked values, one by `name` or all; that is written into the audit log."""
    actor = actor_of(request)
    only = request.POST.get("name", "")
    answer = one.container_environment(actor, pk, reveal=True, only=only)
    overview = one.container_overview(actor, pk)
    context = {"answer": answer, "container": overview.container, **_hidden(request, pk)(answer)}
    if not is_part(request):
        context |= {"body": "container/environment_body.html"}
        return private(page_of(request, overview, "environment", "asked", **context))
    found = [variable for variable in answer.value or () if variable.name == only]
    if not only:
        return private(render(request, "container/environment_body.html", context))
    context["variable"] = found[0] if found else one.Variable(only, answer.problem, hidden=True)
    return private(render(request, "container/variable.html", context))


# --- The log -------------------------------------------------------------------------------


@require_safe
@or_removed
def logs(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the log: live by its script, or with `?now` the last lines as text."""
    actor = actor_of(request)
    row = access_container(actor, pk, "container.logs")
    overview = one.container_overview(actor, row.pk)
    answer = container_log(actor, pk) if "now" in request.GET else None
    away = {log_host_id(row): log_host_part(row)}
    log_host = draw(Snapshot(away), away, site_of(request.get_host()))[log_host_id(row)]
    context = {
        "answer": answer,
        "asks": True,
        "log_host": SafeString(log_host),
        "log_args": f"container={pk}",
        "log_label": _("Log of %(name)s") % {"name": row.name},
        "downloads": downloads_of(pk),
        **log_context(request.user),
    }
    return private(page_of(request, overview, "logs", "logs", **context))


@require_safe
@or_removed
def terminal(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the place of a terminal; its script opens it over a socket of its own."""
    actor = actor_of(request)
    row = access_container(actor, pk, EXEC)
    overview = one.container_overview(actor, row.pk)
    keep = settings.TERMINAL_KEEP_SECONDS
    return page_of(request, overview, "terminal", "terminal", keep=keep)
