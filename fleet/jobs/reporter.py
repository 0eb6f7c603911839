"""What a running job tells, written only by who holds its claim."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from fleet.jobs.endings import end_job
from fleet.jobs.meter import Measured, Meter
from fleet.jobs.silence import Silence
from fleet.models import Job, JobLine, JobParts, JobState, LineLevel
from fleet.publish import JobsChanged, publish

TEXT_LIMIT = 4000  # characters of a line
LINES_LIMIT = 20_000  # lines of a job
MESSAGE_LIMIT = 500
PERCENT_SECONDS = 0.5  # progress alone is written at most this often


class ClaimLost(Exception):
    """The job is somebody else's by now: stop, and write nothing."""


class Cancelled(Exception):
    """Somebody asked for the job to be cancelled; with words, what became of it then."""


@dataclass(frozen=True)
class Line:
    """A line that waits to be saved."""

    at: datetime
    level: str
    text: str
    part: int | None = None


class JobReporter:
    """Buffers lines and percent of one claimed job, saves them, and ends it.

    The worker's pulse saves what has gathered four times a second and tells when a
    cancellation or the loss of the claim was seen; both hang up on the engine.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.cancelled = threading.Event()
        self.lost = threading.Event()
        self.dirty = threading.Event()
        self._lock = threading.RLock()
        self._lines: list[Line] = []
        self._percent = job.progress
        self._flushed = 0.0
        self._written = _last_number(job)
        self._meter = Meter()
        self._silence = Silence()
        self._measured_at = 0.0
        self._hang_up: Callable[[], None] | None = None
        self._keep: Callable[[], None] | None = None
        self._insists = False

    # --- What operations say ---------------------------------------------------------------

    def line(self, text: str, *, level: str = "info", part: int | None = None) -> None:
        """Add a line; it is saved within a quarter of a second. Raises as `check` does."""
        self._news()
        self._add(text, level=level, part=part)

    def _add(self, text: str, *, level: str, part: int | None = None) -> None:
        clean = text.replace("\x00", "\N{REPLACEMENT CHARACTER}").rstrip()[:TEXT_LIMIT]
        known = level if level in LineLevel.values else LineLevel.INFO
        with self._lock:
            self._lines.append(Line(timezone.now(), known, clean, part))
        self.dirty.set()

    def percent(self, value: int) -> None:
        """Set the progress, 0 to 100. Raises as `check` does."""
        self._stop_if_told()
        value = max(0, min(100, value))
        if value != self._percent:
            self._percent = value
            self.dirty.set()

    def part(self, label: str, state: str, done: int = 0, total: int = 0) -> None:
        """Say how far a part is, such as a layer; the percent follows. Raises as `check` does."""
        self._news()
        self._meter.tell(label, state, done, total)
        self.dirty.set()

    def awaiting(self, *, packs: bool = False) -> AbstractContextManager[None]:
        """Within the block lines and parts are due: it is told when none come for a while.

        An engine that `packs`, or unpacks, may well say nothing for minutes.
        """
        return self._silence.waiting(is_usual=packs)

    def keep(self, save: Callable[[], None]) -> None:
        """Call this in the transaction of each saving, and of the end."""
        self._keep = save

    def touch(self) -> None:
        """There is something new to be kept. Raises as `check` does."""
        self._news()
        self.dirty.set()

    def check(self) -> None:
        """Ask the database whether to go on; called before each call to the engine.

        Raises ClaimLost when the job is somebody else's or over, Cancelled when asked to stop.
        """
        row = self._mine().values_list("cancel_requested_at", flat=True)[:1]
        found = list(row)
        if not found:
            self.lost.set()
        elif found[0] is not None:
            self.cancelled.set()
        self._stop_if_told()

    @contextmanager
    def insisting(self) -> Iterator[None]:
        """Within the block a cancellation is not heard: to bring to an end what was begun."""
        before, self._insists = self._insists, True
        try:
            yield
        finally:
            self._insists = before

    def _news(self) -> None:
        self._stop_if_told()
        if self._silence.heard():
            self._add(_("It moves again."), level=LineLevel.INFO)

    def _stop_if_told(self) -> None:
        if self.lost.is_set():
            raise ClaimLost
        if self._hears_cancel:
            raise Cancelled

    @property
    def _hears_cancel(self) -> bool:
        return self.cancelled.is_set() and not self._insists

    # --- What the pulse does ---------------------------------------------------------------

    def attach(self, hang_up: Callable[[], None]) -> Callable[[], None] | None:
        """Remember how to end the engine call that is under way; return what it was before."""
        before, self._hang_up = self._hang_up, hang_up
        if self.lost.is_set() or self._hears_cancel:
            hang_up()
        return before

    def detach(self, before: Callable[[], None] | None = None) -> None:
        """The engine is closed; `before` is that of the one that was attached before it."""
        self._hang_up = before

    def stop(self, why: threading.Event) -> None:
        """Set `cancelled` or `lost` and hang up on the engine, once."""
        if why.is_set():
            return
        why.set()
        hang_up = self._hang_up
        if hang_up is not None and (self.lost.is_set() or self._hears_cancel):
            hang_up()

    def tell_silence(self) -> None:
        """Add a line when what was awaited has not come for a while."""
        if seconds := self._silence.due():
            said = _("Nothing has moved for %(n)d s. Cancel ends it at once.")
            level = LineLevel.ERROR
            if self._silence.is_usual:
                said = _(
                    "Nothing has come for %(n)d s; an engine may still be packing or unpacking."
                    " Cancel ends it at once."
                )
                level = LineLevel.INFO
            self._add(said % {"n": seconds}, level=level)

    def flush(self) -> None:
        """Save what has gathered, if the job is still ours. Raises DatabaseError."""
        with self._lock:
            early = not self._lines and monotonic() - self._flushed < PERCENT_SECONDS
            if self.lost.is_set() or not self.dirty.is_set() or early:
                return
            self.dirty.clear()  # first: what is told from here on sets it again
            try:
                measured = self._look()
                won = self._save(measured)
            except BaseException:
                self.dirty.set()
                raise
            self._saved() if won else self.stop(self.lost)
        if won:
            publish(JobsChanged(ids=self._concerned(measured)))

    def _save(self, measured: Measured | None) -> bool:
        with transaction.atomic():
            changes = self._changes(measured)
            won = self._mine().update(revision=F("revision") + 1, **changes)
            if won:
                self._save_lines()
                self._save_parts(measured)
                self._save_kept()
        return bool(won)

    def _concerned(self, measured: Measured | None) -> list[int]:
        """The page of a larger job adds up what its children move."""
        above = self.job.parent_id if measured else None
        return [self.job.pk, above] if above else [self.job.pk]

    def _look(self) -> Measured | None:
        """Measure the parts, unless that was done just now (lines are saved more often)."""
        if self._meter.is_empty:
            return None
        if monotonic() - self._measured_at < PERCENT_SECONDS:
            self.dirty.set()
            return None
        self._measured_at = monotonic()
        measured = self._meter.look()
        if measured is not None:
            self._percent = max(self._percent, measured.percent)
            if measured.speed:
                self.dirty.set()  # what comes to a halt is seen to do so
        return measured

    def _changes(self, measured: Measured | None) -> dict[str, Any]:
        changes: dict[str, Any] = {"progress": self._percent, "heartbeat_at": timezone.now()}
        if measured is not None:
            changes |= {"bytes_done": measured.done, "bytes_total": measured.total}
            changes["bytes_per_second"] = measured.speed
        if self._lines:
            changes["message"] = self._lines[-1].text[:MESSAGE_LIMIT]
        return changes

    def _save_lines(self) -> None:
        room = max(0, LINES_LIMIT - self._written)
        kept = self._lines[:room]
        if room and len(self._lines) >= room:
            kept[-1] = Line(timezone.now(), LineLevel.ERROR, _("Further lines are not kept."))
        JobLine.objects.bulk_create(
            JobLine(
                job=self.job,
                number=number,
                at=line.at,
                level=line.level,
                text=line.text,
                part=line.part,
            )
            for number, line in enumerate(kept, start=self._written + 1)
        )

    def _save_parts(self, measured: Measured | None) -> None:
        if measured is not None:
            row = JobParts(job=self.job, parts=measured.parts)
            JobParts.objects.bulk_create(
                [row], update_conflicts=True, unique_fields=["job"], update_fields=["parts"]
            )

    def _save_kept(self) -> None:
        if self._keep is not None:
            self._keep()

    def _saved(self) -> None:
        self._written = min(LINES_LIMIT, self._written + len(self._lines))
        self._flushed = monotonic()
        self._lines.clear()

    def _mine(self) -> Any:
        return Job.objects.filter(pk=self.job.pk, claim=self.job.claim, state=JobState.RUNNING)

    # --- The end ---------------------------------------------------------------------------

    def finish(self, state: JobState, message: str, error: str = "") -> bool:
        """Save the last lines and end the job; False when it was not ours any more."""
        with self._lock, transaction.atomic():
            ours = Q(claim=self.job.claim, state=JobState.RUNNING)
            if state == JobState.SUCCEEDED:
                self._meter.complete()
            if (measured := self._meter.look()) is not None:
                last = {"bytes_done": measured.done, "bytes_total": measured.total}
                if self._mine().update(bytes_per_second=None, **last):
                    self._save_parts(measured)
            changed = end_job(self.job, ours, state, message[:MESSAGE_LIMIT], error=error)
            if changed:
                self._save_lines()
                self._save_kept()
        if changed:
            self._saved()
        return changed


def _last_number(job: Job) -> int:
    if job.attempt <= 1:
        return 0
    last = JobLine.objects.filter(job=job).aggregate(last=Max("number"))["last"]
    return int(last or 0)
