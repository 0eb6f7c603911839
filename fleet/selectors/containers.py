"""Containers for pages and API: the list over all hosts, its counts and its choices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Count, QuerySet
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from fleet.access import visible_containers
from fleet.actor import Actor
from fleet.models import Container, Host, HostState
from fleet.selectors.container_query import (
    AVAILABLE,
    FAILED,
    UNREACHABLE,
    ContainerQuery,
    has_failed,
    health_now,
    in_stacks,
)
from fleet.selectors.paging import Numbered, page_of
from fleet.selectors.updates import Known, Run, Update, run_of, that_run, updates_among

__all__ = [
    "ContainerPage",
    "ContainerQuery",
    "container_hosts",
    "container_page",
    "filter_containers",
    "list_problems",
    "service_choices",
    "stack_choices",
]

# What a row shows. No labels, mounts or networks: they may be large.
ROW_FIELDS = (
    "host_id", "engine_id", "name", "image", "image_id", "state", "health", "exit_code",
    "oom_killed", "restart_count", "ports", "compose_project", "compose_service", "swarm_stack",
    "created_at", "started_at", "finished_at", "revision",
)  # fmt: skip
HOST_FIELDS = (
    "name", "url", "state", "state_since", "state_message", "last_seen", "environment__name",
    "environment__careful",
)  # fmt: skip
CHOICES = 200
SECRETS = "container.secrets"


@dataclass(frozen=True)
class ContainerPage(Numbered):
    """One page of the list, with all that its table shows."""

    query: ContainerQuery
    rows: list[Container]  # each with its host
    hosts: dict[int, Host]  # whose containers the actor may see
    permissions: dict[int, frozenset[str]]  # by host of the rows
    states: Counter[str]  # how many in each state, whatever state is asked for
    healths: Counter[str]
    total: int
    page: int
    pages: int
    updates: dict[int, Update]  # by id of the rows whose images the actor may see
    updated: Counter[str]  # how many for each value of `update`, whatever is asked for


def filter_containers(
    actor: Actor, query: ContainerQuery | MultiValueDict[str, str]
) -> QuerySet[Container]:
    """Return the containers that the actor may see and that match, in the query's order.

    `query` may be a query string's data (`request.GET`) as it came.
    """
    if isinstance(query, MultiValueDict):
        query = ContainerQuery.parse(query)
    rows = visible_containers(actor).filter(query.condition(actor.access.reach(SECRETS)))
    if query.update:
        hosts = _of_images(actor, container_hosts(actor))
        rows = _with_updates(rows, query, updates_among(rows.select_related(None), hosts))
    return rows.filter(query.state_condition()).order_by(*query.ordering)


def list_problems(actor: Actor, query: ContainerQuery) -> list[str]:
    """Return what is wrong with the query, and which labels the actor may not look for."""
    hidden = () if actor.access.reach(SECRETS).everywhere else query.hidden_labels
    words = _("The value of the label “%(key)s” is hidden where you may not see such values: no"
              " container there is found by it.")  # fmt: skip
    return [*query.problems, *(words % {"key": key[:40]} for key in hidden)]


def container_hosts(actor: Actor) -> dict[int, Host]:
    """Return the hosts whose containers the actor may see, by id and in order of their names."""
    reach = actor.access.reach("container.view")
    hosts = Host.objects.filter(reach.q()).select_related("environment").only(*HOST_FIELDS)
    return {host.pk: host for host in hosts}


def container_page(actor: Actor, query: ContainerQuery) -> ContainerPage:
    """Return one page by four queries, or six where registries were asked.

    A page beyond the end becomes the last one.
    """
    hosts = container_hosts(actor)
    secrets = actor.access.reach(SECRETS)
    base = visible_containers(actor).select_related(None).filter(query.condition(secrets))
    tellers = _of_images(actor, hosts)
    # Labels are read row by row: not once more for a count that nobody has asked for.
    counted = bool(query.update) or not query.label
    updates = updates_among(base, tellers) if counted else {}
    base = _with_updates(base, query, updates)
    groups = _groups(base)
    total = sum(
        count
        for (host, state, health, failed), count in groups.items()
        if host in hosts and query.matches(state, health, failed, hosts[host].state)
    )
    page, pages, part = page_of(total, query.size, query.page)
    found = base.filter(query.state_condition()).order_by(*query.ordering).only(*ROW_FIELDS)
    rows = _with_hosts(found[part] if total else [], hosts)
    if not counted:
        updates = updates_among(Container.objects.filter(pk__in=[row.pk for row in rows]), tellers)
    shown = {row.host_id: row.host for row in rows}
    return ContainerPage(
        query=query,
        rows=rows,
        hosts=hosts,
        permissions={pk: actor.access.permissions_on(host) for pk, host in shown.items()},
        states=_states(groups, hosts),
        healths=_healths(groups),
        total=total,
        page=page,
        pages=pages,
        updates={row.pk: updates[run].update for row in rows if (run := run_of(row)) in updates},
        updated=_updated(updates) if counted else Counter(),
    )


def _of_images(actor: Actor, hosts: dict[int, Host]) -> dict[int, Host]:
    """Return those of the hosts whose images the actor may see: updates tell of them."""
    return {pk: host for pk, host in hosts.items() if actor.access.may("image.view", host)}


def _with_updates(
    rows: QuerySet[Container], query: ContainerQuery, updates: dict[Run, Known]
) -> QuerySet[Container]:
    """Return those with an update that is asked for."""
    if not query.update:
        return rows
    return that_run(rows, (run for run, known in updates.items() if query.wants(known.update)))


Groups = Counter[tuple[int, str, str, bool]]
# In the order of an index that holds them all: without a filter no row is looked at.
GROUPED = ("host_id", "state", "health", "exit_code", "oom_killed")


def _groups(rows: QuerySet[Container]) -> Groups:
    """Return counts by host, state, health and failure: few groups for any number of rows."""
    found: Groups = Counter()
    counted = rows.order_by().values_list(*GROUPED).annotate(number=Count("pk"))
    for host, state, health, code, oom_killed, number in counted:
        found[host, state, health, has_failed(state, code, oom_killed)] += number
    return found


def _states(groups: Groups, hosts: dict[int, Host]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (host, state, _health, failed), number in groups.items():
        found[state] += number
        if failed:
            found[FAILED] += number
        if host in hosts and hosts[host].state == HostState.UNREACHABLE:
            found[UNREACHABLE] += number
    return found


def _updated(updates: dict[Run, Known]) -> Counter[str]:
    found: Counter[str] = Counter()
    for update, number in updates.values():
        found[update.state] += number
        if update.there_is:
            found[AVAILABLE] += number
    return found


def _healths(groups: Groups) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_host, state, health, _failed), number in groups.items():
        found[health_now(state, health)] += number
    return found


def _with_hosts(rows: Iterable[Container], hosts: dict[int, Host]) -> list[Container]:
    """Give rows their hosts; a host that was added between the queries waits for the next one."""
    found = [row for row in rows if row.host_id in hosts]
    for row in found:
        row.host = hosts[row.host_id]
    return found


def stack_choices(actor: Actor) -> list[str]:
    """Return the names of stacks that the actor may see, the first of them by name."""
    return _names(visible_containers(actor), "compose_project", "swarm_stack")


def service_choices(actor: Actor, stacks: Collection[str] = ()) -> list[str]:
    """Return the names of services, of these stacks if any are named, as `stack_choices` does."""
    rows = visible_containers(actor).filter(in_stacks(stacks))
    return _names(rows, "compose_service", "swarm_service")


def _names(containers: QuerySet[Container], *fields: str) -> list[str]:
    rows = containers.select_related(None)
    names: set[str] = set()
    for field in fields:
        names.update(
            rows.exclude(**{field: ""})
            .order_by(field)
            .values_list(field, flat=True)
            .distinct()[:CHOICES]
        )
    return sorted(names)[:CHOICES]
