"""Events as pages show them: filtered, a page at a time by key, with who caused them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from fleet.access import visible_containers, visible_events, visible_hosts, visible_jobs
from fleet.actor import Actor
from fleet.models import Event, Job
from fleet.selectors.event_folds import act_icon, act_tone, act_words, acts_of
from fleet.selectors.event_words import KINDS, OBJECTS, event_icon, event_tone, event_words

PAGE_SIZE = 100
TEXT_LIMIT = 200
FIELDS = ("q", "host", "kind", "object", "container", "range", "since", "until", "before", "after")
RANGES = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}
CURSOR = re.compile(r"^(\d{1,17})-(\d{1,18})\Z")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How long after a job began the engine may still tell what it did; and clocks differ a little.
CAUSE_AFTER, CAUSE_BEFORE = timedelta(seconds=5), timedelta(seconds=2)
JOBS_LIMIT = 500
MOST_OF_AN_ACT = 5  # so many events are read for each line of a short list


@dataclass(frozen=True)
class Cursor:
    """A place in the list: the key of the row that it is beside."""

    at: datetime
    pk: int

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """Read `microseconds-id`; None for anything else."""
        match = CURSOR.match(text)
        if match is None:
            return None
        return cls(EPOCH + timedelta(microseconds=int(match[1])), int(match[2]))

    @classmethod
    def of(cls, event: Event) -> Cursor:
        """Return a row's own key."""
        return cls(event.at, event.pk)

    def __str__(self) -> str:
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}-{self.pk}"

    @property
    def older(self) -> Q:
        """Rows that come after it in the list; the first part lets the index be used."""
        return Q(at__lte=self.at) & (Q(at__lt=self.at) | Q(pk__lt=self.pk))

    @property
    def newer(self) -> Q:
        """Rows that come before it in the list."""
        return Q(at__gte=self.at) & (Q(at__gt=self.at) | Q(pk__gt=self.pk))


@dataclass(frozen=True)
class EventQuery:
    """What the list is asked for; wrong values are left out and told in `problems`."""

    q: str = ""
    host: int | None = None
    kind: str = ""
    object: str = ""
    container: str = ""  # the engine's id
    since: datetime | None = None
    until: datetime | None = None
    before: Cursor | None = None
    after: Cursor | None = None
    problems: tuple[str, ...] = ()

    @classmethod
    def parse(cls, params: Mapping[str, Any]) -> EventQuery:
        """Read a query string; times without a zone are in the reader's."""
        text = {name: _text(params.get(name, "")) for name in FIELDS}
        problems: list[str] = []
        since = _time(text["since"], problems)
        if text["range"] in RANGES:
            since = timezone.now() - RANGES[text["range"]]
        return cls(
            q=text["q"],
            host=_host_id(text["host"], problems),
            kind=text["kind"],
            object=text["object"],
            container=text["container"],
            since=since,
            until=_time(text["until"], problems),
            before=Cursor.parse(text["before"]),
            after=Cursor.parse(text["after"]),
            problems=tuple(problems),
        )

    @property
    def filtered(self) -> bool:
        """True when anything but the place in the list is asked for."""
        return any((self.q, self.host, self.kind, self.object, self.container, self.since,
                    self.until))  # fmt: skip


def _text(value: object) -> str:
    return str(value).replace("\x00", "").strip()[:TEXT_LIMIT]


def _host_id(text: str, problems: list[str]) -> int | None:
    if text and not (text.isdecimal() and len(text) < 19):
        problems.append(_("There is no such host: the filter was left out."))
        return None
    return int(text) if text else None


def _time(text: str, problems: list[str]) -> datetime | None:
    try:
        found = parse_datetime(text) if text else None
        aware = timezone.make_aware(found) if found and timezone.is_naive(found) else found
        if text and aware is None:
            raise ValueError
        return aware.astimezone(UTC) if aware else None
    except (ValueError, OverflowError):
        problems.append(_("A time is written 2026-03-01T14:00: the filter was left out."))
        return None


@dataclass(frozen=True)
class EventRow:
    """An event in words, with the container's page and the job that caused it, where known.

    Or an act of several events (`parts`, the oldest first); `event` is the newest of them.
    """

    event: Event
    container: int | None = None
    job: Job | None = None
    parts: tuple[EventRow, ...] = ()

    @classmethod
    def of(cls, parts: list[EventRow]) -> EventRow:
        """Return one row for the events of an act, the oldest first."""
        newest = parts[-1]
        job = next((part.job for part in reversed(parts) if part.job), None)
        return replace(newest, job=job, parts=tuple(parts)) if len(parts) > 1 else newest

    @property
    def events(self) -> list[Event]:
        """What it tells, the oldest first."""
        return [part.event for part in self.parts] or [self.event]

    @property
    def key(self) -> int:
        """Its id on a page: that of its first event, so that it stays while an act goes on."""
        return self.events[0].pk

    @property
    def states(self) -> tuple[str, str]:
        """The state before and after; empty where it stays or is not known."""
        before = next((event.from_state for event in self.events if event.from_state), "")
        told = [event for event in self.events if event.to_state or event.kind == "destroy"]
        after = told[-1].to_state if told else ""
        return (before, after) if before and after and before != after else ("", "")

    @property
    def words(self) -> str:
        """What happened, to follow the object's name."""
        return act_words(self.events) if self.parts else event_words(self.event)

    @property
    def short_name(self) -> str:
        """The object's name; of an id, the letters that engines show."""
        name = self.event.object_name
        bare = name.removeprefix("sha256:")
        return bare[:12] if len(bare) == 64 else name

    @property
    def icon(self) -> str:
        """The icon's name."""
        return act_icon(self.events) if self.parts else event_icon(self.event)

    @property
    def tone(self) -> str:
        """ok, bad, warn or idle."""
        return act_tone(self.events) if self.parts else event_tone(self.event)

    @property
    def rev(self) -> str:
        """Changes with what is shown; an event itself never does, an act grows."""
        told = [event.pk for event in self.events]
        acted = f".{told[0]}-{told[-1]}.{len(told)}" if self.parts else ""
        return f"{self.container or 0}.{self.job.pk if self.job else 0}{acted}"


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


