"""Logs: of several containers in one view, and of one as a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.api.auth import caller_again
from dashboard.downloads import nothing, streamed
from dashboard.failures import failure
from dashboard.filter_words import SavedMenu
from dashboard.live.threads import run
from dashboard.live.topics.containers import filter_chips
from dashboard.log_words import log_context
from dashboard.requests import actor_of
from fleet.access import Unknown, access_container
from fleet.actor import Actor
from fleet.logs.download import SEATS, Writer, whole_log
from fleet.logs.selection import MOST, Selection, selected
from fleet.logs.target import LOGS, log_target
from fleet.logs.watched import Bytes
from fleet.models import HostState
from fleet.seats import NoSeat, Seat
from fleet.selectors.container_query import FILTERS, ContainerQuery
from fleet.selectors.containers import container_hosts, list_problems, stack_choices
from fleet.selectors.engine_calls import away_words

KEPT = ("container", "filter", "q", "all", *FILTERS)
BESIDE = ("label", "state", "health", "update", "image")  # they have no field of their own here
NAMED = 6  # containers that the head names


@require_safe
def fleet_logs(request: HttpRequest) -> HttpResponse:
    """Show the logs that the address chooses, or what there is to choose from."""
    actor = actor_of(request)
    pairs = [(name, text) for name in KEPT for text in request.GET.getlist(name) if text]
    try:
        chosen = selected(actor, request.GET) if pairs else Selection(())
    except Unknown as error:
        if not request.GET.get("filter"):
            raise
        words = _("%(unknown)s It was deleted, or is no longer shared.") % {"unknown": error}
        onward = {"href": reverse("log-view"), "onward": _("Choose whose logs to read")}
        return failure(request, 404, words, **onward)
    context = _context(request, actor, chosen)
    context |= {"asked": bool(pairs), "log_args": urlencode(pairs)}
    return render(request, "log/fleet.html", context)


def _context(request: HttpRequest, actor: Actor, chosen: Selection) -> dict[str, Any]:
    """Return what is shown, and what there is to choose from."""
    saved = chosen.saved
    query = ContainerQuery.from_text(saved.query) if saved else ContainerQuery.parse(request.GET)
    hosts = container_hosts(actor).values()
    return {
        **log_context(request.user),
        "query": query,
        "saved": SavedMenu(actor, query, page="logs", chosen=saved.pk if saved else 0),
        "chosen_filter": saved,
        "hidden": [pair for pair in query.pairs() if pair[0] in BESIDE],
        "beside": filter_chips(query, BESIDE),
        "problems": list_problems(actor, query),
        "chosen": chosen,
        "named": chosen.sources[:NAMED],
        "unnamed": max(0, len(chosen.sources) - NAMED),
        "most": MOST,
        "log_label": _("Logs of %(filter)s") % {"filter": saved.name} if saved else _("Logs"),
        "hosts": [host.name for host in hosts],
        "environments": sorted({host.environment.name for host in hosts}),
        "stacks": stack_choices(actor),
        "may_read": bool(actor.access.reach(LOGS)),
    }


def downloads_of(pk: int) -> list[dict[str, Any]]:
    """Return the files that a container's log can be had as."""
    href = reverse("container-log-file", args=[pk])
    return [
        {"href": href, "label": _("Whole log, text")},
        {"href": f"{href}?gz", "label": _("Whole log, text, compressed")},
        {"href": f"{href}?json", "label": _("Whole log, JSON lines")},
        {"href": f"{href}?json&gz", "label": _("Whole log, JSON lines, compressed")},
    ]


@require_safe
def log_file(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Give a container's whole log as a file: `?json` as objects, `?gz` compressed."""
    actor = actor_of(request)
    row = access_container(actor, pk, LOGS)
    if row.host.state == HostState.UNREACHABLE:
        text = f"{away_words(row.host)}\n"
        return HttpResponse(text, status=503, content_type="text/plain")
    as_json, packed = "json" in request.GET, "gz" in request.GET
    name = f"{slugify(row.name) or 'container'}.{'ndjson' if as_json else 'log'}"
    kind = "application/x-ndjson" if as_json else "text/plain; charset=utf-8"
    if packed:
        name, kind = f"{name}.gz", "application/gzip"
    if request.method == "HEAD":  # no engine is asked for what would not be sent
        return streamed(nothing(), kind, name=name)
    try:
        seat = SEATS.take(actor.name)
    except NoSeat:
        return failure(request, 429, _("Too many logs are being downloaded. Wait for one of them."))
    return streamed(_written(request, seat, pk, as_json, packed), kind, name=name)


def _written(request: HttpRequest, seat: Seat, pk: int, as_json: bool, packed: bool) -> Bytes:
    language = translation.get_language() or ""
    again = caller_again(request)

    def check() -> Awaitable[None]:
        return run(_still_allowed, again, pk, language=language)

    target = log_target(actor_of(request), pk)
    writer = Writer(as_json=as_json, packed=packed)
    return whole_log(target, seat, writer, language=language, check=check)


def _still_allowed(again: Callable[[], Actor], pk: int) -> None:
    """Raise AccessError for who may not read it any more."""
    with suppress(DatabaseError):  # one that is away takes no right
        log_target(again(), pk)
