"""What asking for one operation on many containers, or on many hosts, has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet import audit
from fleet.access import Refused, Unknown
from fleet.actor import Actor
from fleet.jobs.dispatch import dispatch_on_commit
from fleet.jobs.places import Place
from fleet.models import Container, Host, Job
from fleet.operations.registry import Operation
from fleet.operations.requests import ids_with_retried, job_operation, same_jobs
from fleet.publish import JobsChanged, publish_on_commit

TOLD = 200  # names that the audit entry keeps
T = TypeVar("T", Container, Host)
Left = tuple[T, str, Job | None]  # what is left alone, why, and the open job that does the same


def operation_on(target: str, name: str, actor: Actor) -> Operation:
    """Return an operation of hosts or containers. Raises Unknown, or Refused everywhere."""
    operation = job_operation(name)
    if operation.target != target:
        raise Unknown(_("operation"))
    if not actor.access.reach(operation.permission):
        raise Refused(operation.permission)
    return operation


def sort_out(
    operation: Operation, values: dict[str, Any], chosen: Iterable[T], why_not: Callable[[T], str]
) -> tuple[list[T], list[Left[T]]]:
    """Return to which it would be done, and which are left alone."""
    affected: list[T] = []
    left: list[Left[T]] = []
    same = {job.target_id: job for job in same_jobs(operation, values)}
    for row in chosen:
        if why := why_not(row):
            left.append((row, why, None))
        elif job := same.get(row.pk):
            words = _("It is under way already, in job %(job)d.")
            left.append((row, words % {"job": job.parent_id or job.pk}, job))
        else:
            affected.append(row)
    return affected, left


def join(operation: Operation, actor: Actor, jobs: list[Job], values: dict[str, Any]) -> Job | None:
    """Return the one job that does already what is left to do; None when there is not just one."""
    found = {job.parent_id or job.pk for job in jobs} if len(jobs) > 1 else {j.pk for j in jobs}
    if len(found) != 1:
        return None
    job = Job.objects.get(pk=found.pop())
    told = {"job": job.pk, "joined": True, "count": len(jobs)}
    audit.record(actor, operation.name, job, detail=with_params(told, values))
    return job


def save_family(parent: Job, children: list[Job]) -> Job:
    """Save a job and those that it is the parent of."""
    parent.children_count = len(children)
    parent.save(force_insert=True)
    for job in children:
        job.parent = parent
    Job.objects.bulk_create(children, batch_size=500)
    return parent


def send(
    operation: Operation, actor: Actor, job: Job, hosts: list[Host], told: dict[str, Any]
) -> None:
    """Record a new job, and send it off once it is committed."""
    audit.record(actor, operation.name, job, detail=told)
    publish_on_commit(JobsChanged(ids=ids_with_retried(job)))
    dispatch_on_commit(Place(host.pk, operation.queue) for host in hosts)


def with_params(told: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return what an audit entry tells, with the parameters if there are any."""
    return {**told, "params": values} if values else told


def hosts_words(count: int) -> str:
    """Return a number of hosts in words."""
    return ngettext("%(count)d host", "%(count)d hosts", count) % {"count": count}
