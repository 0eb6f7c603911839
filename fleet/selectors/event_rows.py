"""Events as lines of a list: an act in one line, what repeats in one line, and who caused it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet.access import visible_containers, visible_jobs
from fleet.actor import Actor
from fleet.models import Event, Job
from fleet.selectors.event_folds import (
    ON_PURPOSE,
    act_icon,
    act_said,
    act_tone,
    acts_of,
    repeats_of,
)
from fleet.selectors.event_words import event_icon, event_tone, event_words, exit_code_of
from fleet.selectors.exit_codes import exit_code_by, is_harmless

# How long after a job began the engine may still tell what it did; and clocks differ a little.
CAUSE_AFTER, CAUSE_BEFORE = timedelta(seconds=5), timedelta(seconds=2)
# These let a container run: an end that follows is its own.
STARTING = frozenset({"container.start", "container.unpause", "container.rename"})
OWN_ENDS = frozenset({"die", "oom", "health_status"})
JOBS_LIMIT = 500
MOST_OF_AN_ACT = 5  # so many events are read for each line of a short list


@dataclass(frozen=True)
class EventRow:
    """An event in words, with the container's page and the job that caused it, where known.

    Or an act of several events (`parts`, the oldest first), or one that came again and again
    (`repeats`, acts with the oldest first); `event` is the newest of them.
    """

    event: Event
    container: int | None = None
    job: Job | None = None
    parts: tuple[EventRow, ...] = ()
    repeats: tuple[EventRow, ...] = ()

    @classmethod
    def of(cls, parts: list[EventRow]) -> EventRow:
        """Return one row for the events of an act, the oldest first."""
        if len(parts) == 1:
            return parts[0]
        job = next((part.job for part in reversed(parts) if part.job), None)
        if job and _was_its_own(parts, job):
            job = None
        return replace(parts[-1], job=job, parts=tuple(parts))

    @classmethod
    def of_repeats(cls, acts: list[EventRow]) -> EventRow:
        """Return one row for acts that say the same, the oldest first."""
        return replace(acts[-1], repeats=tuple(acts)) if len(acts) > 1 else acts[0]

    @property
    def events(self) -> list[Event]:
        """What it tells, the oldest first."""
        if self.repeats:
            return [event for act in self.repeats for event in act.events]
        return self.act

    @property
    def act(self) -> list[Event]:
        """The events of its act, or of the newest of its acts."""
        return [part.event for part in self.parts] or [self.event]

    @property
    def key(self) -> int:
        """Its id on a page: that of its first event, so that it stays while an act goes on."""
        return self.events[0].pk

    @property
    def states(self) -> tuple[str, str]:
        """The state before and after; empty where it stays or is not known."""
        before = next((event.from_state for event in self.act if event.from_state), "")
        told = [event for event in self.act if event.to_state or event.kind == "destroy"]
        after = told[-1].to_state if told else ""
        return (before, after) if before and after and before != after else ("", "")

    @property
    def said(self) -> list[str]:
        """What happened, to follow the object's name: one piece for each thing."""
        if self.parts:
            return act_said(self.act, self.job.operation if self.job else "")
        return [event_words(self.event)]

    @property
    def words(self) -> str:
        """What happened, to follow the object's name."""
        return ", ".join(self.said)

    @property
    def lead(self) -> str:
        """The part of the words after which stands who did it."""
        return self.words if self._ends_with_cause else self.said[0]

    @property
    def rest(self) -> str:
        """What follows on who did it."""
        return "" if self._ends_with_cause else ", ".join(self.said[1:])

    @property
    def _ends_with_cause(self) -> bool:
        return self.job is None or self.job.operation in STARTING

    @property
    def times(self) -> str:
        """How often it came, in words; empty for once."""
        count = len(self.repeats)
        return ngettext("%(n)d time", "%(n)d times", count) % {"n": count} if count else ""

    @property
    def short_name(self) -> str:
        """The object's name; of an id, the letters that engines show."""
        name = self.event.object_name
        bare = name.removeprefix("sha256:")
        return bare[:12] if len(bare) == 64 else name

    @property
    def icon(self) -> str:
        """The icon's name."""
        return act_icon(self.act) if self.parts else event_icon(self.event)

    @property
    def tone(self) -> str:
        """ok, bad, warn or idle."""
        return act_tone(self.act) if self.parts else event_tone(self.event)

    @property
    def rev(self) -> str:
        """Changes with what is shown; an event itself never does, an act grows."""
        told = [event.pk for event in self.events]
        acted = f".{told[0]}-{told[-1]}.{len(told)}" if len(told) > 1 else ""
        return f"{self.container or 0}.{self.job.pk if self.job else 0}{acted}"


