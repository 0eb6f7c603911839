"""The pulse of a worker process: one thread that keeps all its jobs alive.

Every two seconds, or at once when the bell rings, one UPDATE writes the heartbeat of all jobs
that run here and one SELECT learns which of them were cancelled or taken away. A job whose
heartbeat could not be written for long is given up before the reaper hands it to another
worker: so it never runs twice at the same time. Between the beats lines are saved.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone

from fleet.jobs import bell, roster
from fleet.jobs.reporter import JobReporter
from fleet.models import Job, JobState

BEAT_SECONDS = 2.0
FLUSH_SECONDS = 0.25
# Give a job up after this part of JOB_SILENCE_SECONDS without a heartbeat.
GIVE_UP = 0.6
log = structlog.get_logger(__name__)


class Pulse:
    """Runs from the first job, or from the start of a worker, to the end of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reporters: dict[int, JobReporter] = {}
        self._heard: dict[int, float] = {}  # when a heartbeat of it was last written
        self._wake = threading.Event()
        self._rung = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._me: roster.WorkerFacts | None = None

    # --- From the workers' threads ---------------------------------------------------------

    @contextmanager
    def watching(self, reporter: JobReporter) -> Iterator[None]:
        """Keep the job's heart beating inside the block."""
        key = id(reporter)
        with self._lock:
            self._reporters[key] = reporter
            self._heard[key] = monotonic()  # the claim wrote the first one
        self.start()
        self._wake.set()
        try:
            yield
        finally:
            with self._lock:
                self._reporters.pop(key, None)
                self._heard.pop(key, None)

    def start(self, me: roster.WorkerFacts | None = None) -> None:
        """Start the threads, once; `me` puts this process on the roster."""
        with self._lock:
            self._me = me or self._me
            if self._thread is not None and self._thread.is_alive():
                return
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
            self._thread.start()
        ear = threading.Thread(
            target=bell.listen, args=(self.ring, self._stop), name="bell", daemon=True
        )
        ear.start()

    def ring(self) -> None:
        """Look at once for jobs that were cancelled."""
        self._rung.set()
        self._wake.set()

    def stop(self) -> None:
        """End the threads and leave the roster: the process ends in order."""
        self._stop.set()
        self._wake.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(5)

    # --- The pulse's own thread ------------------------------------------------------------

    def _run(self) -> None:
        due = monotonic() + BEAT_SECONDS
        self._tell(0)
        try:
            while not self._stop.is_set():
                self._wake.wait(FLUSH_SECONDS if self._mine() else max(0.0, due - monotonic()))
                self._wake.clear()
                self._flush()
                if self._rung.is_set() or monotonic() >= due:
                    self._rung.clear()
                    due = monotonic() + BEAT_SECONDS
                    self._beat()
        finally:
            self._leave()
            connection.close()

    def _mine(self) -> dict[int, JobReporter]:
        with self._lock:
            return dict(self._reporters)

    def _flush(self) -> None:
        for reporter in self._mine().values():
            reporter.tell_silence()
            if not reporter.dirty.is_set():
                continue
            try:
                reporter.flush()
            except (DatabaseError, InterfaceError) as error:
                log.warning("lines_not_saved", job=reporter.job.pk, error=str(error))
                close_old_connections()

    def _beat(self) -> None:
        mine = self._mine()
        self._tell(len(mine))
        if not mine:
            connection.close()  # idle: hold nothing
            return
        try:
            self._write_heartbeats(mine)
        except (DatabaseError, InterfaceError) as error:
            log.warning("heartbeat_not_written", error=str(error))
            close_old_connections()
        except Exception:
            log.exception("heartbeat_broken")
        self._give_up_silent(mine)

    def _write_heartbeats(self, mine: dict[int, JobReporter]) -> None:
        began = monotonic()
        claims = [reporter.job.claim for reporter in mine.values()]
        running = Job.objects.filter(claim__in=claims, state=JobState.RUNNING)
        running.update(heartbeat_at=timezone.now())
        asked = dict(running.values_list("claim", "cancel_requested_at"))
        for key, reporter in mine.items():
            if reporter.job.claim not in asked:
                reporter.stop(reporter.lost)  # taken away, or ended by its own thread just now
                continue
            with self._lock:
                if key in self._heard:
                    self._heard[key] = began
            if asked[reporter.job.claim] is not None:
                reporter.stop(reporter.cancelled)

    def _give_up_silent(self, mine: dict[int, JobReporter]) -> None:
        limit = settings.JOB_SILENCE_SECONDS * GIVE_UP
        for key, reporter in mine.items():
            with self._lock:
                heard = self._heard.get(key)
            if heard is not None and monotonic() - heard > limit:
                reporter.stop(reporter.lost)

    def _tell(self, busy: int) -> None:
        if self._me is None:
            return
        facts = {**vars(self._me), "busy": busy, "seen_at": timezone.now()}
        try:
            roster.tell(roster.WORKER, roster.WorkerFacts(**facts))
        except redis.RedisError as error:
            log.warning("roster_not_told", error=str(error))

    def _leave(self) -> None:
        if self._me is not None:
            try:
                roster.forget(roster.WORKER, self._me.id)
            except redis.RedisError as error:
                log.warning("roster_not_left", error=str(error))


pulse = Pulse()
