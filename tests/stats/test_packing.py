"""Readings in few bytes: packed and rolled up, and what is not known stays unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isnan, nan

import pytest

from fleet.engine.stats import Usage
from fleet.stats.packing import MEANS, SUM, Table, pack, pick, unpack, values_of
from fleet.stats.rollup import LIMIT, TRAIL, Minutes, Trail, in_steps, rolled, with_sum

LINE = (50.0, 2.0**20, 2.0**30, 10.0, 20.0, 30.0, 40.0, 3.0)


def known(line: tuple[float, ...]) -> list[float | None]:
    """Return a line that can be compared: NaN equals nothing."""
    return [None if isnan(value) else value for value in line]


def test_a_reading_becomes_a_line() -> None:
    usage = Usage(datetime(2026, 1, 1, tzinfo=UTC), 12.5, 100, None, 1.0, 2.0, None, None, 4)
    assert known(values_of(usage)) == [12.5, 100, None, 1, 2, None, None, 4]


def test_it_unpacks_what_it_packed() -> None:
    lines = {7: LINE, 2**40: (nan,) * MEANS, SUM: tuple(2 * value for value in LINE)}
    every, found = unpack(memoryview(pack(10, lines)))
    assert every == 10
    assert {key: known(line) for key, line in found.items()} == {
        key: known(line) for key, line in lines.items()
    }
    assert pick(pack(10, lines), 7) == (10, LINE)
    assert pick(pack(10, lines), 8) == (10, None)
    assert unpack(pack(20, {})) == (20, {})


def test_a_hundred_quiet_containers_take_little_room() -> None:
    lines = {
        number: (0.1 * (number % 7), 48e6 + 4096 * number, 512e6, 0.0, 0.0, 0.0, 0.0, 3.0)
        for number in range(1, 101)
    }
    assert len(pack(10, lines)) < 100 * 12


def test_it_takes_means_and_peaks() -> None:
    lines = [
        (10.0, 100.0, nan, 0.0, 0.0, nan, nan, 1.0),
        (30.0, 50.0, 9.0, 4.0, 0.0, nan, nan, 2.0),
    ]
    line = rolled(lines)
    assert known(line) == [20, 75, 9, 2, 0, None, None, 1.5, 30, 100]
    # A peak outlives the second roll-up, in which it is one of many means.
    again = rolled([line, (*(1.0,) * MEANS, 1.0, 1.0)])
    assert known(again)[-2:] == [30, 100]
    assert known(rolled([(nan,) * MEANS])) == [None] * (MEANS + 2)


def test_the_sum_leaves_out_what_is_not_known() -> None:
    half = (1.0, nan, 5.0, nan, 1.0, nan, nan, nan)
    found = with_sum({1: LINE, 2: half})[SUM]
    assert found[0] == 51 and found[1] == 2.0**20 and found[4] == 21
    assert isnan(found[LIMIT])
    assert all(isnan(value) for value in with_sum({})[SUM])


def test_minutes_become_quarters() -> None:
    lines = {900 + 60 * number: (float(number), *LINE[1:]) for number in range(20)}
    found = in_steps(lines, 900)
    assert sorted(found) == [900, 1800]
    assert found[900][0] == 7 and found[900][MEANS] == 14


def test_a_minute_is_told_when_the_next_begins() -> None:
    minutes = Minutes()
    assert minutes.add(600, {1: LINE}) is None
    assert minutes.add(659, {1: tuple(3 * value for value in LINE)}) is None
    at, lines = minutes.add(660, {2: LINE}) or (0, {})
    assert (at, lines[1][0], lines[1][MEANS]) == (600, 100, 150)
    # Our clock is set back: nothing is mixed up.
    assert minutes.add(130, {3: LINE}) == (660, {2: rolled([LINE])})
    assert minutes.add(180, {}) == (120, {3: rolled([LINE])})
    assert minutes.add(240, {}) is None


def test_the_trail_is_the_last_half_hour() -> None:
    trail = Trail()
    for number in range(50):
        lines: Table = {1: LINE} if number % 2 else {1: LINE, 2: LINE}
        trail.add(6000 + 60 * number, lines)
    table = trail.table()
    assert len(table[1]) == 2 * TRAIL
    assert known(table[2])[:4] == [50, 2**20, None, None]
    again = Trail.of(trail.last, table)
    assert again.table().keys() == table.keys() and len(again.minutes) == TRAIL
    assert known(again.table()[2]) == known(table[2])


def test_a_pause_leaves_a_hole_in_the_trail_and_the_future_goes() -> None:
    trail = Trail()
    trail.add(6000, {1: LINE})
    trail.add(6300, {1: LINE})
    assert [place for place, value in enumerate(known(trail.table()[1])[::2]) if value] == [24, 29]
    trail.add(6060, {1: LINE})  # the clock was an hour ahead, or so
    assert [at for at, _lines in trail.minutes] == [6000, 6060]


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_any_number_of_containers(count: int) -> None:
    lines = dict.fromkeys(range(1, count + 1), LINE)
    assert len(unpack(pack(10, lines))[1]) == count
