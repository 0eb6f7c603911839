"""Asking for one operation on many containers: a preview, then a job with children."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet import audit
from fleet.access import Refused, Unknown
from fleet.actor import Actor
from fleet.jobs import roster
from fleet.jobs.dispatch import dispatch_on_commit
from fleet.jobs.places import Place
from fleet.models import Container, Host, HostState, Job
from fleet.operations.errors import Invalid
from fleet.operations.params import check_params
from fleet.operations.registry import Operation
from fleet.operations.requests import job_operation, new_job
from fleet.publish import JobsChanged, publish_on_commit

MANY = 20_000  # containers of one job
TOLD = 200  # names that the audit entry keeps
# What planning looks at; the large JSON columns stay where they are.
COLUMNS = (
    *("name", "engine_id", "state", "host", "host__name", "host__state"),
    *("host__environment", "host__environment__careful"),
)


@dataclass(frozen=True)
class Skipped:
    """A container that will be left alone, and why, in words."""

    container: Container
    why: str


@dataclass(frozen=True)
class Preview:
    """What would happen: to which, to which not, and where."""

    operation: Operation
    affected: list[Container]
    skipped: list[Skipped]
    hosts: list[Host]  # of the affected ones, by name
    careful: bool  # one of them is in an environment that asks first

    @property
    def total(self) -> int:
        """How many were chosen."""
        return len(self.affected) + len(self.skipped)

    @cached_property
    def at_once(self) -> int:
        """How many may run together: hosts have so many seats, the workers so many hands."""
        counts = Counter(container.host_id for container in self.affected)
        seats = sum(min(count, settings.JOBS_PER_HOST) for count in counts.values())
        hands = roster.at_once_on(self.operation.queue)
        return seats if hands is None else min(seats, hands)

    @property
    def unreachable(self) -> list[Host]:
        """Hosts that do not answer just now: their jobs will probably fail."""
        return [host for host in self.hosts if host.state == HostState.UNREACHABLE]


def preview_many(operation_name: str, *, actor: Actor, containers: QuerySet[Container]) -> Preview:
    """Return what the operation would do to these containers, which the actor sees.

    Raises Unknown for an operation that is not one of containers, Invalid for too many, and
    Refused when the actor may do it nowhere.
    """
    operation = job_operation(operation_name)
    if operation.target != "container":
        raise Unknown(_("operation"))
    if not actor.access.reach(operation.permission):
        raise Refused(operation.permission)
    rows = containers.select_related("host__environment").only(*COLUMNS)
    chosen = list(rows[: MANY + 1])
    if len(chosen) > MANY:
        raise Invalid({"": [_("Choose at most %(many)d containers.") % {"many": MANY}]})
    return _plan(operation, actor, chosen)


def _plan(operation: Operation, actor: Actor, chosen: list[Container]) -> Preview:
    affected: list[Container] = []
    skipped: list[Skipped] = []
    for container in chosen:
        why = _why_not(operation, actor, container)
        if why:
            skipped.append(Skipped(container, why))
        else:
            affected.append(container)
    hosts = {container.host_id: container.host for container in affected}
    return Preview(
        operation=operation,
        affected=affected,
        skipped=skipped,
        hosts=sorted(hosts.values(), key=lambda host: host.name),
        careful=any(host.environment.careful for host in hosts.values()),
    )


def _why_not(operation: Operation, actor: Actor, container: Container) -> str:
    if not actor.access.may(operation.permission, container.host):
        return _("You may not do this on %(host)s.") % {"host": container.host.name}
    if not container.host.enabled:
        return _("Its host %(host)s is switched off.") % {"host": container.host.name}
    if operation.states and container.state not in operation.states:
        return _("It is %(state)s.") % {"state": container.get_state_display()}
    return ""


def request_many(
    operation_name: str,
    *,
    actor: Actor,
    containers: QuerySet[Container],
    params: dict[str, Any] | None = None,
    retry_of: Job | None = None,
) -> Job:
    """Ask for an operation on many containers; return the parent of their jobs.

    Those that the preview skips are left out. Raises Unknown, Refused or Invalid; then
    nothing was changed.
    """
    plan = preview_many(operation_name, actor=actor, containers=containers)
    values = check_params(plan.operation, params or {})
    if not plan.affected:
        raise Invalid({"": [_("There is nothing to do: every chosen container is left out.")]})
    jobs = [new_job(plan.operation, actor, row, values) for row in plan.affected]
    with transaction.atomic():
        parent = _save_parent(plan, actor, values, retry_of)
        for job in jobs:
            job.parent = parent
        Job.objects.bulk_create(jobs, batch_size=500)
        audit.record(actor, plan.operation.name, parent, detail=_told(plan, parent, values))
        publish_on_commit(JobsChanged(ids=[parent.pk]))
        dispatch_on_commit(Place(host.pk, plan.operation.queue) for host in plan.hosts)
    return parent


def _save_parent(plan: Preview, actor: Actor, values: dict[str, Any], retry_of: Job | None) -> Job:
    count = len(plan.affected)
    lone = plan.hosts[0] if len(plan.hosts) == 1 else None
    parent = new_job(plan.operation, actor, plan.affected[0], values)
    parent.host, parent.host_name = lone, lone.name if lone else _hosts_words(len(plan.hosts))
    parent.target_id, parent.target_engine_id = None, ""
    parent.target_name = ngettext("%(count)d container", "%(count)d containers", count) % {
        "count": count
    }
    parent.children_count, parent.retry_of = count, retry_of
    parent.save(force_insert=True)
    return parent


def _hosts_words(count: int) -> str:
    return ngettext("%(count)d host", "%(count)d hosts", count) % {"count": count}


def _told(plan: Preview, parent: Job, values: dict[str, Any]) -> dict[str, Any]:
    names = [f"{row.host.name}/{row.name}" for row in plan.affected[:TOLD]]
    told = {"job": parent.pk, "count": len(plan.affected), "containers": names}
    return {**told, "params": values} if values else told
