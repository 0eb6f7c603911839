"""What happened to a container when it last ended."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.live.topics.death import end_arg, note_id
from dashboard.requests import actor_of, is_part
from dashboard.views.container import page_of, private
from dashboard.views.removed import or_removed
from fleet.selectors import container as one
from fleet.selectors.death_details import DeathDetails, death_details, plain
from fleet.selectors.deaths import AFTER, Death, container_death


@require_safe
@or_removed
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what is known at once; what its engine adds comes as a fragment, or with `?now`."""
    actor = actor_of(request)
    death = container_death(actor, pk)
    context: dict[str, Any] = {"death": death, "asks": death is not None}
    if death and (is_part(request) or "now" in request.GET):
        context |= _told(death_details(actor, death))
    if is_part(request):
        overview = one.container_overview(actor, pk)
        context |= {"container": overview.container, "tab": "death", "oob": True}
        return private(render(request, "container/death_body.html", context))
    context["headline"] = death.headline if death else _("It has not ended yet")
    overview = one.container_overview(actor, pk)
    context |= {
        "note_id": note_id(overview.container),
        "end": end_arg(death.at if death else None),
    }
    context |= {"ran": _length(death), "tone": _tone(death)}
    context["until"] = (death.at + AFTER).isoformat("T", "seconds") if death else ""
    return private(page_of(request, overview, "death", "death", **context))


def _told(details: DeathDetails) -> dict[str, Any]:
    found = details.log.value if details.log else None
    lines = [(line.at, _clock(line.at), line.stream, plain(line.text)) for line in found or ()]
    return {"answer": details.settings, "log": details.log, "lines": lines}


def _clock(at: str) -> str:
    """Return the time of day of a line in the reader's zone, as the events beside it have it."""
    moment = parse_datetime(at)
    return f"{localtime(moment):%H:%M:%S}" if moment and is_aware(moment) else at[11:19]


def _tone(death: Death | None) -> str:
    return "idle" if death is None or death.calm else "bad"


def _length(death: Death | None) -> str:
    """Return how long it had run, in the two largest units."""
    if death is None or death.ran is None:
        return ""
    seconds = death.ran.total_seconds()
    if seconds < 60:
        return _("%(n).1f s") % {"n": seconds}
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if minutes < 60:
        return _("%(n)d min %(s)d s") % {"n": minutes, "s": seconds % 60}
    if hours < 48:
        return _("%(h)d h %(m)d min") % {"h": hours, "m": minutes % 60}
    return _("%(d)d days %(h)d h") % {"d": days, "h": hours % 24}
