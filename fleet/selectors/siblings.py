"""What stands beside something: the other environments, hosts of one, containers of a host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from fleet.access import (
    access_container,
    access_environment,
    access_host,
    visible_containers,
    visible_environments,
    visible_hosts,
)
from fleet.actor import Actor
from fleet.models import Container, Environment, Host
from fleet.selectors.given import given_text

SHOWN = 50
FEW = 10  # are seen at a glance: nobody needs to filter them


@dataclass(frozen=True)
class Siblings:
    """The first siblings by name, among them the one that they are asked for."""

    here: Any  # Environment, Host or Container
    rows: list[Any]
    total: int  # that match
    q: str = ""

    @property
    def many(self) -> bool:
        """Whether there are so many that one wants to filter them."""
        return self.total > FEW

    @property
    def more(self) -> bool:
        """Whether not all that match are here."""
        return self.total > len(self.rows)


def environment_siblings(actor: Actor, pk: int, q: str = "") -> Siblings:
    """Return the environments that the actor may see. Raises Unknown."""
    here: Environment = access_environment(actor, pk)
    return _siblings(visible_environments(actor), here, q)


def host_siblings(actor: Actor, pk: int, q: str = "") -> Siblings:
    """Return the hosts of a host's environment that the actor may see. Raises Unknown."""
    here: Host = access_host(actor, pk)
    hosts = visible_hosts(actor).filter(environment=here.environment_id)
    return _siblings(hosts.select_related(None).only("name", "state", "last_seen"), here, q)


def container_siblings(actor: Actor, pk: int, q: str = "") -> Siblings:
    """Return the containers of a container's host. Raises Unknown."""
    here: Container = access_container(actor, pk)
    states = ("state", "health", "exit_code", "oom_killed", "seen_at")
    rows = visible_containers(actor).filter(host=here.host_id)
    found = _siblings(rows.select_related(None).only("name", "host", *states), here, q)
    for row in found.rows:
        row.host = here.host
    return found


def _siblings(rows: QuerySet[Any], here: Any, q: str) -> Siblings:
    q = given_text(q)
    matching = rows.filter(name__icontains=q) if q else rows
    shown = list(matching.order_by("name", "pk")[: SHOWN + 1])
    total = len(shown) if len(shown) <= SHOWN else matching.count()
    shown = shown[:SHOWN]
    if not q and here not in shown:
        shown = [here, *shown[: SHOWN - 1]]
    return Siblings(here, shown, total, q)
