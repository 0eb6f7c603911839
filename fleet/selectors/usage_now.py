"""What containers and hosts use now, as watchers read it last: one row a host tells all."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import isnan
from typing import Any, Final

from django.db.models import Exists, OuterRef

from fleet.access import access_host, visible_containers, visible_hosts
from fleet.actor import Actor
from fleet.models import Container, Host, HostState, UsageNow
from fleet.selectors.usage import plain
from fleet.stats.packing import COLUMNS, SUM, Raw, Table, Values, unpack

STALE_SECONDS = 60  # and three sweeps: what is older is not of now
SHAPE_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
UNKNOWN = "-"
FLOORS = (10.0, 1.0)  # the least that fills a picture: 10 %, 1 byte
TOPS: Final[dict[str, tuple[str, ...]]] = {
    "cpu": ("cpu",),
    "memory": ("memory",),
    "network": ("received", "sent"),
    "disk": ("read", "written"),
}
TOP_SIZE = 25
ROUNDED = 1e-6  # how much less a number may be after it was kept
NEAR = 0.9  # of its limit: memory that runs out soon


@dataclass(frozen=True)
class Used:
    """What is used now; None where nothing is known."""

    cpu: float | None
    memory: float | None
    received: float | None
    sent: float | None
    read: float | None
    written: float | None
    processes: float | None


@dataclass(frozen=True)
class HostUsage(Used):
    """What all containers of a host use together."""

    at: datetime | None
    every: int | None
    cpus: int | None
    memory_total: int | None
    containers: int


def host_usage(actor: Actor, pk: int) -> HostUsage:
    """Return what a host's containers use together. Raises Unknown."""
    host = access_host(actor, pk)
    row = UsageNow.objects.filter(host=host).first()
    every, lines = _unpacked(bytes(row.frame)) if row else (None, {})
    known = _named(lines.get(SUM, ()))
    return HostUsage(
        at=datetime.fromtimestamp(row.at, UTC) if row else None,
        every=every,
        cpus=host.cpus,
        memory_total=host.memory,
        containers=len(lines.keys() - {SUM}),
        **{name: known.get(name) for name in COLUMNS if name != "memory_limit"},
    )


def _named(line: Values) -> dict[str, float | None]:
    return {name: plain(value) for name, value in zip(COLUMNS, line, strict=False)}


def _rounded(line: Values) -> dict[str, Any]:
    """Return a line with whole numbers, but for the processor."""
    return {
        name: value if value is None or name == "cpu" else round(value)
        for name, value in _named(line).items()
    }


@lru_cache(maxsize=512)
def _unpacked(data: bytes) -> tuple[int, Table]:
    """Many pages show one host: its newest readings are unpacked once."""
    return unpack(data)


def _fresh(at: int, data: Raw) -> Table:
    """Return the lines of a frame, none when it is old: its host is away, or nobody reads it."""
    every, lines = _unpacked(bytes(data))
    return lines if at >= time.time() - STALE_SECONDS - 3 * every else {}


def newest_lines(host_ids: Iterable[int]) -> Iterator[tuple[int, Table]]:
    """Yield (host, its lines of now) of hosts that the caller may show."""
    rows = UsageNow.objects.filter(host__in=list(host_ids))
    for host_id, at, data in rows.values_list("host_id", "at", "frame"):
        yield host_id, _fresh(at, data)


