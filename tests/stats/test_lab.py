"""What real containers use, read by a real watcher from a real engine."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

import pytest

from fleet.models import UsageFrame, UsageNow
from fleet.stats.packing import COLUMNS, SUM, Table, unpack
from tests.lab.lab import IMAGE, Lab
from tests.waiting import eventually
from tests.watch.conftest import fleet, migrated
from tests.watch.fleet import ALIAS, WatchedFleet

__all__ = ["fleet", "migrated"]

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]
LIMIT = 64 * 2**20


@pytest.fixture
def names(lab: Lab) -> Iterator[list[str]]:
    """A container that burns a processor and one that is idle, both with a memory limit."""
    run = ("run", "-d", "--memory", "64m", "--name")
    lab.hosts[0].docker(*run, "usage-busy", IMAGE, "sh", "-c", "while :; do :; done")
    lab.hosts[0].docker(*run, "usage-idle", IMAGE, "sleep", "1000")
    yield ["usage-busy", "usage-idle"]
    lab.hosts[0].docker("rm", "-f", "usage-busy", "usage-idle")


def test_it_reads_a_real_engine(lab: Lab, fleet: WatchedFleet, names: list[str]) -> None:
    host = fleet.add_lab_host(lab.hosts[0])
    fleet.start_watcher(QUAYSIDE_SAMPLE_SECONDS="5")
    ids = {name: fleet.wait_for(name=name).pk for name in names}

    def lines() -> Table:
        row = UsageNow.objects.using(ALIAS).filter(host=host).first()
        return unpack(row.frame)[1] if row else {}

    def compared() -> bool:
        found = lines()
        return all(pk in found and not isnan(found[pk][0]) for pk in ids.values())

    eventually(compared, "both are read", seconds=60)
    found = lines()
    busy, idle = (dict(zip(COLUMNS, found[ids[name]], strict=True)) for name in names)
    assert busy["cpu"] > 10 * idle["cpu"] and busy["cpu"] > 1  # a crowded machine gives it little
    assert busy["memory_limit"] == idle["memory_limit"] == LIMIT
    assert 0 < idle["memory"] < LIMIT and idle["processes"] == 1
    assert found[SUM][0] >= busy["cpu"]
    assert found[SUM][1] >= busy["memory"] + idle["memory"]
    assert UsageFrame.objects.using(ALIAS).filter(host=host, step=10).exists()
