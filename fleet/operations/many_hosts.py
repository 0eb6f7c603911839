"""Asking for one operation on many hosts: a preview, then a job with a child for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from fleet.access import Refused
from fleet.actor import Actor
from fleet.models import Host, HostState, Job
from fleet.operations.errors import Invalid
from fleet.operations.many import TOLD, hosts_words, join, operation_on, save_family, send, sort_out
from fleet.operations.registry import Operation
from fleet.operations.requests import checked_params, lock_operation, new_job

MANY = 2_000  # hosts of one job


@dataclass(frozen=True)
class SkippedHost:
    """A host that will be left alone, and why, in words."""

    host: Host
    why: str
    job: Job | None = None  # the open one that does the very same there


@dataclass(frozen=True)
class HostsPreview:
    """Where it would be done, and where not."""

    operation: Operation
    params: dict[str, Any]
    affected: list[Host]
    skipped: list[SkippedHost]

    @property
    def total(self) -> int:
        """How many were chosen."""
        return len(self.affected) + len(self.skipped)

    @property
    def unreachable(self) -> list[Host]:
        """Hosts that do not answer just now: their jobs will probably fail."""
        return [host for host in self.affected if host.state == HostState.UNREACHABLE]


@dataclass(frozen=True)
class AskedHosts:
    """What came of asking: a new job, or the one that does all of it already (`joined`)."""

    job: Job
    joined: bool
    skipped: list[SkippedHost]


def preview_on_hosts(
    operation_name: str, *, actor: Actor, hosts: QuerySet[Host], params: dict[str, Any]
) -> HostsPreview:
    """Return where the operation would be done, of these hosts which the actor sees.

    Raises Unknown for an operation that is not one of hosts, Invalid for parameters or too many
    hosts, and Refused when the actor may do it nowhere.
    """
    operation = operation_on("host", operation_name, actor)
    values = checked_params(operation, actor, params)
    return _plan(operation, actor, _chosen(hosts), values)


def ask_on_hosts(
    operation_name: str,
    *,
    actor: Actor,
    hosts: QuerySet[Host],
    params: dict[str, Any],
    retry_of: Job | None = None,
) -> AskedHosts:
    """Ask for an operation on many hosts; on one host it is a single job.

    Those that the preview skips are left out. When the very same is being done on all the others
    already, in one job, that job is returned: a double click is one job. Raises Unknown, Refused
    or Invalid; then nothing was changed.
    """
    operation = operation_on("host", operation_name, actor)
    values = checked_params(operation, actor, params)
    with transaction.atomic():
        lock_operation(operation, alone=True)
        plan = _plan(operation, actor, _chosen(hosts), values)
        if not plan.affected:
            return _join(plan, actor)
        job = _save(plan, actor, retry_of)
        send(operation, actor, job, plan.affected, _told(plan, job))
    return AskedHosts(job, joined=False, skipped=plan.skipped)


def _chosen(hosts: QuerySet[Host]) -> list[Host]:
    chosen = list(hosts.select_related("environment").order_by("name")[: MANY + 1])
    if not chosen:
        raise Invalid({"hosts": [_("Choose at least one host.")]})
    if len(chosen) > MANY:
        raise Invalid({"hosts": [_("Choose at most %(many)d hosts.") % {"many": MANY}]})
    return chosen


def _plan(
    operation: Operation, actor: Actor, chosen: list[Host], values: dict[str, Any]
) -> HostsPreview:
    affected, left = sort_out(
        operation, values, chosen, lambda host: _why_not(operation, actor, host, values)
    )
    return HostsPreview(operation, values, affected, [SkippedHost(*row) for row in left])


def _why_not(operation: Operation, actor: Actor, host: Host, values: dict[str, Any]) -> str:
    if not actor.access.may(operation.permission, host):
        return _("You may not do this here.")
    if not host.enabled:
        return _("It is switched off.")
    return operation.unfit(host, values) if operation.unfit is not None else ""


def _join(plan: HostsPreview, actor: Actor) -> AskedHosts:
    """Return the one job that does already what is left to do. Raises Refused or Invalid."""
    jobs = [row.job for row in plan.skipped if row.job is not None]
    job = join(plan.operation, actor, jobs, plan.params)
    if job is None:
        if not any(actor.access.may(plan.operation.permission, row.host) for row in plan.skipped):
            raise Refused(plan.operation.permission)
        raise Invalid({"hosts": [_nothing_words(plan)]})
    return AskedHosts(job, joined=True, skipped=[row for row in plan.skipped if row.job is None])


def _nothing_words(plan: HostsPreview) -> str:
    why = "; ".join(f"{row.host.name}: {row.why}" for row in plan.skipped[:5])
    return _("There is nothing to do: every chosen host is left out. %(why)s") % {"why": why}


def _save(plan: HostsPreview, actor: Actor, retry_of: Job | None) -> Job:
    """Save a single job, or a parent and its children; return the one that stands in lists."""
    jobs = [new_job(plan.operation, actor, host, plan.params) for host in plan.affected]
    first = jobs[0]
    if len(jobs) == 1:
        first.retry_of = retry_of
        first.save(force_insert=True)
        return first
    parent = new_job(plan.operation, actor, plan.affected[0], plan.params)
    parent.host, parent.target_id = None, None
    parent.host_name = hosts_words(len(jobs))
    if not plan.operation.about:
        parent.target_name = parent.host_name
    parent.retry_of = retry_of
    return save_family(parent, jobs)


def _told(plan: HostsPreview, job: Job) -> dict[str, Any]:
    names = [host.name for host in plan.affected[:TOLD]]
    return {"job": job.pk, "count": len(plan.affected), "hosts": names, "params": plan.params}
