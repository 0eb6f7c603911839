"""Readings of engines of all kinds, and what they come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.engine.stats import Counters, parse_counters, usage_between

AT = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)
DOCKER: dict[str, Any] = {
    "read": "2026-11-28T12:00:00.000000001Z",
    "cpu_stats": {"cpu_usage": {"total_usage": 5_000_000_000}, "online_cpus": 2},
    "memory_stats": {
        "usage": 100_000, "limit": 1_000_000, "stats": {"total_inactive_file": 30_000},
    },
    "networks": {"eth0": {"rx_bytes": 10, "tx_bytes": 20}, "eth1": {"rx_bytes": 1, "tx_bytes": 2}},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"op": "Read", "value": 7}, {"op": "Write", "value": 8}, {"op": "Total", "value": 15},
        ]
    },
    "pids_stats": {"current": 4},
}  # fmt: skip
PODMAN: dict[str, Any] = {
    "read": "2026-11-28T12:00:00Z",
    "cpu_stats": {"cpu_usage": {"total_usage": 1}},
    "memory_stats": {"usage": 500, "limit": 1000},
    "blkio_stats": {"io_service_bytes_recursive": None},
}
STILL = {"read": "0001-01-01T00:00:00Z", "cpu_stats": {"cpu_usage": {"total_usage": 0}}}


def test_it_reads_docker() -> None:
    found = parse_counters(DOCKER)
    assert found == Counters(AT, 5_000_000_000, 70_000, 1_000_000, 11, 22, 7, 8, 4)


def test_it_reads_cgroup_v2() -> None:
    memory = {"usage": 100, "limit": 200, "stats": {"inactive_file": 40}}
    found = parse_counters({**DOCKER, "memory_stats": memory})
    assert found is not None and (found.memory, found.memory_limit) == (60, 200)


def test_it_takes_what_podman_leaves_out_for_unknown() -> None:
    found = parse_counters(PODMAN)
    assert found == Counters(AT, 1, 500, 1000, None, None, None, None, None)


@pytest.mark.parametrize("raw", [STILL, {}, None, [], "x", {"read": 7, "cpu_stats": "x"}])
def test_it_reads_nothing_of_what_does_not_run(raw: object) -> None:
    assert parse_counters(raw) is None


def counters(seconds: float, cpu: int, sent: int | None = None) -> Counters:
    """A reading some seconds after AT."""
    return Counters(AT + timedelta(seconds=seconds), cpu, 5, None, None, sent, None, None, None)


def test_it_tells_percents_and_rates() -> None:
    found = usage_between(counters(0, 10**9, 100), counters(2, 4 * 10**9, 500))
    assert found is not None
    assert (found.cpu, found.sent, found.received, found.memory) == (150.0, 200.0, None, 5)


@pytest.mark.parametrize(("seconds", "cpu"), [(0, 10**9), (-1, 10**9), (1, 1)])
def test_it_compares_nothing_over_a_restart(seconds: float, cpu: int) -> None:
    assert usage_between(counters(0, 10**8), counters(seconds, cpu)) is None


@pytest.mark.parametrize("name", ["received", "sent", "read", "written"])
def test_a_new_life_shows_in_any_counter(name: str) -> None:
    """A crash loop: the new life has used more of the processor than the old one had."""
    old = Counters(AT, 1_200_000_000, 5, None, 300, 300, 300, 300, 1)
    new = Counters(AT + timedelta(seconds=10), 2 * 10**9, 5, None, 400, 400, 400, 400, 1)
    assert usage_between(old, new) is not None
    less: Any = {name: 5}
    assert usage_between(old, replace(new, **less)) is None
