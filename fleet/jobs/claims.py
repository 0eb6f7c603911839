"""Claiming: by compare-and-set, under the host's limit, so that one worker runs a job.

1. Lock the job's place (PostgreSQL; SQLite's transactions are immediate).
2. Count who runs there. Full: the job goes back among the unsent, and is sent again at once
   if a seat became free in between; else the next end of a job there sends it.
3. queued -> running with a new claim, where the row is still queued: exactly one wins.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from fleet.jobs.dispatch import dispatch
from fleet.jobs.places import Place
from fleet.models import Job, JobState
from fleet.publish import JobsChanged, publish


def claim_job(job_id: int) -> Job | None:
    """Return the job, running and ours by its new `claim`; None when it is not for us now."""
    job = Job.objects.filter(pk=job_id, state=JobState.QUEUED, children_count=0).first()
    if job is None:  # a redelivery, or cancelled while it waited
        return None
    place, claim = Place.of(job), Job.new_claim()
    with transaction.atomic():
        place.lock()
        full = place.free_seats(sent=False) <= 0
        won = _put_back(job) if full else _take(job, claim)
    if full:
        dispatch(place)
    if full or not won:
        return None
    publish(JobsChanged(ids=[job.pk, job.parent_id] if job.parent_id else [job.pk]))
    return Job.objects.select_related("host", "actor").filter(pk=job_id, claim=claim).first()


def _put_back(job: Job) -> bool:
    return bool(Job.objects.filter(pk=job.pk, state=JobState.QUEUED).update(sent_at=None))


def _take(job: Job, claim: UUID) -> bool:
    now = timezone.now()
    won = Job.objects.filter(pk=job.pk, state=JobState.QUEUED).update(
        state=JobState.RUNNING,
        claim=claim,
        attempt=F("attempt") + 1,
        started_at=now,
        heartbeat_at=now,
        revision=F("revision") + 1,
    )
    if won and job.parent_id:
        Job.objects.filter(pk=job.parent_id, state=JobState.QUEUED).update(
            state=JobState.RUNNING, started_at=now, revision=F("revision") + 1
        )
    return bool(won)
