"""How long ended jobs are kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from fleet.jobs.states import RETRYABLE_STATES
from fleet.models import Job, JobLine, JobState

CHUNK = 500
ENDED = [*RETRYABLE_STATES, JobState.SUCCEEDED]


def purge_jobs() -> int:
    """Delete jobs that ended more than JOB_DAYS ago, children and lines with them.

    Those of builds stay with their build's history, without their lines.

    Works in chunks, so that nobody waits for long. Returns how many parents and single jobs.
    """
    limit = timezone.now() - timedelta(days=settings.JOB_DAYS)
    old = Job.objects.filter(
        state__in=ENDED, parent__isnull=True, finished_at__lt=limit, build_run__isnull=True
    )
    _purge_lines_of_runs(limit)
    purged = 0
    while ids := list(old.order_by("id").values_list("pk", flat=True)[:CHUNK]):
        children = Job.objects.filter(parent__in=ids).order_by("id")
        while some := list(children.values_list("pk", flat=True)[:CHUNK]):
            Job.objects.filter(pk__in=some).delete()
        Job.objects.filter(pk__in=ids).delete()
        purged += len(ids)
    return purged


def _purge_lines_of_runs(limit: datetime) -> None:
    lines = JobLine.objects.filter(
        job__build_run__isnull=False, job__state__in=ENDED, job__finished_at__lt=limit
    ).order_by("id")
    while ids := list(lines.values_list("pk", flat=True)[:CHUNK]):
        JobLine.objects.filter(pk__in=ids).delete()
