"""How long ended jobs are kept."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from fleet.jobs.states import RETRYABLE_STATES
from fleet.models import Job, JobState

CHUNK = 500
ENDED = [*RETRYABLE_STATES, JobState.SUCCEEDED]


def purge_jobs() -> int:
    """Delete jobs that ended more than JOB_DAYS ago, children and lines with them.

    Works in chunks, so that nobody waits for long. Returns how many parents and single jobs.
    """
    limit = timezone.now() - timedelta(days=settings.JOB_DAYS)
    old = Job.objects.filter(state__in=ENDED, parent__isnull=True, finished_at__lt=limit)
    purged = 0
    while ids := list(old.order_by("id").values_list("pk", flat=True)[:CHUNK]):
        children = Job.objects.filter(parent__in=ids).order_by("id")
        while some := list(children.values_list("pk", flat=True)[:CHUNK]):
            Job.objects.filter(pk__in=some).delete()
        Job.objects.filter(pk__in=ids).delete()
        purged += len(ids)
    return purged
