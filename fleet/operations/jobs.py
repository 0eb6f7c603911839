"""What can be done to jobs: cancel them, and try again what did not succeed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from fleet import audit
from fleet.access import Refused, access_job, visible_containers, visible_hosts, visible_jobs
from fleet.actor import Actor
from fleet.jobs.bell import ring
from fleet.jobs.dispatch import dispatch_on_commit
from fleet.jobs.endings import count_ended, end_job
from fleet.jobs.places import Place
from fleet.jobs.states import RETRYABLE_STATES
from fleet.models import OPEN_STATES, Job, JobState, RunStage
from fleet.operations.bulk import request_many
from fleet.operations.errors import Invalid
from fleet.operations.many_hosts import ask_on_hosts
from fleet.operations.registry import REGISTRY, permission_for
from fleet.operations.requests import request
from fleet.operations.stages import AGAIN, run_go_on, stage_of
from fleet.publish import JobsChanged, publish_on_commit


def may_cancel(actor: Actor, job: Job) -> bool:
    """Return whether the actor may cancel a job: their own, or one that they could ask for.

    With a token that may less than its owner only the latter counts.
    """
    own = actor.user is not None and job.actor_id == actor.user.pk and not actor.narrowed
    return own or actor.access.may(permission_for(job.operation), job.host)


def job_cancel(*, actor: Actor, job_id: int) -> Job:
    """Cancel a job, or all open children of one that the actor may cancel; return it.

    A queued job ends at once. A running one is told: its worker hangs up within two seconds,
    and the engine may still finish what it had begun. Cancelling what has ended changes
    nothing. Raises Unknown or Refused.
    """
    job = access_job(actor, job_id)
    allowed = _cancellable_children(actor, job) if job.children_count else None
    if not may_cancel(actor, job) and not (allowed is not None and allowed.exists()):
        raise Refused(permission_for(job.operation), job)
    if not job.is_open:
        return job
    with transaction.atomic():
        audit.record(actor, "job.cancel", job, detail={"operation": job.operation})
        if allowed is None:
            _cancel_one(job, _cancelled_by(actor))
        elif may_cancel(actor, job):
            _ask_to_cancel(Job.objects.filter(pk=job.pk))
    if allowed is not None:
        _cancel_children(job, allowed, _cancelled_by(actor))
    ring()
    job.refresh_from_db()
    return job


def _cancelled_by(actor: Actor) -> str:
    return _("Cancelled by %(name)s before it began.") % {"name": actor.name}


def _cancellable_children(actor: Actor, parent: Job) -> QuerySet[Job]:
    children = Job.objects.filter(parent=parent, state__in=OPEN_STATES)
    if may_cancel(actor, parent):
        return children
    here = actor.access.reach(permission_for(parent.operation))
    return children.filter(Q(host__isnull=False) & here.q("host")) if here else children.none()


def _ask_to_cancel(jobs: QuerySet[Job]) -> None:
    jobs.filter(state__in=OPEN_STATES, cancel_requested_at__isnull=True).update(
        cancel_requested_at=timezone.now(), revision=F("revision") + 1
    )


def _ends_at_once() -> Q:
    """Return the filter for queued jobs, without those that have to settle what they had begun."""
    settling = [name for name, operation in REGISTRY.items() if operation.settles is not None]
    return Q(state=JobState.QUEUED) & ~Q(operation__in=settling, attempt__gt=0)


def _cancel_one(job: Job, message: str) -> None:
    if not end_job(job, _ends_at_once(), JobState.CANCELLED, message):
        _ask_to_cancel(Job.objects.filter(pk=job.pk))
    publish_on_commit(JobsChanged(ids=[job.pk]))


def _cancel_children(parent: Job, children: QuerySet[Job], message: str) -> None:
    """End the queued children by one UPDATE and tell the running ones.

    Children are locked before their parent, as their workers do.
    """
    with transaction.atomic():
        ended = children.filter(_ends_at_once()).update(
            state=JobState.CANCELLED,
            message=message,
            finished_at=timezone.now(),
            revision=F("revision") + 1,
        )
        _ask_to_cancel(children)
        if ended:
            count_ended(parent.pk, ended=ended, failed=ended)
        publish_on_commit(JobsChanged(ids=[parent.pk]))
        # Seats that were kept for messages on their way are free again.
        places = Job.objects.filter(parent=parent).order_by().values_list("host_id").distinct()
        dispatch_on_commit(Place(host_id, parent.queue) for (host_id,) in places)


def job_retry(*, actor: Actor, job_id: int) -> Job:
    """Ask again for what a job did not do: of many, only for those; return the new job.

    Raises Unknown, Refused (the operation's permission, as for the first time) or Invalid.
    """
    job = access_job(actor, job_id)
    if job.is_open:
        raise Invalid({"": [_("The job has not ended yet. Cancel it first.")]})
    if (stage := stage_of(job)) is not None:
        return _retry_stage(actor, stage)
    if job.children_count:
        return _retry_children(actor, job)
    if job.state not in RETRYABLE_STATES:
        raise Invalid({"": [_("The job succeeded: there is nothing to try again.")]})
    target_id = job.target_id or 0
    return request(job.operation, actor=actor, target_id=target_id, params=job.params, retry_of=job)


def _retry_stage(actor: Actor, stage: RunStage) -> Job:
    """A job of a run's stage is tried again as a part of it: what comes after it does, too."""
    run_go_on(actor=actor, build_id=stage.run.build_id, number=stage.run.number)
    link = stage.links.select_related("job").order_by("-pk").first()
    stage.refresh_from_db()
    if link is None or (stage.why and stage.state in AGAIN):
        raise Invalid({"": [stage.why]})
    return link.job


def _retry_children(actor: Actor, parent: Job) -> Job:
    """Try again what no open retry of the parent tries already; without any, return that one."""
    permission = permission_for(parent.operation)
    here = actor.access.reach(permission)
    if not here:
        raise Refused(permission, parent)
    with transaction.atomic():
        Job.objects.select_for_update(of=("self",), no_key=True).get(pk=parent.pk)
        ids = _bad_targets(parent)
        on_hosts = parent.target_kind == "host"
        mine: QuerySet[Any] = (
            visible_hosts(actor).filter(here.q(), pk__in=ids)
            if on_hosts
            else visible_containers(actor).filter(here.q("host"), pk__in=ids)
        )
        left = set(mine.values_list("pk", flat=True))
        for again in _open_retries(actor, parent) if left else ():
            left.difference_update(again.children.values_list("target_id", flat=True))
            left.discard(again.target_id)
            if not left:
                told = {"job": again.pk, "joined": True}
                audit.record(actor, parent.operation, again, detail=told)
                return again
        again_on: dict[str, Any] = {"params": parent.params, "retry_of": parent}
        if on_hosts:
            hosts = visible_hosts(actor).filter(pk__in=left)
            return ask_on_hosts(parent.operation, actor=actor, hosts=hosts, **again_on).job
        rows = visible_containers(actor).filter(pk__in=left)
        return request_many(parent.operation, actor=actor, containers=rows, **again_on)


def _bad_targets(parent: Job) -> set[int]:
    """Return the targets that it did not do. Raises Invalid when it did all."""
    bad = parent.children.filter(state__in=RETRYABLE_STATES).values_list("target_id", flat=True)
    ids = {pk for pk in bad if pk is not None}
    if not ids:
        raise Invalid({"": [_("All of them succeeded: there is nothing to try again.")]})
    return ids


def _open_retries(actor: Actor, parent: Job) -> QuerySet[Job]:
    return visible_jobs(actor).filter(retry_of=parent, state__in=OPEN_STATES).order_by("pk")
