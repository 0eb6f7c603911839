"""The list of events, live: what happens now comes in on top."""

from __future__ import annotations

import zoneinfo
from collections.abc import Hashable
from typing import Any

from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import timezone

from dashboard.live.topics.base import AROUND, Part, Snapshot, Topic, register
from fleet.actor import Actor
from fleet.publish import EventsAdded, Hint
from fleet.selectors.events import PAGE_SIZE, EventPage, EventQuery, event_page

LIST = "event-rows"


@register
class Events(Topic):
    """`events`, with the list's query string as arguments; `bare=1` leaves the host out."""

    name = "events"
    most = 2 * PAGE_SIZE + AROUND  # each event may be the only one of its day

    def key(self, actor: Actor) -> Hashable:
        """Days begin and end in the reader's time zone."""
        return (actor.access, zone_name(actor))

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Only the newest page changes."""
        if not isinstance(hint, EventsAdded) or args.get("before") or args.get("after"):
            return False
        return args.get("host", "") in {"", str(hint.host)}

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the page of the list that the arguments ask for."""
        zone = zoneinfo.ZoneInfo(zone_name(actor))
        with timezone.override(zone):
            page = event_page(actor, EventQuery.parse(args))
            return event_snapshot(page, zone, host_column=not args.get("bare"))


def zone_name(actor: Actor) -> str:
    """Return the reader's time zone: their own choice, else the installation's."""
    chosen = actor.user.preferences.get("time_zone") if actor.user else ""
    if isinstance(chosen, str) and chosen in zoneinfo.available_timezones():
        return chosen
    return timezone.get_default_timezone_name()


def event_snapshot(page: EventPage, zone: zoneinfo.ZoneInfo, *, host_column: bool) -> Snapshot:
    """Return the rows, each day's heading before its events."""

    def drawn(rev: str, template: str, context: dict[str, Any]) -> Part:
        def render() -> str:
            with timezone.override(zone):
                return render_to_string(template, {"host_column": host_column, **context})

        return Part(rev, render)

    parts: dict[str, Part] = {}
    for day, rows in page.days:
        parts[f"day-{day:%Y-%m-%d}"] = drawn("1", "events/day.html", {"day": day})
        for row in rows:
            rev = f"{row.rev}.{'h' if host_column else '-'}.{zone.key}"
            parts[f"event-{row.key}"] = drawn(rev, "events/row.html", {"row": row})
    order = list(parts)
    why = "0" if order else "1" if not host_column else "2" if page.query.filtered else "3"
    empty = drawn(why, "events/nothing.html", {"page": page})
    return Snapshot(parts={**parts, "events-empty": empty}, lists={LIST: order})