def sampling_of(host_ids: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """Yield (host, when it was read last, how many seconds lie between two readings)."""
    rows = UsageNow.objects.filter(host__in=list(host_ids))
    for host_id, at, data in rows.values_list("host_id", "at", "frame"):
        yield host_id, at, _unpacked(bytes(data))[0]


# --- Small pictures ------------------------------------------------------------------------


@dataclass(frozen=True)
class Recent:
    """What is used now, and the last half hour as two shapes: a letter a minute, 0 to z."""

    cpu: float | None
    memory: float | None
    shapes: tuple[str, str]


def recent_usage(
    actor: Actor, containers: list[int], hosts: list[int]
) -> tuple[dict[int, Recent], dict[int, Recent]]:
    """Return what is used recently, by container and by host; what is not to be seen is left out.

    Bounded: some 100 bytes each.
    """
    seen = visible_containers(actor).select_related(None).filter(pk__in=containers)
    host_of = dict(seen.order_by().values_list("pk", "host_id"))
    shown = set(visible_hosts(actor).filter(pk__in=hosts).order_by().values_list("pk", flat=True))
    rows = UsageNow.objects.filter(host__in=shown | set(host_of.values()))
    by_host = {row.host_id: row for row in rows}
    found = {pk: _recent(by_host[host], pk) for pk, host in host_of.items() if host in by_host}
    return found, {pk: _recent(by_host[pk], SUM) for pk in shown if pk in by_host}


def _recent(row: UsageNow, key: int) -> Recent:
    line = _named(_fresh(row.at, row.frame).get(key, ()))
    trail = _unpacked(bytes(row.trail))[1].get(key, ()) if row.trail else ()
    # Minutes that ended before the newest one are the trail's; an old trail is shown as it was.
    shapes = (_shape(trail[0::2], FLOORS[0]), _shape(trail[1::2], FLOORS[1]))
    return Recent(line.get("cpu"), line.get("memory"), shapes)


def _shape(values: Values, floor: float) -> str:
    most = max((value for value in values if not isnan(value)), default=0.0)
    scale = (len(SHAPE_LETTERS) - 1) / max(most, floor)
    return "".join(
        UNKNOWN if isnan(value) else SHAPE_LETTERS[round(value * scale)] for value in values
    )


# --- Who uses most -------------------------------------------------------------------------


@dataclass(frozen=True)
class TopRow(Used):
    """A container and what it uses, in whole numbers but for the processor."""

    container: Container
    value: float  # of what the list is about
    percent: float  # of all that is used
    memory_limit: int | None

    @property
    def limited(self) -> bool:
        """Whether it has a limit of its own: engines tell the host's memory for who has none.

        Readings are kept with seven digits: of 64 GiB that is some KiB less than there are.
        """
        all_of_it = self.container.host.memory
        if not self.memory_limit or not all_of_it:
            return False
        return self.memory_limit < all_of_it * (1 - ROUNDED)

    @property
    def nearly_out(self) -> bool:
        """Whether it may lose its processes for want of memory."""
        return bool(self.limited and self.memory and self.memory >= NEAR * (self.memory_limit or 0))


@dataclass(frozen=True)
class Top:
    """The containers that use most of something, the greediest first."""

    by: str
    rows: list[TopRow]
    total: float  # of all containers that were asked for
    containers: int
    cpus: int  # of their hosts
    memory: int
    silent: list[str]  # hosts with containers that run, as far as is known, and no readings of now


def top_usage(
    actor: Actor, by: str, *, environment: str = "", host: str = "", size: int = TOP_SIZE
) -> Top:
    """Return who uses most of `by`, a key of TOPS; `environment` and `host` are names."""
    hosts = Host.objects.filter(actor.access.reach("container.view").q())
    if environment:
        hosts = hosts.filter(environment__name__iexact=environment)
    if host:
        hosts = hosts.filter(name__iexact=host)
    running = Container.objects.filter(host=OuterRef("pk"), state="running")
    found = hosts.exclude(state=HostState.DISABLED).order_by("name")
    columns = ("pk", "name", "cpus", "memory", Exists(running))
    facts = {pk: more for pk, *more in found.values_list(*columns)}
    places = [COLUMNS.index(name) for name in TOPS[by]]
    lines: Table = {}
    told = {pk: table for pk, table in newest_lines(facts) if table}
    for table in told.values():
        lines |= {key: line for key, line in table.items() if key != SUM}
    cpus, memory = (sum(facts[pk][place] or 0 for pk in told) for place in (1, 2))
    silent = [name for pk, (name, *_, runs) in facts.items() if runs and pk not in told]
    values = {key: _amount(line, places) for key, line in lines.items()}
    total = sum(values.values())
    # A few more than are shown: some may have been removed since.
    greedy = heapq.nlargest(size + 10, values, key=lambda key: values[key])
    known = visible_containers(actor).in_bulk(greedy)
    rows = [
        TopRow(
            container=known[pk],
            value=values[pk],
            percent=100 * values[pk] / total,
            **_rounded(lines[pk]),
        )
        for pk in greedy
        if pk in known and values[pk] > 0
    ]
    return Top(by, rows[:size], total, len(lines), cpus, memory, silent)


def _amount(line: Values, places: list[int]) -> float:
    return sum(line[place] for place in places if not isnan(line[place]))
