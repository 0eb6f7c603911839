"""What a running container uses: the counters of engines, and what they come to between two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fleet.engine.raw import Json, as_dict, as_int, as_list, as_str, parse_time

COUNTED = ("cpu_ns", "received", "sent", "read", "written")  # what only rises in one life


@dataclass(frozen=True, slots=True)
class Counters:
    """One reading. Times in ns of processor, sizes in bytes; None: the engine does not say."""

    at: datetime
    cpu_ns: int
    memory: int  # without what the kernel could let go of at once
    memory_limit: int | None
    received: int | None
    sent: int | None
    read: int | None
    written: int | None
    processes: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What is used now. `cpu` in percent of one processor; rates in bytes a second."""

    at: datetime
    cpu: float
    memory: int
    memory_limit: int | None
    received: float | None
    sent: float | None
    read: float | None
    written: float | None
    processes: int | None


def parse_counters(raw: object) -> Counters | None:
    """A reading of ``GET /containers/{id}/stats``; None when the container does not run."""
    said = as_dict(raw)
    at = parse_time(said.get("read"))
    cpu = as_dict(as_dict(said.get("cpu_stats")).get("cpu_usage"))
    if at is None or not as_int(cpu.get("total_usage")):
        return None
    memory = as_dict(said.get("memory_stats"))
    received, sent = _network(as_dict(said.get("networks")))
    read, written = _blocks(as_dict(said.get("blkio_stats")))
    pids = as_dict(said.get("pids_stats")).get("current")
    return Counters(
        at=at,
        cpu_ns=as_int(cpu.get("total_usage")),
        memory=_memory(memory),
        memory_limit=as_int(memory.get("limit")) or None,
        received=received,
        sent=sent,
        read=read,
        written=written,
        processes=as_int(pids) if pids is not None else None,
    )


def _memory(memory: Json) -> int:
    """As ``docker stats`` counts it: file pages that nobody used lately are left out."""
    used, detail = as_int(memory.get("usage")), as_dict(memory.get("stats"))
    # cgroup v1 has the first name, v2 the second.
    idle = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return max(0, used - min(as_int(idle), used))


def _network(networks: Json) -> tuple[int | None, int | None]:
    """Bytes in and out over all networks; a container on the host's network has none."""
    if not networks:
        return None, None
    each = [as_dict(network) for network in networks.values()]
    received = sum(as_int(one.get("rx_bytes")) for one in each)
    return received, sum(as_int(one.get("tx_bytes")) for one in each)


def _blocks(blocks: Json) -> tuple[int | None, int | None]:
    entries = [as_dict(one) for one in as_list(blocks.get("io_service_bytes_recursive"))]
    if not entries:
        return None, None
    return _sum(entries, "read"), _sum(entries, "write")


def _sum(entries: Iterable[dict[str, Any]], operation: str) -> int:
    return sum(
        as_int(one.get("value")) for one in entries if as_str(one.get("op")).lower() == operation
    )


def usage_between(before: Counters, now: Counters) -> Usage | None:
    """What was used from one reading to the next; None when they cannot be compared."""
    seconds = (now.at - before.at).total_seconds()
    if seconds <= 0 or _count_anew(before, now):
        return None

    def rate(old: int | None, new: int | None) -> float | None:
        return None if old is None or new is None else (new - old) / seconds

    return Usage(
        at=now.at,
        cpu=(now.cpu_ns - before.cpu_ns) / seconds / 1e7,
        memory=now.memory,
        memory_limit=now.memory_limit,
        received=rate(before.received, now.received),
        sent=rate(before.sent, now.sent),
        read=rate(before.read, now.read),
        written=rate(before.written, now.written),
        processes=now.processes,
    )


def _count_anew(before: Counters, now: Counters) -> bool:
    """Whether a counter went down: the container was started anew, or changed its networks.

    One is enough: a new life may have used more of the processor already than the one before.
    """
    pairs = ((getattr(before, name), getattr(now, name)) for name in COUNTED)
    return any(old is not None and new is not None and new < old for old, new in pairs)
