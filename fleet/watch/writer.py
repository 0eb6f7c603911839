"""What the watcher writes of containers and events: batches, each in one transaction.

All functions are synchronous and run in the watcher's database thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from fleet.engine.types import ContainerFacts
from fleet.models import Container, Event
from fleet.watch.fence import lock_host
from fleet.watch.rows import FIELDS, differs, new_row, row_values
from fleet.watch.story import Story, Told

# An engine's clock is its own, and events of one moment may come in any order: ask again for this
# much of what is recorded already.
OVERLAP = timedelta(seconds=1)
# How far an engine's clock may be behind ours.
SKEW = timedelta(seconds=10)
# Rows whose times are ours, not the engine's.
OUR_KINDS = ("seen", "job")


@dataclass(frozen=True)
class Saved:
    """Ids of the rows that were written or deleted."""

    changed: list[int] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    events: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Batch:
    """What one look at a host found: containers as they are, ids that are gone, event rows."""

    facts: Sequence[ContainerFacts] = ()
    gone: Sequence[str] = ()
    events: Sequence[Event] = ()

    def __bool__(self) -> bool:
        return bool(self.facts or self.gone or self.events)


@dataclass(frozen=True)
class Past:
    """What is recorded of a host, and since when (Unix seconds) to ask its engine for events.

    Without `since` the host was never reached before: its story begins now.
    """

    story: Story
    since: float | None


def save_batch(host_id: int, lease: int, host_name: str, batch: Batch) -> Saved:
    """Write what differs, delete what is gone, add the events; all or nothing.

    Raises Host.DoesNotExist when somebody removed the host meanwhile, LeaseLost when it is no
    longer ours.
    """
    with transaction.atomic():
        # The lock keeps the host's row until the end: its removal waits, or we do.
        lock_host(host_id, lease)
        changed = _save_containers(host_id, host_name, batch.facts)
        removed = _delete_containers(host_id, batch.gone)
        events = Event.objects.bulk_create(batch.events)
    return Saved(changed, removed, [event.pk for event in events])


def _save_containers(host_id: int, host_name: str, facts: Sequence[ContainerFacts]) -> list[int]:
    if not facts:
        return []
    now = timezone.now()
    ids = [one.engine_id for one in facts]
    known = {
        row.engine_id: row for row in Container.objects.filter(host_id=host_id, engine_id__in=ids)
    }
    rows = []
    for one in facts:
        values = row_values(one, host_name)
        old = known.get(one.engine_id)
        if old is None or differs(old, values):
            row = new_row(host_id, one.engine_id, values, now)
            row.revision = old.revision + 1 if old else 1
            rows.append(row)
    saved = Container.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["host", "engine_id"],
        update_fields=[*FIELDS, "seen_at", "revision"],
    )
    return [row.pk for row in saved]


def _delete_containers(host_id: int, engine_ids: Iterable[str]) -> list[int]:
    if not engine_ids:
        return []
    rows = Container.objects.filter(host_id=host_id, engine_id__in=list(engine_ids))
    ids = list(rows.values_list("id", flat=True))
    if ids:
        Container.objects.filter(id__in=ids).delete()
    return ids


def rows_not_in(host_id: int, engine_ids: set[str]) -> dict[str, str]:
    """Return id -> name of the host's containers whose ids are not among `engine_ids`."""
    known = Container.objects.filter(host_id=host_id).values_list("engine_id", "name")
    return {engine_id: name for engine_id, name in known if engine_id not in engine_ids}


def take_over(host_id: int, lease: int) -> Past:
    """Shut out whoever followed the host before, and return what was told of it so far.

    Raises Host.DoesNotExist, LeaseLost.
    """
    with transaction.atomic():
        last_seen = lock_host(host_id, lease).last_seen
        return _read_story(host_id, last_seen)


def _read_story(host_id: int, last_seen: datetime | None) -> Past:
    story = Story(host_id)
    rows = Container.objects.filter(host_id=host_id)
    for engine_id, state, health in rows.values_list("engine_id", "state", "health"):
        story.told[engine_id] = Told(state, health)
    if last_seen is None:
        return Past(story, None)
    events = Event.objects.filter(host_id=host_id)
    theirs = events.exclude(object_kind="host").exclude(kind__in=OUR_KINDS)
    since = _latest(theirs)
    if since:
        since -= OVERLAP
    else:
        # Nothing ever happened there: only our own clock says when we looked.
        met = events.filter(object_kind="host", kind="reachable")
        since = max(last_seen - SKEW, _latest(met) or last_seen - SKEW)
    story.recorded = set(theirs.filter(at__gte=since).values_list("at", "kind", "object_id"))
    return Past(story, since.timestamp())


def _latest(events: QuerySet[Event]) -> datetime | None:
    return events.order_by("-at").values_list("at", flat=True).first()
