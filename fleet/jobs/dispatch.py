"""Sending jobs to the workers: never more messages than a host has seats.

Of ten thousand queued jobs only those are on their way that could run now; the end of each
one sends the next of its place. A message may be lost or doubled: the row is the truth, the
claim is what counts, and the reaper sends again what was lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog
from celery import current_app
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from kombu.exceptions import KombuError

from fleet.jobs.places import Place
from fleet.jobs.states import HEAVY, HEAVY_AT_ONCE, ONE_AT_A_TIME
from fleet.models import OPEN_STATES, Job, JobState

RUN_TASK, DISPATCH_TASK = "fleet.jobs.run", "fleet.jobs.dispatch"
FEW = 5  # places that are dispatched at once
# Redis serves low numbers first: a click overtakes the children of a large job.
URGENT, NORMAL, BULK = 0, 3, 6
log = structlog.get_logger(__name__)


def dispatch_on_commit(places: Iterable[Place]) -> None:
    """Dispatch these places once the surrounding transaction has committed.

    Many of them are left to a worker, so that nobody waits for a hundred hosts.
    """
    wanted = list(dict.fromkeys(places))
    if len(wanted) <= FEW:
        transaction.on_commit(lambda: dispatch_all(wanted))
    else:
        told = [[place.host_id, place.queue] for place in wanted]
        transaction.on_commit(lambda: send_task(DISPATCH_TASK, [told], "control", URGENT))


def dispatch_all(places: Iterable[Place]) -> int:
    """Dispatch several places; return how many jobs were sent."""
    return sum(dispatch(place) for place in places)


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
    waiting = place.jobs().filter(_has_its_turn(), state=JobState.QUEUED, sent_at__isnull=True)
    waiting = waiting.exclude(pk__in=_too_heavy(waiting))
    ordered = waiting.order_by(F("parent_id").asc(nulls_first=True), "id")
    # Rows that a cancellation holds just now are left alone: waiting could deadlock.
    locked = ordered.select_for_update(of=("self",), skip_locked=True)
    return list(locked.values_list("pk", "parent_id")[:seats])


def _too_heavy(waiting: QuerySet[Job]) -> list[int]:
    """Return which of these have to wait, as enough of their weight are on their way.

    Places are dispatched side by side, so it may be one more now and then.
    """
    heavy = list(waiting.filter(operation__in=HEAVY).order_by("id").values_list("pk", flat=True))
    if not heavy:
        return []
    sent = Q(state=JobState.RUNNING) | Q(state=JobState.QUEUED, sent_at__isnull=False)
    under_way = Job.objects.filter(sent, operation__in=HEAVY, children_count=0).count()
    return heavy[max(0, HEAVY_AT_ONCE - under_way) :]


def next_places(job: Job) -> list[Place]:
    """Return where somebody may have waited for this job's end."""
    places = [Place.of(job)]
    if job.operation in HEAVY:
        waiting = Job.objects.filter(
            operation__in=HEAVY, state=JobState.QUEUED, sent_at__isnull=True, children_count=0
        ).exclude(pk=job.pk)
        first = waiting.order_by("id").first()
        places += [Place.of(first)] if first is not None else []
    return places


def _has_its_turn() -> Q:
    """Return the filter for jobs before which none of the same kind on the same target is open,
    where such jobs wait for each other."""
    ahead = Job.objects.filter(
        operation=OuterRef("operation"),
        target_id=OuterRef("target_id"),
        state__in=OPEN_STATES,
        pk__lt=OuterRef("pk"),
    )
    return ~Q(operation__in=ONE_AT_A_TIME) | ~Q(Exists(ahead))


def send(job_id: int, queue: str, priority: int) -> bool:
    """Put the message for a job on its queue; False when the broker is away.

    Then the job stays queued and the reaper sends it again.
    """
    return send_task(RUN_TASK, [job_id], queue, priority)


def send_task(name: str, arguments: list[Any], queue: str, priority: int) -> bool:
    """Put a message on a queue; False, and a line in the log, when the broker is away."""
    try:
        current_app.send_task(
            name, args=arguments, queue=queue, priority=priority, retry=False, ignore_result=True
        )
    except (KombuError, OSError) as error:
        log.warning("message_not_sent", task=name, error=str(error))
        return False
    return True