def filter_events(actor: Actor, query: EventQuery) -> QuerySet[Event]:
    """Return the visible events that fit, newest first."""
    rows = _visible(actor).filter(**_equal(query))
    if query.q:
        rows = rows.filter(object_name__icontains=query.q)
    if query.since:
        rows = rows.filter(at__gte=query.since)
    if query.until:
        rows = rows.filter(at__lt=query.until)
    return rows.order_by("-at", "-id")


def _equal(query: EventQuery) -> dict[str, Any]:
    names = {
        "host_id": query.host,
        "kind": query.kind,
        "object_kind": query.object,
        "object_id": query.container,
    }
    return {name: value for name, value in names.items() if value not in (None, "")}


def _visible(actor: Actor) -> QuerySet[Event]:
    """The events that may be seen; by host ids, so that the index on time serves the order."""
    if actor.access.reach("container.view").everywhere:
        return visible_events(actor)
    reach = actor.access.reach("container.view")
    hosts = visible_hosts(actor).filter(reach.q()).values_list("pk", flat=True)
    return visible_events(actor).filter(host_id__in=list(hosts))


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


def event_rows(actor: Actor, events: list[Event]) -> list[EventRow]:
    """Return rows for events (newest first) that the actor may see, folded; two queries."""
    containers = _containers(actor, events)
    jobs = _jobs(actor, events)
    rows = [
        EventRow(
            event,
            containers.get((event.host_id, event.object_id)),
            _cause(event, jobs.get((event.host_id, event.object_id), ())),
        )
        for event in events
    ]
    return [EventRow.of([rows[place] for place in act]) for act in acts_of(events)]


def latest_rows(actor: Actor, events: QuerySet[Event], count: int) -> list[EventRow]:
    """Return the newest rows of some events that the actor may see, at most `count`."""
    newest = events.order_by("-at", "-id")[: count * MOST_OF_AN_ACT]
    return event_rows(actor, list(newest))[:count]


def _containers(actor: Actor, events: list[Event]) -> dict[tuple[int, str], int]:
    ids = {event.object_id for event in events if event.object_kind == "container"}
    if not ids:
        return {}
    rows = visible_containers(actor).filter(engine_id__in=ids).select_related(None).order_by()
    found = rows.values_list("host_id", "engine_id", "pk")
    return {(host, engine_id): pk for host, engine_id, pk in found}


def _jobs(actor: Actor, events: list[Event]) -> dict[tuple[int, str], list[Job]]:
    found: dict[tuple[int, str], list[Job]] = defaultdict(list)
    own = [event for event in events if event.object_kind == "container"]
    if not own:
        return found
    times = [event.at for event in own]
    jobs = visible_jobs(actor).filter(
        host__in={event.host_id for event in own},
        target_engine_id__in={event.object_id for event in own},
        started_at__range=(min(times) - timedelta(minutes=15), max(times) + CAUSE_BEFORE),
    )
    for job in jobs.order_by("-id")[:JOBS_LIMIT]:
        found[job.host_id or 0, job.target_engine_id].append(job)
    return found


def _cause(event: Event, jobs: Iterable[Job]) -> Job | None:
    """Return the job that ran on the container when the event happened."""
    for job in jobs:
        began = job.started_at or job.created_at
        ended = job.finished_at or timezone.now()
        if began - CAUSE_BEFORE <= event.at <= max(ended, began + CAUSE_AFTER):
            return job
    return None


def ranges() -> list[tuple[str, str]]:
    """Return the spans of time to choose from, with words."""
    return [("1h", _("last hour")), ("24h", _("last 24 hours")), ("7d", _("last 7 days"))]


def event_kinds() -> list[tuple[str, str]]:
    """Return the kinds to filter by, with words."""
    return sorted(((name, str(words[2])) for name, words in KINDS.items()), key=lambda p: p[1])


def object_kinds() -> list[tuple[str, str]]:
    """Return the kinds of objects to filter by, with words."""
    return [(name, str(words)) for name, words in OBJECTS.items()]
