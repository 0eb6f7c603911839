"""Sending jobs to the workers: never more messages than a host has seats.

Of ten thousand queued jobs only those are on their way that could run now; the end of each
one sends the next of its place. A message may be lost or doubled: the row is the truth, the
claim is what counts, and the reaper sends again what was lost.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from celery import current_app
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import KombuError

from fleet.jobs.places import Place
from fleet.models import Job, JobState

RUN_TASK = "fleet.jobs.run"
# Redis serves low numbers first: a click overtakes the children of a large job.
URGENT, NORMAL, BULK = 0, 3, 6
log = structlog.get_logger(__name__)


def dispatch_on_commit(places: Iterable[Place]) -> None:
    """Dispatch these places once the surrounding transaction has committed."""
    for place in dict.fromkeys(places):
        transaction.on_commit(lambda place=place: dispatch(place))  # type: ignore[misc]


def dispatch(place: Place) -> int:
    """Send the place's next jobs, as many as it has seats left; return how many."""
    with transaction.atomic():
        place.lock()
        chosen = _next_jobs(place)
        if chosen:
            Job.objects.filter(pk__in=[pk for pk, _ in chosen]).update(sent_at=timezone.now())
    return sum(send(pk, place.queue, BULK if parent else NORMAL) for pk, parent in chosen)


def _next_jobs(place: Place) -> list[tuple[int, int | None]]:
    """Return (id, parent's id) of what to send: single jobs first, else oldest first."""
    seats = place.free_seats(sent=True)
    if seats <= 0:
        return []
    waiting = place.jobs().filter(state=JobState.QUEUED, sent_at__isnull=True)
    ordered = waiting.order_by(F("parent_id").asc(nulls_first=True), "id")
    # Rows that a cancellation holds just now are left alone: waiting could deadlock.
    locked = ordered.select_for_update(of=("self",), skip_locked=True)
    return list(locked.values_list("pk", "parent_id")[:seats])


def send(job_id: int, queue: str, priority: int) -> bool:
    """Put the message for a job on its queue; False when the broker is away.

    Then the job stays queued and the reaper sends it again.
    """
    try:
        current_app.send_task(
            RUN_TASK, args=[job_id], queue=queue, priority=priority, retry=False, ignore_result=True
        )
    except (KombuError, OSError) as error:
        log.warning("job_not_sent", job=job_id, error=str(error))
        return False
    return True
