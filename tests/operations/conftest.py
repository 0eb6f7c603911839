"""Containers of a host by the dozen, and jobs that end."""

from __future__ import annotations

from django.utils import timezone

from fleet.jobs.claims import claim_job
from fleet.jobs.reporter import JobReporter
from fleet.models import Container, Host, Job, JobState


def make_many(host: Host, count: int, state: str = "running") -> None:
    """Make so many containers on a host."""
    Container.objects.bulk_create(
        Container(
            host=host,
            name=f"{host.name}-{number}",
            engine_id=f"{host.pk:08x}{number:056x}",
            state=state,
            seen_at=timezone.now(),
        )
        for number in range(count)
    )


def end(job: Job, state: JobState) -> None:
    """Run a child to an end, as a worker would."""
    claimed = claim_job(job.pk)
    assert claimed is not None
    JobReporter(claimed).finish(state, "It ended.")
