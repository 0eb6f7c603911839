"""Running one job from its claim to its end."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils.translation import gettext as _

from fleet.crypto import SecretLost
from fleet.engine.errors import EngineError
from fleet.jobs.claims import claim_job
from fleet.jobs.engines import guarded_engine
from fleet.jobs.pulse import pulse
from fleet.jobs.reporter import Cancelled, ClaimLost, JobReporter
from fleet.jobs.settling import left_words, settle_first
from fleet.jobs.work import Failed, NothingToDo, Work
from fleet.models import Host, Job, JobState
from fleet.operations.registry import REGISTRY, Operation, words
from fleet.reach import access_of

FINISH_TRIES = 6  # with growing pauses, about six seconds: a database may be away for a moment
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ending:
    """How a job ended: its state, why in words, and the engine's own words."""

    state: JobState
    message: str
    error: str = ""


def run_job(job_id: int) -> None:
    """Claim a job, do it and end it; nothing happens when it is not to be had."""
    job = claim_job(job_id)
    if job is None:
        return
    reporter = JobReporter(job)
    ending = _stopped(job)
    with pulse.watching(reporter):
        try:
            ending = _do(job, reporter)
        finally:
            if ending is not None:
                _finish(reporter, ending)


def _stopped(job: Job) -> Ending | None:
    """Return how a job ends whose worker is stopped; what must not stay half done runs again."""
    operation = REGISTRY.get(job.operation)
    if operation is not None and operation.settles is not None:
        return None
    return Ending(JobState.ERRORED, _("Its worker was stopped in the middle."))


def _finish(reporter: JobReporter, ending: Ending) -> None:
    for attempt in range(FINISH_TRIES):
        try:
            reporter.finish(ending.state, ending.message, ending.error)
            return
        except (DatabaseError, InterfaceError) as error:
            log.warning("end_not_written", job=reporter.job.pk, error=str(error))
            close_old_connections()
            time.sleep(0.1 * 2**attempt)


def _do(job: Job, reporter: JobReporter) -> Ending | None:
    """Return how it ended; None when it was taken away and must not be touched."""
    try:
        operation = REGISTRY[job.operation]
        host = _host_of(job)
        now = settle_first(operation, job, host, reporter)
        _check_right(operation, job, host, now)
        said = words(operation, job.target_name)
        named = _("%(doing)s.") if job.target_name == host.name else _("%(doing)s on %(host)s.")
        reporter.line(named % {"doing": said["doing"], "host": host.name})
        _act(operation, job, host, reporter)
        return Ending(JobState.SUCCEEDED, _("%(done)s.") % said)
    except ClaimLost:
        return None
    except Cancelled as words_of_it:
        return _cancelled(str(words_of_it))
    except NothingToDo as why:
        return Ending(JobState.SUCCEEDED, str(why))
    except Failed as error:
        return Ending(JobState.FAILED, str(error), error.raw)
    except SecretLost as error:
        return Ending(JobState.FAILED, str(error))
    except EngineError as error:
        return _engine_said_no(error, reporter)
    except Exception:
        log.exception("job_errored", job=job.pk, operation=job.operation)
        return Ending(JobState.ERRORED, _("Quayside made a mistake; its log says more."))


def _act(operation: Operation, job: Job, host: Host, reporter: JobReporter) -> None:
    if operation.run is None:
        raise Failed(_("This is not done by workers."))
    with guarded_engine(host, reporter) as engine:
        operation.run(Work(job, host, engine, reporter))


def _engine_said_no(error: EngineError, reporter: JobReporter) -> Ending | None:
    if reporter.lost.is_set():
        return None
    if reporter.cancelled.is_set():
        return _cancelled()
    return Ending(JobState.FAILED, str(error), error.raw)


def _cancelled(what_became: str = "") -> Ending:
    otherwise = _("Cancelled while it ran. The engine may still finish what it had begun.")
    return Ending(JobState.CANCELLED, what_became or otherwise)


def _host_of(job: Job) -> Host:
    """Return the host to act on, as things stand now. Raises Failed in words."""
    host = job.host
    if host is None:
        raise Failed(_("The host was removed in the meantime."))
    if not host.enabled:
        why = _("The host %(host)s is switched off.") % {"host": host.name}
        raise Failed(f"{why} {left_words(job)}".strip() if job.attempt > 1 else why)
    return host


def _check_right(operation: Operation, job: Job, host: Host, now: str) -> None:
    """Raise Failed for who may not do it any more; `now` says what was settled before that.

    What was begun with the right is not left half done for want of it.
    """
    by_a_person = job.actor is not None or job.actor_name != "system"
    if by_a_person and not access_of(job.actor).may(operation.permission, host):
        name = job.actor_name or _("This user")
        why = _("%(name)s may not do this any more.") % {"name": name}
        raise Failed(f"{why} {now}".strip())
