"""Events: what changed, browsed and filtered."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from dashboard.requests import actor_of
from fleet.access import visible_environments, visible_hosts
from fleet.actor import Actor
from fleet.selectors.event_density import Bar, event_density
from fleet.selectors.events import (
    EventQuery,
    event_kinds,
    event_page,
    object_kinds,
    ranges,
    silent_hosts,
)

PLACES = ("before", "after")  # of a page in the list: another filter begins at its top
BAR, HEIGHT = 10, 40  # of the picture, in its own units
Choices = dict[str, list[tuple[str, str]]]


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show the events that the reader may see, the newest first."""
    actor = actor_of(request)
    query = EventQuery.parse(request.GET)
    choices = _choices(actor)
    context = {
        "live_args": request.GET.urlencode(),
        "page": event_page(actor, query),
        "silent": silent_hosts(actor, query),
        "choices": choices,
        "chips": [*_quick(request.GET, query), *_set(request.GET, query, choices)],
    }
    return render(request, "events/list.html", context)


@require_GET
def density(request: HttpRequest) -> HttpResponse:
    """Draw how many events of the list there were when, as a fragment of the page."""
    query = EventQuery.parse(request.GET)
    found = event_density(actor_of(request), query)
    bars = [_drawn(request.GET, place, bar, found.most) for place, bar in enumerate(found.bars)]
    context = {"density": found, "bars": bars, "width": BAR * len(bars), "height": HEIGHT}
    return render(request, "events/density.html", context)


def _drawn(params: QueryDict, place: int, bar: Bar, most: int) -> dict[str, Any]:
    """Return a bar as rectangles; a single event among thousands can still be seen."""
    tall = max(2.0, HEIGHT * bar.count / most) if bar.count else 0.0
    bad = max(2.0, tall * bar.problems / bar.count) if bar.problems else 0.0
    times = {
        "since": bar.since.isoformat("T", "seconds"),
        "until": bar.until.isoformat("T", "seconds"),
    }
    return {
        "bar": bar,
        "x": place * BAR,
        "y": f"{HEIGHT - tall:.1f}",
        "tall": f"{tall:.1f}",
        "bad_y": f"{HEIGHT - bad:.1f}",
        "bad": f"{bad:.1f}",
        "href": f"{reverse('event-list')}{_href(params, range='', **times)}",
    }


def _choices(actor: Actor) -> Choices:
    hosts = visible_hosts(actor).select_related(None).only("name")
    return {
        "environment": [(str(row.pk), row.name) for row in visible_environments(actor)],
        "host": [(str(row.pk), row.name) for row in hosts],
        "object": object_kinds(),
        "kind": event_kinds(),
    }


def _href(params: QueryDict, **changes: str) -> str:
    wanted = params.copy()
    for name in PLACES:
        wanted.pop(name, None)
    for name, value in changes.items():
        wanted.pop(name, None)
        if value:
            wanted[name] = value
    return f"?{wanted.urlencode()}"


def _quick(params: QueryDict, query: EventQuery) -> list[dict[str, Any]]:
    """Return the filters that are one click away, whether they are set or not."""
    chosen = params.get("range", "")
    problems = {
        "label": _("Only problems"),
        "icon": "alert-triangle",
        "active": query.problem,
        "href": _href(params, problem="" if query.problem else "1"),
    }
    spans = [
        {
            "label": label,
            "active": name == chosen,
            "href": _href(params, range="" if name == chosen else name, since="", until=""),
        }
        for name, label in ranges()
    ]
    return [problems, *spans]


def _set(params: QueryDict, query: EventQuery, choices: Choices) -> list[dict[str, Any]]:
    """Return the other filters that are set; a click removes one."""
    names = {
        "environment": _("Environment"),
        "host": _("Host"),
        "object": _("Kind of object"),
        "kind": _("What happened"),
    }
    said = [
        (name, label, dict(choices[name]).get(value, value))
        for name, label in names.items()
        if (value := str(getattr(query, name) or ""))
    ]
    container = query.container[:12] if len(query.container) == 64 else query.container
    said += [("stack", _("Stack"), query.stack), ("container", _("Container"), container)]
    if query.since and not params.get("range"):
        said.append(("since", _("From"), date_format(localtime(query.since), "DATETIME_FORMAT")))
    if query.until:
        said.append(("until", _("To"), date_format(localtime(query.until), "DATETIME_FORMAT")))
    return [
        {"label": label, "value": value, "active": True, "href": _href(params, **{name: ""})}
        for name, label, value in said
        if value
    ]
