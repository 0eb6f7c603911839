"""A place is where a job takes a seat: one queue of one host, with JOBS_PER_HOST seats.

Queues are counted apart, so that a restart never waits behind eight pulls.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q, QuerySet

from fleet.locks import lock
from fleet.models import Job, JobState


@dataclass(frozen=True)
class Place:
    """A host (None once it was removed) and a queue."""

    host_id: int | None
    queue: str

    @classmethod
    def of(cls, job: Job) -> Place:
        """Return a job's place."""
        return cls(job.host_id, job.queue)

    def jobs(self) -> QuerySet[Job]:
        """Return the jobs of this place that a worker runs: parents are not among them."""
        return Job.objects.filter(Q(host_id=self.host_id), queue=self.queue, children_count=0)

    def lock(self) -> None:
        """Let nobody else count this place until the surrounding transaction ends."""
        lock(f"place {self.host_id} {self.queue}")

    def free_seats(self, *, sent: bool) -> int:
        """Return how many more jobs may run; with `sent`, jobs on their way count as well."""
        taken = Q(state=JobState.RUNNING)
        if sent:
            taken |= Q(state=JobState.QUEUED, sent_at__isnull=False)
        return settings.JOBS_PER_HOST - self.jobs().filter(taken).count()
