"""What happened to a container when it last ended: why, who, what changed before, what else was.

All of it is known to the database; `death_details` asks the engine for what only that can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from fleet.access import access_container, visible_events
from fleet.actor import Actor
from fleet.models import Container, ContainerState, Event, Job
from fleet.models.events import TOLD_TO_END
from fleet.selectors.event_rows import STARTING, EventRow, event_rows, who
from fleet.selectors.event_words import exit_code_of
from fleet.selectors.exit_codes import (
    exit_code_by,
    exit_sentence,
    exit_words,
    is_harmless,
    signal_name,
    signal_of,
)
from fleet.selectors.last_change import Change, last_change

BEFORE = timedelta(hours=1)
AFTER = timedelta(seconds=10)  # what still belongs to the end: it is started again, removed
APART = timedelta(seconds=5)  # between what an event and what the engine's own row tell of one end
SHOWN = 100
OVER = frozenset({ContainerState.EXITED, ContainerState.DEAD})
UP = frozenset({ContainerState.RUNNING, ContainerState.PAUSED})
KILLED = 137
POLITE = frozenset({"container.stop", "container.restart"})
STOPPED = frozenset({"stop", "restart"})
Cause = Literal["memory", "job", "signal", "itself"]


@dataclass(frozen=True)
class Death:
    """One end of a container, with all that is known of it here."""

    container: Container
    at: datetime
    exit_code: int | None
    cause: Cause
    signal: str  # what its process was sent before; "" when the engine tells of none
    job: Job | None
    began: datetime | None  # when the run began that ended
    ends: int  # how often it ended within the hour before, this one too
    change: Change | None
    rows: list[EventRow]  # what else happened in that hour, the newest first

    @property
    def ran(self) -> timedelta | None:
        """How long it had run."""
        return self.at - self.began if self.began and self.began <= self.at else None

    @property
    def runs_again(self) -> bool:
        """Whether it was started again since."""
        row = self.container
        return row.state in UP and bool(row.started_at and row.started_at > self.at)

    @property
    def calm(self) -> bool:
        """Whether nothing was wrong with it."""
        told = self.cause in {"job", "signal"} and self.exit_code in TOLD_TO_END
        return self.cause != "memory" and (told or not self.exit_code)

    @property
    def headline(self) -> str:
        """What happened, in a few words."""
        if self.cause == "memory":
            return _("Killed: it ran out of memory")
        if self.cause == "job" and self.job:
            return _by_job(self.job)
        if self.cause == "signal":
            return _("Told to end from outside of Quayside")
        if self.exit_code is None:
            return _("It ended")
        if self.exit_code == 0:
            return _("It ended by itself, without an error")
        if signal := signal_of(self.exit_code):
            return _("Ended by the signal %(name)s") % {"name": signal_name(signal)}
        return _("It ended by itself, with an error")

    @property
    def exit_text(self) -> str:
        """The exit code with its short meaning; empty where the engine kept none."""
        return "" if self.exit_code is None else exit_words(self.exit_code)

    @property
    def meaning(self) -> str:
        """What the exit code says, as a sentence."""
        if self.cause == "memory":
            return _("The kernel killed it: it wanted more memory than it may use.")
        if self.exit_code == KILLED and self.job and self.job.operation in POLITE:
            return _("It did not end in the time that it was given, so the engine killed it.")
        return "" if self.exit_code is None else exit_sentence(self.exit_code)

    @property
    def by_whom(self) -> str:
        """Who ended it, as a sentence."""
        if self.cause == "job" and self.job:
            return who(self.job)
        if self.cause == "memory":
            return _("Nobody: the kernel did, for want of memory.")
        if self.cause == "signal":
            return _(
                "Somebody sent it %(name)s, as docker stop, Compose or a host that shuts down does."
                " No job of Quayside did."
            ) % {"name": signal_name(self.signal)}
        if self.exit_code is not None and signal_of(self.exit_code):
            return _(
                "The engine tells of nobody: the process itself, the kernel or something else on"
                " the host did."
            )
        return _("Nobody: its process ended by itself.")


def _by_job(job: Job) -> str:
    words = {
        "container.stop": _("Stopped by %(who)s"),
        "container.restart": _("Restarted by %(who)s"),
        "container.kill": _("Killed by %(who)s"),
        "container.remove": _("Removed by %(who)s"),
    }
    return words.get(job.operation, _("Ended by %(who)s")) % {"who": who(job)}


def container_death(actor: Actor, pk: int) -> Death | None:
    """Return the last end of a container; None while it has not ended. Raises Unknown."""
    row = access_container(actor, pk)
    own = visible_events(actor).filter(host=row.host, object_id=row.engine_id)
    died = _last_end(row, own)
    if died is None:
        return None
    rows = _hour_before(actor, row, died)
    end = _row_of(actor, rows, died)
    oom = _ran_out_of_memory(row, own, died)
    began = _began(row, own, died)
    signal = _signal_of(own, end, died, began)
    job = end.job if end.job and end.job.operation not in STARTING else None
    cause: Cause = "memory" if oom else "job" if job else "signal" if signal else "itself"
    return Death(
        container=row,
        at=died.at,
        exit_code=exit_code_of(died),
        cause=cause,
        signal=signal,
        job=job,
        began=began,
        ends=max(1, own.filter(kind="die", at__gt=died.at - BEFORE, at__lte=died.at).count()),
        change=last_change(actor, row, died.at),
        rows=rows,
    )


def last_end(actor: Actor, row: Container) -> datetime | None:
    """Return when a container that the actor sees last ended; None while it has not."""
    own = visible_events(actor).filter(host=row.host, object_id=row.engine_id)
    died = _last_end(row, own)
    return died.at if died else None


def _last_end(row: Container, own: QuerySet[Event]) -> Event | None:
    """Return the newest end: an event, or where none was told what the engine's row says."""
    told = own.filter(kind="die").order_by("-at", "-id").first()
    finished = row.finished_at
    if told and (finished is None or told.at >= finished - APART):
        return told
    if finished is None:
        return None
    code = {} if row.exit_code is None else {"exit_code": row.exit_code}
    return Event(
        host=row.host, at=finished, kind="die", object_kind="container",
        object_id=row.engine_id, object_name=row.name, detail=code,
    )  # fmt: skip


