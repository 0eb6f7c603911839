"""Events as pages show them: filtered, a page at a time by key, with who caused them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import groupby

from django.utils import timezone

from fleet.access import visible_hosts
from fleet.actor import Actor
from fleet.models import Host, HostState
from fleet.selectors.event_query import (
    Cursor,
    EventQuery,
    event_kinds,
    filter_events,
    object_kinds,
    ranges,
)
from fleet.selectors.event_rows import EventRow, event_rows, latest_rows

PAGE_SIZE = 100


@dataclass(frozen=True)
class EventPage:
    """Some events, newest first and folded, and the keys of what lies on either side.

    What a border between pages cuts is folded on each of them for itself.
    """

    query: EventQuery
    rows: list[EventRow]
    newer: Cursor | None
    older: Cursor | None

    @property
    def days(self) -> list[tuple[date, list[EventRow]]]:
        """The rows by day, in the reader's time zone."""
        by_day = groupby(self.rows, key=lambda row: timezone.localdate(row.event.at))
        return [(day, list(rows)) for day, rows in by_day]


def event_page(actor: Actor, query: EventQuery, size: int = PAGE_SIZE) -> EventPage:
    """Return a page of events; a constant number of queries, whatever the page."""
    rows = filter_events(actor, query)
    newer: Cursor | None = None
    older: Cursor | None = None
    if query.after:
        found = list(rows.filter(query.after.newer).order_by("at", "id")[: size + 1])
        more, found = len(found) > size, found[:size][::-1]
        newer = Cursor.of(found[0]) if more else None
        older = Cursor.of(found[-1]) if found else query.after
    else:
        found = list((rows.filter(query.before.older) if query.before else rows)[: size + 1])
        more, found = len(found) > size, found[:size]
        newer = Cursor.of(found[0]) if query.before and found else query.before
        older = Cursor.of(found[-1]) if more else None
    return EventPage(query, event_rows(actor, found), newer, older)


def silent_hosts(actor: Actor, query: EventQuery) -> list[Host]:
    """Return the hosts of a list that are away: what happens there is not told now."""
    reach = actor.access.reach("container.view")
    hosts = visible_hosts(actor).filter(reach.q(), state=HostState.UNREACHABLE)
    if query.host:
        hosts = hosts.filter(pk=query.host)
    if query.environment:
        hosts = hosts.filter(environment_id=query.environment)
    return list(hosts.order_by("name"))


__all__ = [
    "Cursor",
    "EventPage",
    "EventQuery",
    "EventRow",
    "event_kinds",
    "event_page",
    "event_rows",
    "latest_rows",
    "object_kinds",
    "ranges",
    "silent_hosts",
]
