"""What containers and hosts use now, as watchers read it last: one row a host tells all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fleet.access import access_host
from fleet.actor import Actor
from fleet.models import Host, UsageNow
from fleet.selectors.usage import plain
from fleet.stats.packing import COLUMNS, SUM, Values, unpack


@dataclass(frozen=True)
class HostUsage:
    """What all containers of a host use together; None where nothing is known."""

    at: datetime | None
    every: int | None
    cpus: int | None
    memory_total: int | None
    containers: int
    cpu: float | None
    memory: float | None
    received: float | None
    sent: float | None
    read: float | None
    written: float | None
    processes: float | None


def host_usage(actor: Actor, pk: int) -> HostUsage:
    """Return what a host's containers use together. Raises Unknown."""
    host = access_host(actor, pk)
    return usage_of_host(host, UsageNow.objects.filter(host=host).first())


def usage_of_host(host: Host, now: UsageNow | None) -> HostUsage:
    """Return what was read of a host last."""
    every, lines = unpack(now.frame) if now else (None, {})
    line: Values = lines.get(SUM, ())
    known = {name: plain(value) for name, value in zip(COLUMNS, line, strict=False)}
    return HostUsage(
        at=datetime.fromtimestamp(now.at, UTC) if now else None,
        every=every,
        cpus=host.cpus,
        memory_total=host.memory,
        containers=len(lines.keys() - {SUM}),
        **{name: known.get(name) for name in COLUMNS if name != "memory_limit"},
    )
