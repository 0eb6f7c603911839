"""How many events there were when: the picture above the list, which shows ten thousand at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.db.models import Count, F, Func, IntegerField, Q
from django.utils import timezone

from fleet.actor import Actor
from fleet.selectors.event_query import EventQuery, filter_events

COUNT = 48
SPAN = timedelta(days=1)  # where nobody asks for a time
SHORTEST = timedelta(seconds=COUNT)


class Epoch(Func):
    """A time as whole seconds since 1970, by the database: rows are many."""

    output_field = IntegerField()
    template = "CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s)) AS BIGINT)"

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        """SQLite keeps times as text."""
        template = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **more)


@dataclass(frozen=True)
class Bar:
    """A part of the time, and how many events, and problems among them, fell into it."""

    since: datetime
    until: datetime
    count: int = 0
    problems: int = 0


@dataclass(frozen=True)
class Density:
    """The bars from the oldest to the newest; empty ones too."""

    bars: list[Bar]

    @property
    def total(self) -> int:
        """All events of the time."""
        return sum(bar.count for bar in self.bars)

    @property
    def problems(self) -> int:
        """All that went wrong."""
        return sum(bar.problems for bar in self.bars)

    @property
    def most(self) -> int:
        """The most events of a bar; never 0."""
        return max((bar.count for bar in self.bars), default=0) or 1


def event_density(actor: Actor, query: EventQuery) -> Density:
    """Return how the events that fit lie in the time asked for, or in the last 24 hours."""
    until = query.until or timezone.now()
    since = query.since or until - SPAN
    width = max(SHORTEST, until - since) / COUNT
    seconds = ceil(width.total_seconds())
    begin = int(since.timestamp())
    asked = replace(query, since=since, until=until)
    rows = (
        filter_events(actor, asked)
        .select_related(None)
        .order_by()
        .annotate(place=(Epoch(F("at")) - begin) / seconds)
        .values_list("place")
        .annotate(count=Count("pk"), problems=Count("pk", filter=Q(problem=True)))
    )
    found = {int(place): (count, problems) for place, count, problems in rows}
    return Density(list(_bars(found, since, timedelta(seconds=seconds), until)))


def _bars(
    found: dict[int, tuple[int, int]], since: datetime, width: timedelta, until: datetime
) -> Iterator[Bar]:
    place = 0
    while since + place * width < until:
        begin = since + place * width
        yield Bar(begin, min(begin + width, until), *found.get(place, (0, 0)))
        place += 1
