"""How many bytes jobs have moved: one's own, or of all the children of a larger one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, F, Q, Sum, Value, When

from fleet.models import OPEN_STATES, Job, JobParts, JobState


@dataclass(frozen=True)
class Transfer:
    """Bytes that came, of how many (None while not all sizes are known), and how fast."""

    percent: int
    done: int
    total: int | None
    speed: int | None  # bytes a second; None when nothing moves

    @property
    def seconds_left(self) -> int | None:
        """How long the rest will take at this speed; None when nobody can tell."""
        if not self.speed or self.total is None or self.done >= self.total:
            return None
        return -(-(self.total - self.done) // self.speed)


def transfer_of(job: Job) -> Transfer | None:
    """Return what a job's own row says; None for those that move nothing."""
    if job.bytes_done is None:
        return None
    speed = job.bytes_per_second if job.state == JobState.RUNNING else None
    return Transfer(job.progress, job.bytes_done, job.bytes_total, speed)


def transfers_of(jobs: Iterable[Job]) -> dict[int, Transfer]:
    """Return the transfers of these jobs by id; one query adds up those of all parents."""
    found: dict[int, Transfer] = {}
    parents: dict[int, Job] = {}
    for job in jobs:
        if job.children_count and job.queue == "transfer":
            parents[job.pk] = job
        elif (own := transfer_of(job)) is not None:
            found[job.pk] = own
    if parents:
        found |= {row["parent"]: _of_many(parents[row["parent"]], row) for row in _sums(parents)}
    return found


def _sums(parents: Iterable[int]) -> Any:
    """Add up the children; an ended one has its whole way behind it, however it ended."""
    way = Case(When(state__in=OPEN_STATES, then=F("progress")), default=Value(100))
    children = Job.objects.filter(parent__in=list(parents)).order_by()
    return children.values("parent").annotate(
        way=Sum(way),
        done=Sum("bytes_done"),
        total=Sum("bytes_total"),
        unknown=Count("pk", filter=Q(bytes_total__isnull=True)),
        speed=Sum("bytes_per_second", filter=Q(state=JobState.RUNNING)),
    )


def _of_many(parent: Job, row: dict[str, Any]) -> Transfer:
    percent = row["way"] // parent.children_count if parent.is_open else parent.progress
    total = None if row["unknown"] else row["total"]
    return Transfer(percent, row["done"] or 0, total, row["speed"] if parent.is_open else None)


def parts_of(job: Job) -> list[dict[str, Any]]:
    """Return how far each part of a job is, in the order in which they turned up."""
    if job.bytes_done is None:
        return []
    kept = JobParts.objects.filter(job=job).values_list("parts", flat=True).first()
    return kept if isinstance(kept, list) else []
