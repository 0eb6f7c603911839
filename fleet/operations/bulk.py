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

from fleet.actor import Actor
from fleet.jobs import roster
from fleet.models import Container, Host, HostState, Job
from fleet.operations.errors import Invalid
from fleet.operations.many import (
    TOLD,
    hosts_words,
    join,
    operation_on,
    save_family,
    send,
    sort_out,
    with_params,
)
from fleet.operations.registry import Operation
from fleet.operations.requests import checked_params, lock_operation, new_job

MANY = 20_000  # containers of one job
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
    job: Job | None = None  # the open one that does the very same to it


@dataclass(frozen=True)
class Asked:
    """What came of asking: a new job, or the one that does all of it already (`joined`)."""

    job: Job
    joined: bool
    skipped: list[Skipped]

    @property
    def under_way(self) -> int:
        """How many are left out because the same is being done to them already."""
        return sum(row.job is not None for row in self.skipped)


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
    def under_way(self) -> list[Skipped]:
        """Those to which the very same is being done already."""
        return [row for row in self.skipped if row.job is not None]

    @property
    def unreachable(self) -> list[Host]:
        """Hosts that do not answer just now: their jobs will probably fail."""
        return [host for host in self.hosts if host.state == HostState.UNREACHABLE]


def preview_many(
    operation_name: str,
    *,
    actor: Actor,
    containers: QuerySet[Container],
    params: dict[str, Any] | None = None,
) -> Preview:
    """Return what the operation would do to these containers, which the actor sees.

    Raises Unknown for an operation that is not one of containers, Invalid for parameters or too
    many containers, and Refused when the actor may do it nowhere.
    """
    operation = operation_on("container", operation_name, actor)
    values = checked_params(operation, actor, params or {})
    return _plan(operation, actor, _chosen(containers), values)


def _chosen(containers: QuerySet[Container]) -> list[Container]:
    rows = containers.select_related("host__environment").only(*COLUMNS)
    chosen = list(rows[: MANY + 1])
    if len(chosen) > MANY:
        raise Invalid({"": [_("Choose at most %(many)d containers.") % {"many": MANY}]})
    return chosen


def _plan(
    operation: Operation, actor: Actor, chosen: list[Container], values: dict[str, Any],
    *, again: bool = False,
) -> Preview:  # fmt: skip
    def why_not(row: Container) -> str:
        if (why := _why_not(operation, actor, row)) or again or operation.unfit is None:
            return why
        return operation.unfit(row, values)

    affected, left = sort_out(operation, values, chosen, why_not)
    hosts = {container.host_id: container.host for container in affected}
    return Preview(
        operation=operation,
        affected=affected,
        skipped=[Skipped(*row) for row in left],
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
    """Ask as `ask_many` does; return just the job."""
    asked = ask_many(
        operation_name, actor=actor, containers=containers, params=params, retry_of=retry_of
    )
    return asked.job


def ask_many(
    operation_name: str,
    *,
    actor: Actor,
    containers: QuerySet[Container],
    params: dict[str, Any] | None = None,
    retry_of: Job | None = None,
) -> Asked:
    """Ask for an operation on many containers; the job is the parent of their jobs.

    Those that the preview skips are left out. When the very same is being done to all the others
    already, in one job, that job is returned: a double click is one job. Raises Unknown, Refused
    or Invalid; then nothing was changed.
    """
    operation = operation_on("container", operation_name, actor)
    values = checked_params(operation, actor, params or {})
    with transaction.atomic():
        lock_operation(operation, alone=True)
        plan = _plan(operation, actor, _chosen(containers), values, again=retry_of is not None)
        if not plan.affected:
            return _join(plan, actor, values)
        parent = _save_all(plan, actor, values, retry_of)
        send(operation, actor, parent, plan.hosts, _told(plan, parent, values))
    return Asked(parent, joined=False, skipped=plan.skipped)


def _join(plan: Preview, actor: Actor, values: dict[str, Any]) -> Asked:
    """Return the one job that does already what is left to do. Raises Invalid without one."""
    jobs = [row.job for row in plan.skipped if row.job is not None]
    job = join(plan.operation, actor, jobs, values)
    if job is None:
        raise Invalid({"": [_("There is nothing to do: every chosen container is left out.")]})
    return Asked(job, joined=True, skipped=[row for row in plan.skipped if row.job is None])


def _save_all(plan: Preview, actor: Actor, values: dict[str, Any], retry_of: Job | None) -> Job:
    """Save the parent and its children; return the parent."""
    parent = _parent(plan, actor, values)
    parent.retry_of = retry_of
    return save_family(
        parent, [new_job(plan.operation, actor, row, values) for row in plan.affected]
    )


def _parent(plan: Preview, actor: Actor, values: dict[str, Any]) -> Job:
    count = len(plan.affected)
    lone = plan.hosts[0] if len(plan.hosts) == 1 else None
    parent = new_job(plan.operation, actor, plan.affected[0], values)
    parent.host, parent.host_name = lone, lone.name if lone else hosts_words(len(plan.hosts))
    parent.target_id, parent.target_engine_id = None, ""
    parent.target_name = ngettext("%(count)d container", "%(count)d containers", count) % {
        "count": count
    }
    return parent


def _told(plan: Preview, parent: Job, values: dict[str, Any]) -> dict[str, Any]:
    names = [f"{row.host.name}/{row.name}" for row in plan.affected[:TOLD]]
    told = {"job": parent.pk, "count": len(plan.affected), "containers": names}
    return with_params(told, values)
