"""What lists of events are asked for, and which events fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from fleet.access import visible_containers, visible_events, visible_hosts
from fleet.actor import Actor
from fleet.models import Event
from fleet.models.events import STACK_LIMIT
from fleet.selectors.event_words import KINDS, OBJECTS
from fleet.selectors.given import given_number, given_text

IDS_LIMIT = 200  # of containers that had one name
ENGINE_ID = re.compile(r"^[0-9a-f]{12,64}\Z")
RANGES = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
}
CURSOR = re.compile(r"^(\d{1,17})-(\d{1,18})\Z")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    environment: int | None = None
    host: int | None = None
    stack: str = ""
    kind: str = ""
    object: str = ""
    container: str = ""  # the engine's id, its first letters, our id, or a name
    problem: bool = False  # only what went wrong
    since: datetime | None = None
    until: datetime | None = None
    before: Cursor | None = None
    after: Cursor | None = None
    problems: tuple[str, ...] = ()

    @classmethod
    def parse(cls, params: Mapping[str, Any]) -> EventQuery:
        """Read a query string; times without a zone are in the reader's."""
        problems: list[str] = []
        since = _time(_text(params, "since"), problems)
        if (span := RANGES.get(_text(params, "range"))) is not None:
            since = timezone.now() - span
        no_host = _("There is no such host: the filter was left out.")
        no_place = _("There is no such environment: the filter was left out.")
        return cls(
            q=_text(params, "q"),
            environment=_number(_text(params, "environment"), no_place, problems),
            host=_number(_text(params, "host"), no_host, problems),
            stack=_text(params, "stack"),
            kind=_text(params, "kind"),
            object=_text(params, "object"),
            container=_text(params, "container"),
            problem=_text(params, "problem") not in {"", "0", "false"},
            since=since,
            until=_time(_text(params, "until"), problems),
            before=Cursor.parse(_text(params, "before")),
            after=Cursor.parse(_text(params, "after")),
            problems=tuple(problems),
        )

    @property
    def filtered(self) -> bool:
        """True when anything but the place in the list is asked for."""
        return any((self.q, self.environment, self.host, self.stack, self.kind, self.object,
                    self.container, self.problem, self.since, self.until))  # fmt: skip


def _text(params: Mapping[str, Any], name: str) -> str:
    return given_text(params.get(name, ""), STACK_LIMIT)


def _number(text: str, sentence: str, problems: list[str]) -> int | None:
    found = given_number(text)
    if text and found is None:
        problems.append(sentence)
    return found


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


def filter_events(actor: Actor, query: EventQuery) -> QuerySet[Event]:
    """Return the visible events that fit, newest first."""
    rows = _visible(actor, query.environment).filter(**_equal(query))
    if query.container:
        rows = rows.filter(_of_container(actor, query.container))
    if query.stack:
        rows = rows.filter(stack=query.stack)
    if query.problem:
        rows = rows.filter(problem=True)
    if query.q:
        rows = rows.filter(object_name__icontains=query.q)
    if query.since:
        rows = rows.filter(at__gte=query.since)
    if query.until:
        rows = rows.filter(at__lt=query.until)
    return rows.order_by("-at", "-id")


def _equal(query: EventQuery) -> dict[str, Any]:
    names = {"host_id": query.host, "kind": query.kind, "object_kind": query.object}
    return {name: value for name, value in names.items() if value not in (None, "")}


def _visible(actor: Actor, environment: int | None) -> QuerySet[Event]:
    """The events that may be seen; by host ids, so that the index on time serves the order."""
    reach = actor.access.reach("container.view")
    if reach.everywhere and environment is None:
        return visible_events(actor)
    hosts = visible_hosts(actor).filter(reach.q())
    if environment is not None:
        hosts = hosts.filter(environment_id=environment)
    return visible_events(actor).filter(host_id__in=list(hosts.values_list("pk", flat=True)))


def _of_container(actor: Actor, text: str) -> Q:
    """Events of a container by its engine's id, the first letters of that, our id, or its name.

    A name also finds what its engine told before it was renamed, as long as it is there.
    """
    if len(text) == 64 and ENGINE_ID.match(text):
        return Q(object_id=text)
    named = Q(object_kind="container", object_name=text)
    if ENGINE_ID.match(text):
        # The range is for the index; "g" comes after all letters of ids.
        near = Q(object_id__gte=text, object_id__lt=f"{text}g", object_id__startswith=text)
        return named | Q(near, object_kind="container")
    known = Q(name=text)
    if (pk := given_number(text, digits=11)) is not None:
        known |= Q(pk=pk)
    rows = visible_containers(actor).filter(known).order_by()
    ids = rows.values_list("engine_id", flat=True).distinct()
    return named | Q(object_id__in=list(ids[:IDS_LIMIT]))


def ranges() -> list[tuple[str, str]]:
    """Return the spans of time to choose from, with words."""
    return [("1h", _("last hour")), ("24h", _("last 24 hours")), ("7d", _("last 7 days"))]


def event_kinds() -> list[tuple[str, str]]:
    """Return the kinds to filter by, with words."""
    return sorted(((name, str(words[2])) for name, words in KINDS.items()), key=lambda p: p[1])


def object_kinds() -> list[tuple[str, str]]:
    """Return the kinds of objects to filter by, with words."""
    return [(name, str(words)) for name, words in OBJECTS.items()]
