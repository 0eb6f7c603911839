"""The list of events, live: what happens now comes in on top."""

from __future__ import annotations

import zoneinfo
from collections.abc import Hashable
from typing import Any

from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import timezone

from dashboard.live.topics.base import AROUND, Part, Snapshot, Topic, register
from dashboard.templatetags.fleetwords import hosts_rev
from fleet.actor import Actor
from fleet.models import Host
from fleet.publish import EventsAdded, Hint, HostsChanged
from fleet.selectors.events import PAGE_SIZE, EventPage, EventQuery, event_page, silent_hosts

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
        """Only the newest page changes, and which hosts are away."""
        if isinstance(hint, HostsChanged):
            return not args.get("bare")
        if not isinstance(hint, EventsAdded) or args.get("before") or args.get("after"):
            return False
        return args.get("host", "") in {"", str(hint.host)}

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the page of the list that the arguments ask for."""
        zone = zoneinfo.ZoneInfo(zone_name(actor))
        with timezone.override(zone):
            query = EventQuery.parse(args)
            snapshot = event_snapshot(
                event_page(actor, query), zone, host_column=not args.get("bare")
            )
            if not args.get("bare"):
                snapshot.parts["events-silent"] = silent_part(silent_hosts(actor, query))
            return snapshot


def silent_part(hosts: list[Host]) -> Part:
    """Return the note on hosts that are away, of which nothing is told now."""
    rev = hosts_rev(hosts)
    context = {"silent": hosts, "rev": rev}
    return Part(rev, lambda: render_to_string("events/silent.html", context))


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