def _hour_before(actor: Actor, row: Container, died: Event) -> list[EventRow]:
    """Return what happened to it, to its host, and what went wrong there."""
    here = visible_events(actor).filter(
        host=row.host, at__range=(died.at - BEFORE, died.at + AFTER)
    )
    near = (
        Q(object_id=row.engine_id)
        | Q(object_kind="container", object_name=row.name)
        | Q(object_kind__in=("host", "daemon"))
    )
    # Many problems of others leave its own events in sight.
    found = [
        *here.filter(near).order_by("-at", "-id")[:SHOWN],
        *here.filter(problem=True).exclude(near).order_by("-at", "-id")[:SHOWN],
    ]
    return event_rows(actor, sorted(found, key=lambda event: (event.at, event.pk), reverse=True))


def _row_of(actor: Actor, rows: list[EventRow], died: Event) -> EventRow:
    """Return the act that the end is part of."""
    for row in rows:
        for act in row.repeats or (row,):
            if died.pk and any(event.pk == died.pk for event in act.act):
                return act
    return event_rows(actor, [died])[0]


def _signal_of(own: QuerySet[Event], end: EventRow, died: Event, began: datetime | None) -> str:
    """Return the signal that it ended by; a stop may have given it long to do so."""
    if said := died.detail.get("signal"):
        return str(said)
    if STOPPED & {event.kind for event in end.act}:
        run = Q(at__range=(began or died.at - BEFORE, died.at))
        sent = own.filter(run, kind="kill").order_by("-at", "-id").first()
        return str(sent.detail.get("signal", "")) if sent else ""
    for event in reversed(end.act):
        signal = str(event.detail.get("signal", "")) if event.kind == "kill" else ""
        by_it = exit_code_of(died) == exit_code_by(signal)
        if signal and event.at <= died.at and (by_it or not is_harmless(signal)):
            return signal
    return ""


def _ran_out_of_memory(row: Container, own: QuerySet[Event], died: Event) -> bool:
    """Whether the kernel ended it. The engine's flag is that of the last run only."""
    if exit_code_of(died) not in {None, KILLED}:
        return False  # a child ran out of memory, the main process went on to its own end
    latest = row.state in OVER or row.state == ContainerState.RESTARTING
    if died.detail.get("oom") or (latest and row.oom_killed):
        return True
    return own.filter(kind="oom", at__range=(died.at - APART, died.at + APART)).exists()


def _began(row: Container, own: QuerySet[Event], died: Event) -> datetime | None:
    """Return when the run began: the event may be lost, the row may tell of a later run."""
    start = own.filter(kind="start", at__lte=died.at).order_by("-at", "-id").first()
    known = [start.at if start else None, row.started_at]
    return max((at for at in known if at and at <= died.at), default=None)
