"""The reaper: brings home what workers, the broker or a power cut left behind.

Safe to run in several places at once: every step is a compare-and-set.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import KombuError

from fleet.jobs.dispatch import dispatch, dispatch_on_commit
from fleet.jobs.endings import count_ended, end_job
from fleet.jobs.places import Place
from fleet.jobs.settling import left_words
from fleet.jobs.states import MAX_ATTEMPTS, SETTLE_ATTEMPTS
from fleet.models import OPEN_STATES, Job, JobLine, JobState, LineLevel
from fleet.operations.registry import REGISTRY, Operation
from fleet.operations.stages import advance_stalled
from fleet.publish import JobsChanged, publish_on_commit

RESEND_AFTER = timedelta(seconds=10)  # on its way for so long while its queue is empty
RESEND_ANYHOW = timedelta(minutes=5)
log = structlog.get_logger(__name__)


@dataclass
class Reaped:
    """What one pass did."""

    requeued: int = 0
    ended: int = 0
    resent: int = 0
    closed: int = 0

    def __bool__(self) -> bool:
        return bool(self.requeued or self.ended or self.resent or self.closed)


def reap() -> Reaped:
    """Make one pass; return what it did."""
    done = Reaped()
    _silent_jobs(done)
    _homeless_jobs(done)
    _lost_messages(done)
    _unsent_jobs(done)
    _finished_parents(done)
    advance_stalled()
    if done:
        log.info("reaped", **vars(done))
    return done


# --- Running, but nobody does it -----------------------------------------------------------


def _silent_jobs(done: Reaped) -> None:
    limit = timezone.now() - timedelta(seconds=settings.JOB_SILENCE_SECONDS)
    heard_long_ago = Q(heartbeat_at__lt=limit) | Q(heartbeat_at__isnull=True)
    silent = Job.objects.filter(heard_long_ago, state=JobState.RUNNING, children_count=0)
    for job in silent:
        operation = REGISTRY.get(job.operation)
        if operation is not None and _runs_again(operation, job):
            done.requeued += _queue_again(job)
        else:
            done.ended += _end_silent(job)


def _runs_again(operation: Operation, job: Job) -> bool:
    """Whether it is safe to repeat; what is to be settled runs again though it was cancelled."""
    if operation.repeatable and operation.settles is not None:
        return job.attempt < MAX_ATTEMPTS + SETTLE_ATTEMPTS
    again = operation.repeatable and job.attempt < MAX_ATTEMPTS
    return again and job.cancel_requested_at is None


def _still_silent(job: Job) -> Q:
    return Q(state=JobState.RUNNING, claim=job.claim, heartbeat_at=job.heartbeat_at)


def _queue_again(job: Job) -> bool:
    """Back into the queue, with a line that says so, unless it was cancelled just now."""
    text = _again_words(job)
    same = Q(cancel_requested_at=job.cancel_requested_at)
    with transaction.atomic():
        won = Job.objects.filter(_still_silent(job), same, pk=job.pk).update(
            state=JobState.QUEUED,
            claim=None,
            sent_at=None,
            progress=0,
            message=text,
            revision=F("revision") + 1,
        )
        if won:
            _add_line(job, text)
            publish_on_commit(JobsChanged(ids=[job.pk]))
            dispatch_on_commit([Place.of(job)])
    return bool(won)


def _again_words(job: Job) -> str:
    if job.cancel_requested_at is not None or job.attempt >= MAX_ATTEMPTS:
        return _("Its worker fell silent. It will bring to an end what it had begun, and no more.")
    told = {"next": job.attempt + 1, "most": MAX_ATTEMPTS}
    return _("Its worker fell silent. It will run again: attempt %(next)d of %(most)d.") % told


def _end_silent(job: Job) -> bool:
    if job.cancel_requested_at is not None:
        state = JobState.CANCELLED
        text = _("Cancelled; its worker fell silent. The engine may have done it all the same.")
    else:
        state = JobState.LOST
        text = _("Its worker fell silent in the middle. Look at the target before trying again.")
    text = f"{text} {left_words(job)}".strip()
    with transaction.atomic():
        ended = end_job(job, _still_silent(job), state, text)
        if ended:
            _add_line(job, text)
    return ended


def _add_line(job: Job, text: str) -> None:
    last = JobLine.objects.filter(job=job).aggregate(last=Max("number"))["last"] or 0
    JobLine.objects.create(job=job, number=last + 1, level=LineLevel.ERROR, text=text)


# --- Queued, but nobody will -----------------------------------------------------------------


def _homeless_jobs(done: Reaped) -> None:
    text = _("The host was removed in the meantime.")
    homeless = Job.objects.filter(state=JobState.QUEUED, host__isnull=True, children_count=0)
    for job in homeless:
        still = Q(state=JobState.QUEUED, host__isnull=True)
        done.ended += end_job(job, still, JobState.FAILED, text, next_ones=False)


def _lost_messages(done: Reaped) -> None:
    """A message is lost when its queue is empty and the job still waits to be claimed."""
    now = timezone.now()
    waiting = Job.objects.filter(state=JobState.QUEUED, sent_at__lt=now - RESEND_AFTER)
    queues = waiting.order_by().values_list("queue", flat=True).distinct()
    for queue in queues:
        age = RESEND_AFTER if _is_empty(queue) else RESEND_ANYHOW
        lost = waiting.filter(queue=queue, sent_at__lt=now - age)
        done.resent += lost.update(sent_at=None)


def _is_empty(queue: str) -> bool:
    """Return whether no message waits in the broker; False when nobody can tell."""
    try:
        with current_app.connection_for_read() as connection:
            channel: Any = connection.default_channel
            return bool(channel._size(queue) == 0)
    except (KombuError, OSError) as error:
        log.warning("queue_unknown", queue=queue, error=str(error))
        return False


def _unsent_jobs(done: Reaped) -> None:
    unsent = Job.objects.filter(
        state=JobState.QUEUED, sent_at__isnull=True, children_count=0, host__isnull=False
    )
    for host_id, queue in unsent.order_by().values_list("host_id", "queue").distinct():
        dispatch(Place(host_id, queue))


# --- Parents -----------------------------------------------------------------------------------


def _finished_parents(done: Reaped) -> None:
    """Close parents whose children all ended, should their counters ever say otherwise."""
    open_child = Job.objects.filter(parent=OuterRef("pk"), state__in=OPEN_STATES)
    parents = Job.objects.filter(~Exists(open_child), state__in=OPEN_STATES, children_count__gt=0)
    for parent in parents:
        bad = ~Q(state=JobState.SUCCEEDED)
        counted = parent.children.aggregate(all=Count("pk"), bad=Count("pk", filter=bad))
        if not counted["all"]:
            done.closed += end_job(parent, Q(), JobState.FAILED, _("Its parts are gone."))
            continue
        with transaction.atomic():
            same = Job.objects.filter(pk=parent.pk, revision=parent.revision)
            if not same.update(children_ended=0, children_failed=0, children_count=counted["all"]):
                continue  # it moved: the next pass looks again
            count_ended(parent.pk, ended=counted["all"], failed=counted["bad"])
            publish_on_commit(JobsChanged(ids=[parent.pk]))
        done.closed += 1
