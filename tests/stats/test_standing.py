"""A host's sum: nobody is missing for a moment, and nobody counts who is gone."""

from __future__ import annotations

from math import isnan, nan

import pytest

from fleet.stats.packing import SUM, Table, Values
from fleet.stats.rollup import with_sum
from fleet.stats.standing import CARRIED, Standing


def line(cpu: float, memory: float) -> Values:
    """Return a reading."""
    return (cpu, memory, nan, 1.0, 1.0, nan, nan, 2.0)


DATABASE, WEB = line(50, 20_000), line(10, 1000)
BOTH: Table = {1: DATABASE, 2: WEB}


@pytest.fixture
def standing() -> Standing:
    """What was told by a sweep that read both."""
    made = Standing()
    made.counted(BOTH, [1, 2])
    return made


def sums(standing: Standing, lines: Table, up: list[int]) -> Values:
    """Return processor, memory and processes of a sweep's sum."""
    found = with_sum(lines, standing.counted(lines, up))[SUM]
    return (found[0], found[1], found[7])


def test_who_gives_no_answer_counts_as_before_for_two_sweeps(standing: Standing) -> None:
    for _ in range(CARRIED):
        assert sums(standing, {2: line(20, 2000)}, [1, 2]) == (70, 22_000, 4)
    assert sums(standing, {2: WEB}, [1, 2]) == (10, 1000, 2)
    assert sums(standing, BOTH, [1, 2]) == (60, 21_000, 4)
    assert sums(standing, {2: WEB}, [1, 2]) == (60, 21_000, 4)  # it begins anew


def test_who_does_not_run_counts_no_more(standing: Standing) -> None:
    assert sums(standing, {2: WEB}, [2]) == (10, 1000, 2)
    assert sums(standing, {2: WEB}, [1, 2]) == (10, 1000, 2)


def test_a_first_reading_counts_with_what_it_knows(standing: Standing) -> None:
    """Anew: its memory is that of now, its rates are as before for two sweeps."""
    for _ in range(CARRIED):
        assert sums(standing, {1: line(nan, 500), 2: WEB}, [1, 2]) == (60, 1500, 4)
    for _ in range(2):
        assert sums(standing, {1: line(nan, 500), 2: WEB}, [1, 2]) == (10, 1500, 4)


def test_a_first_reading_of_all_knows_no_rates() -> None:
    cpu, memory, processes = sums(Standing(), {1: line(nan, 500)}, [1])
    assert isnan(cpu) and (memory, processes) == (500, 2)