def _was_its_own(parts: list[EventRow], job: Job) -> bool:
    """Whether an act is an end that no job asked for: engines tell a signal of those that did.

    Podman tells of none; a start that follows on an end is that of a job, if it is a job's.
    """
    codes = {exit_code_of(part.event) for part in parts if part.event.kind == "die"}
    kinds = {part.event.kind for part in parts if not _went_on(part.event, codes)}
    told = parts[-1].event.host.product.startswith("Podman") or kinds & ON_PURPOSE
    return "die" in kinds and not told and job.operation not in STARTING


def _went_on(event: Event, codes: set[int | None]) -> bool:
    """Whether it is a signal after which processes go on, and this one did not end by it."""
    signal = str(event.detail.get("signal", "")) if event.kind == "kill" else ""
    return is_harmless(signal) and exit_code_by(signal) not in codes


def event_rows(actor: Actor, events: list[Event]) -> list[EventRow]:
    """Return rows for events (newest first) that the actor may see, folded; two queries."""
    containers = _containers(actor, events)
    jobs = _jobs(actor, events)
    rows = [
        EventRow(
            event,
            containers.get((event.host_id, event.object_id)),
            _cause(event, jobs),
        )
        for event in events
    ]
    acts = [EventRow.of([rows[place] for place in act]) for act in acts_of(events)]
    repeats = repeats_of([(act.act, "" if act.job else act.words) for act in acts])
    return [EventRow.of_repeats([acts[place] for place in places]) for places in repeats]


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


@dataclass(frozen=True)
class _Jobs:
    """The jobs that may have caused events: by what they were on, and by their ids."""

    on: dict[tuple[int, str], list[Job]]
    by_id: dict[int, Job]


def _jobs(actor: Actor, events: list[Event]) -> _Jobs:
    on: dict[tuple[int, str], list[Job]] = defaultdict(list)
    told = {job_id_of(event) for event in events} - {0}
    own = [event for event in events if event.object_kind == "container"]
    if not own and not told:
        return _Jobs(on, {})
    wanted = Q(pk__in=told)
    if own:
        times = [event.at for event in own]
        wanted |= Q(
            host__in={event.host_id for event in own},
            target_engine_id__in={event.object_id for event in own},
            started_at__range=(min(times) - timedelta(minutes=15), max(times) + CAUSE_BEFORE),
        )
    by_id = {}
    for job in visible_jobs(actor).filter(wanted).order_by("-id")[:JOBS_LIMIT]:
        by_id[job.pk] = job
        if job.started_at:
            on[job.host_id or 0, job.target_engine_id].append(job)
    return _Jobs(on, by_id)


def job_id_of(event: Event) -> int:
    """Return the id of the job that an event of ours is about; 0 for none."""
    said = event.detail.get("job") if event.kind == "job" and isinstance(event.detail, dict) else 0
    return said if isinstance(said, int) else 0


def _cause(event: Event, jobs: _Jobs) -> Job | None:
    if event.kind == "job":
        return jobs.by_id.get(job_id_of(event))
    return cause_of(event, jobs.on.get((event.host_id, event.object_id), ()))


def cause_of(event: Event, jobs: Iterable[Job]) -> Job | None:
    """Return the job that ran on the container when the event happened, of those on it."""
    for job in jobs:
        if event.kind in OWN_ENDS and job.operation in STARTING:
            continue
        began = job.started_at or job.created_at
        ended = job.finished_at or timezone.now()
        if began - CAUSE_BEFORE <= event.at <= max(ended, began + CAUSE_AFTER):
            return job
    return None


def who(job: Job) -> str:
    """Return who asked for a job."""
    return job.actor_name or _("Quayside")
