"""From many readings to one, and from the readings of containers to their host's sum."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from math import isnan, nan

from fleet.stats.packing import COLUMNS, MEANS, PEAKS, SUM, Table, Values

LIMIT = COLUMNS.index("memory_limit")
PEAK_PLACES = [COLUMNS.index(name) for name in PEAKS]
MINUTE = 60
TRAIL = 30  # minutes that the small pictures show


def total(lines: Iterable[Values]) -> Values:
    """Return the sum of what is known; limits have no sum that means anything."""
    sums: list[float] = [nan] * MEANS
    for line in lines:
        for place, value in enumerate(line[:MEANS]):
            if not isnan(value):
                sums[place] = value if isnan(sums[place]) else sums[place] + value
    sums[LIMIT] = nan
    return tuple(sums)


def with_sum(lines: Table, counted: Iterable[Values] | None = None) -> Table:
    """Return a host's lines with their sum, or with that of what is `counted` instead of them."""
    return {SUM: total(lines.values() if counted is None else counted), **lines}


class Rolled:
    """One line made of several: means, the newest limit, and peaks."""

    __slots__ = ("counts", "limit", "peaks", "sums")

    def __init__(self) -> None:
        self.sums, self.counts = [0.0] * MEANS, [0] * MEANS
        self.peaks, self.limit = [nan] * len(PEAK_PLACES), nan

    def add(self, line: Values) -> None:
        """Count a reading, or a line that was rolled before."""
        for place in range(MEANS):
            value = line[place]
            if value == value:
                self.sums[place] += value
                self.counts[place] += 1
        self.limit = line[LIMIT]
        rolled_before = len(line) > MEANS
        for number, place in enumerate(PEAK_PLACES):
            value = line[MEANS + number] if rolled_before else line[place]
            # NaN compares with nothing: what is not known is no peak.
            if not value <= self.peaks[number] and not isnan(value):
                self.peaks[number] = value

    def line(self) -> Values:
        """Return what they come to."""
        means = [s / n if n else nan for s, n in zip(self.sums, self.counts, strict=True)]
        means[LIMIT] = self.limit
        return (*means, *self.peaks)


def rolled(lines: Iterable[Values]) -> Values:
    """Return one line for several."""
    made = Rolled()
    for line in lines:
        made.add(line)
    return made.line()


def in_steps(lines: Mapping[int, Values], step: int) -> Table:
    """Return lines by time as lines for each `step` seconds."""
    made: dict[int, Rolled] = {}
    for at in sorted(lines):
        made.setdefault(at - at % step, Rolled()).add(lines[at])
    return {at: one.line() for at, one in made.items()}


class Minutes:
    """Gathers the readings of a host until a minute is over."""

    def __init__(self) -> None:
        self._at = 0
        self._lines: dict[int, Rolled] = {}

    def add(self, at: int, lines: Table) -> tuple[int, Table] | None:
        """Count one sweep; return the minute before once a new one has begun.

        A clock that was set back begins a new minute, too: the older one is told as it is.
        """
        minute, ended = at - at % MINUTE, None
        if minute != self._at:
            ended = self._end()
            self._at = minute
        for key, line in lines.items():
            self._lines.setdefault(key, Rolled()).add(line)
        return ended

    def _end(self) -> tuple[int, Table] | None:
        lines, self._lines = self._lines, {}
        return (self._at, {key: one.line() for key, one in lines.items()}) if lines else None


class Trail:
    """The last minutes of processor and memory of all containers of a host."""

    def __init__(self, minutes: Iterable[tuple[int, Table]] = ()) -> None:
        self.minutes: deque[tuple[int, Table]] = deque(minutes, TRAIL)

    def add(self, at: int, lines: Table) -> None:
        """Add a minute; those that a clock set back has made part of the future go."""
        while self.minutes and self.minutes[-1][0] >= at:
            self.minutes.pop()
        self.minutes.append((at, {key: line[:2] for key, line in lines.items()}))

    def young(self, keys: Iterable[int]) -> set[int]:
        """Return the keys that have no value yet in the oldest minute."""
        return {key for key in keys if key not in self.minutes[0][1]} if self.minutes else set()

    def fill(self, other: Trail) -> None:
        """Take over what another trail knows of minutes that are here without it."""
        here = dict(self.minutes)
        for at, lines in other.minutes:
            for key, line in lines.items() if at in here else ():
                here[at].setdefault(key, line)

    @property
    def last(self) -> int:
        """The time of the last minute."""
        return self.minutes[-1][0] if self.minutes else 0

    def table(self) -> Table:
        """Return a line a container: its processor and memory in each of the last minutes."""
        by_time = dict(self.minutes)
        keys = {key for lines in by_time.values() for key in lines}
        times = range(self.last - (TRAIL - 1) * MINUTE, self.last + 1, MINUTE)
        rows = [by_time.get(at, {}) for at in times]
        return {key: tuple(v for row in rows for v in row.get(key, (nan, nan))) for key in keys}

    @classmethod
    def of(cls, last: int, table: Table) -> Trail:
        """Return the trail of a `table` whose last minute was `last`."""
        rows: dict[int, Table] = {}
        for key, line in table.items():
            for number in range(len(line) // 2):
                pair = line[2 * number : 2 * number + 2]
                if not all(map(isnan, pair)):
                    at = last - (len(line) // 2 - 1 - number) * MINUTE
                    rows.setdefault(at, {})[key] = pair
        return cls(sorted(rows.items()))
