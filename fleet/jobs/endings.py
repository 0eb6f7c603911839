"""How jobs end: once, and their parent's counters with them in the same transaction."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet.jobs.dispatch import dispatch_on_commit, next_places
from fleet.models import OPEN_STATES, Container, Event, Host, Job, JobState
from fleet.models.events import STACK_LIMIT
from fleet.publish import EventsAdded, JobsChanged, publish_on_commit

MESSAGE_LIMIT = 500  # characters of why, in an event
OBJECT_LIMIT = 100  # of what it was about


def end_job(
    job: Job, where: Q, state: JobState, message: str, *, error: str = "", next_ones: bool = True
) -> bool:
    """End a job if `where` still holds for its row; return whether it did.

    Counts for its parent, tells the pages, and (`next_ones`) sends what waits for its seat.
    """
    changes: dict[str, Any] = {"progress": 100} if state == JobState.SUCCEEDED else {}
    with transaction.atomic():
        won = Job.objects.filter(where, pk=job.pk, state__in=OPEN_STATES).update(
            state=state,
            message=message,
            error=error,
            finished_at=timezone.now(),
            revision=F("revision") + 1,
            **changes,
        )
        if not won:
            return False
        if job.parent_id:
            count_ended(job.parent_id, ended=1, failed=int(state != JobState.SUCCEEDED))
        if state != JobState.SUCCEEDED:
            _tell(job, state, message)
        _tell_stages(job, state)
        publish_on_commit(JobsChanged(ids=_with_parent(job)))
        if next_ones:
            dispatch_on_commit(next_places(job))
    return True


def _tell_stages(job: Job, state: str) -> None:
    """What a run of a build is made of goes on when a part of it ends."""
    from fleet.operations.stages import job_ended  # it asks for jobs, which is above this

    job_ended(job, state)


def _tell(job: Job, state: JobState, message: str) -> None:
    """Add an event: an engine tells of what was done, of what was not nobody else would."""
    # The job may be older than what is known here of its host.
    if job.host_id is None or not Host.objects.filter(pk=job.host_id).exists():
        return
    about_image = job.operation.startswith("image.")
    on = job.target_engine_id or str(job.target_id or "")
    event = Event.objects.create(
        host_id=job.host_id,
        at=timezone.now(),
        kind="job",
        object_kind="image" if about_image else job.target_kind,
        object_id=(job.target_name if about_image else on)[:OBJECT_LIMIT],
        object_name=job.target_name,
        to_state=state,
        detail={"job": job.pk, "operation": job.operation, "message": message[:MESSAGE_LIMIT]},
        stack=_stack_of(job),
    )
    publish_on_commit(EventsAdded(host=job.host_id, ids=[event.pk]))


def _stack_of(job: Job) -> str | None:
    if not job.host_id or not job.target_engine_id:
        return None
    row = Container.objects.filter(host_id=job.host_id, engine_id=job.target_engine_id).first()
    return (row.stack[:STACK_LIMIT] or None) if row else None


def _with_parent(job: Job) -> list[int]:
    return [job.pk, job.parent_id] if job.parent_id else [job.pk]


def count_ended(parent_id: int, *, ended: int, failed: int) -> None:
    """Add ended children to a parent; the last ones end it too. One UPDATE for any number."""
    total = F("children_ended") + ended
    done = Q(children_count__lte=total)
    well = Q(children_failed=0) if not failed else Q(pk__isnull=True)
    Job.objects.filter(pk=parent_id, state__in=OPEN_STATES).update(
        children_ended=total,
        children_failed=F("children_failed") + failed,
        progress=total * 100 / F("children_count"),
        state=Case(
            When(done & well, then=Value(JobState.SUCCEEDED.value)),
            When(done & Q(cancel_requested_at__isnull=False), then=Value(JobState.CANCELLED.value)),
            When(done, then=Value(JobState.FAILED.value)),
            default=F("state"),
        ),
        finished_at=Case(When(done, then=Value(timezone.now())), default=F("finished_at")),
        revision=F("revision") + 1,
    )
    _sum_up(Job.objects.filter(pk=parent_id, message="").exclude(state__in=OPEN_STATES))


def _sum_up(ended_parents: QuerySet[Job]) -> None:
    for parent in ended_parents:
        Job.objects.filter(pk=parent.pk).update(message=parent_words(parent))
        _tell_stages(parent, parent.state)


def parent_words(parent: Job) -> str:
    """Return how a job of many ended, or how far it is, in words."""
    bad, total = parent.children_failed, parent.children_count
    if parent.is_open:
        return _("%(ended)d of %(total)d done") % {"ended": parent.children_ended, "total": total}
    if parent.state == JobState.CANCELLED:
        done = total - bad
        return _("Cancelled: %(done)d of %(total)d were done.") % {"done": done, "total": total}
    if not bad:
        return ngettext("It succeeded.", "All %(total)d succeeded.", total) % {"total": total}
    return _("%(bad)d of %(total)d did not succeed.") % {"bad": bad, "total": total}
