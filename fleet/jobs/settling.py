"""What an earlier attempt had begun is brought to an end: also of a job that was cancelled since.

A worker may die where an operation must not stop, such as between the end of an old container and
the start of a new one. Such an operation `settles`: the reaper queues its job again whatever was
asked for since, and each attempt but the first does that before all else, without being cut short.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.utils.translation import gettext as _

from fleet.engine.errors import EngineError, Unreachable
from fleet.jobs.engines import guarded_engine
from fleet.jobs.reporter import Cancelled, JobReporter
from fleet.jobs.states import MAX_ATTEMPTS
from fleet.jobs.work import Failed, Work
from fleet.models import Host, Job
from fleet.operations.registry import REGISTRY, Operation

PATIENCE_SECONDS = 60.0  # for a host that cannot be reached in the midst of it
PAUSE_SECONDS = 2.0
T = TypeVar("T")


def settle_first(operation: Operation, job: Job, host: Host, reporter: JobReporter) -> str:
    """Settle before a further attempt; return how it is then, in words, "" for a first one.

    Raises NothingToDo when it was done but for that, and Cancelled or Failed when that is all that
    this attempt is for.
    """
    settles = operation.settles
    if settles is None or job.attempt < 2:
        return ""

    def settled() -> str:
        with guarded_engine(host, reporter) as engine:
            return settles(Work(job, host, engine, reporter))

    with reporter.insisting():
        try:
            words = patiently(settled)
        except EngineError as error:
            raise Failed(f"{error} {left_words(job)}".strip(), error.raw) from error
    try:
        reporter.check()
    except Cancelled:
        said = _("Cancelled after its worker had fallen silent. %(now)s")
        raise Cancelled(said % {"now": words}) from None
    if job.attempt > MAX_ATTEMPTS:
        raise Failed(_("Its workers fell silent again and again. %(now)s") % {"now": words})
    return words


def patiently(call: Callable[[], T]) -> T:
    """Call until the host can be reached, for about a minute. Raises the last EngineError.

    What a host says when it is back counts no more than its silence: it may still be busy with it.
    """
    until, was_away = time.monotonic() + PATIENCE_SECONDS, False
    while True:
        try:
            return call()
        except EngineError as error:
            was_away = was_away or isinstance(error, Unreachable)
            if not was_away or time.monotonic() >= until:
                raise
            time.sleep(PAUSE_SECONDS)


def left_words(job: Job) -> str:
    """Return what an earlier attempt may have left and what to do about it; "" for most jobs."""
    operation = REGISTRY.get(job.operation)
    if operation is None or operation.left is None or not job.attempt:
        return ""
    return operation.left(job)
