"""Asking for one job: rights, parameters, job and audit entry, and off it goes."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from fleet import audit
from fleet.access import Unknown, access_build, access_container, access_host, access_image
from fleet.actor import Actor
from fleet.jobs.dispatch import dispatch_on_commit
from fleet.jobs.places import Place
from fleet.locks import lock
from fleet.models import OPEN_STATES, Build, Container, Host, Image, Job
from fleet.operations.errors import Invalid
from fleet.operations.params import check_params
from fleet.operations.registry import REGISTRY, Operation
from fleet.publish import JobsChanged, publish_on_commit

Target = Build | Container | Host | Image
NAME_LIMIT = 255  # characters that a job keeps of what it is about


def job_operation(name: str) -> Operation:
    """Return an operation that workers run. Raises Unknown."""
    operation = REGISTRY.get(name)
    if operation is None or operation.run is None:
        raise Unknown(_("operation"))
    return operation


def request(
    operation_name: str,
    *,
    actor: Actor,
    target_id: int,
    params: dict[str, Any] | None = None,
    retry_of: Job | None = None,
) -> Job:
    """Ask for an operation on a container, host or build; return its job.

    While the same thing is being done to the same target already, that job is returned: a
    double click is one job. Raises Unknown, Refused or Invalid; then nothing was changed.
    """
    operation = job_operation(operation_name)
    target = access_target(operation, actor, target_id)
    if operation.allowed is not None:
        operation.allowed(actor, target)
    values = checked_params(operation, actor, params or {})
    host = host_of(target)
    if not host.enabled:
        raise Invalid({"": [off_words(host)]})
    with transaction.atomic():
        lock_operation(operation, alone=False)
        lock_row(target)
        job = _same_job(operation, target, values) or new_job(operation, actor, target, values)
        joined = job.pk is not None
        if not joined:
            job.retry_of = retry_of
            job.save(force_insert=True)
            if operation.written is not None:
                operation.written(job, target)
            publish_on_commit(JobsChanged(ids=ids_with_retried(job)))
            dispatch_on_commit([Place.of(job)])
        told = {"job": job.pk, "joined": joined, **({"params": values} if values else {})}
        audit.record(actor, operation.name, target, detail=told)
    return job


def check_possible(operation: Operation) -> None:
    """Raise Invalid, saying what is missing, when nobody can have it done just now."""
    if operation.missing is not None and (why := operation.missing()):
        raise Invalid({"": [why]})


def checked_params(operation: Operation, actor: Actor, given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters as a job keeps them. Raises Invalid, or what `checked` does."""
    check_possible(operation)
    values = check_params(operation, given)
    if operation.checked is not None:
        operation.checked(actor, values)
    return values


def access_target(operation: Operation, actor: Actor, target_id: int) -> Target:
    """Return what the operation is asked for on. Raises Unknown or Refused."""
    if operation.target == "host":
        return access_host(actor, target_id, operation.permission)
    if operation.target == "build":
        return access_build(actor, target_id, operation.permission)
    if operation.target == "image":
        return access_image(actor, target_id, operation.permission)
    return access_container(actor, target_id, operation.permission)


def host_of(target: Target) -> Host:
    """Return the host of a container, an image or a build, or the host itself."""
    return target if isinstance(target, Host) else target.host


def off_words(host: Host) -> str:
    """Return why nothing can be done on a host that is switched off."""
    return _("The host %(host)s is switched off. Switch it on first.") % {"host": host.name}


def lock_row(target: Target) -> None:
    """Let two requests for one target wait for each other (SQLite does anyway)."""
    rows = type(target)._default_manager.filter(pk=target.pk)
    rows.select_for_update(of=("self",), no_key=True).values_list("pk").first()


def lock_operation(operation: Operation, *, alone: bool) -> None:
    """Let who asks for many wait for all others who ask for the same, and they for it.

    Locking the rows of many containers instead would hold up the watchers that write them.
    """
    lock(f"asking for {operation.name}", shared=not alone)


def same_jobs(operation: Operation, values: dict[str, Any], **only: Any) -> list[Job]:
    """Return the open jobs that do the very same, to whatever, unless they are being cancelled."""
    same = Job.objects.filter(
        operation=operation.name,
        target_kind=operation.target,
        target_id__isnull=False,
        state__in=OPEN_STATES,
        cancel_requested_at__isnull=True,
        **only,
    )
    return [job for job in same if job.params == values]


def ids_with_retried(job: Job) -> list[int]:
    """Return a new job's id and that of the one it tries again: its page names the newest."""
    return [job.pk] if job.retry_of_id is None else [job.pk, job.retry_of_id]


def _same_job(operation: Operation, target: Target, values: dict[str, Any]) -> Job | None:
    jobs = same_jobs(operation, values, target_id=target.pk)
    does = operation.same
    return next((job for job in jobs if does is None or does(job, target)), None)


def new_job(operation: Operation, actor: Actor, target: Target, values: dict[str, Any]) -> Job:
    """Return a job that is not saved yet."""
    host = host_of(target)
    return Job(
        operation=operation.name,
        queue=operation.queue,
        actor=actor.user,
        actor_name=actor.name,
        via=actor.via,
        host=host,
        host_name=host.name,
        target_kind=operation.target,
        target_id=target.pk,
        target_engine_id="" if isinstance(target, Host | Build) else target.engine_id,
        target_name=_name_of(operation, target, values)[:NAME_LIMIT],
        params=values,
    )


def _name_of(operation: Operation, target: Target, values: dict[str, Any]) -> str:
    """Return what a job is about: what its parameters say, or its target."""
    about = str(values[operation.about]) if operation.about else ""
    return about or (str(target) if isinstance(target, Image) else target.name)
