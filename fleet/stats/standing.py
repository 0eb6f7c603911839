"""A host's sum, in which nobody is missing for a moment.

A call that took too long, or a container that was just started anew, is no fall of what the host
uses: what is not known of who is up counts as it was last known, for a sweep or two.
"""

from __future__ import annotations

from collections.abc import Collection
from math import isnan, nan

from fleet.stats.packing import COLUMNS, MEANS, Table, Values

CARRIED = 2  # sweeps
CPU = COLUMNS.index("cpu")
UNKNOWN: Values = (nan,) * MEANS


class Standing:
    """What the containers of a host were last known to use."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[Values, int]] = {}  # and for how many sweeps it has counted

    def counted(self, lines: Table, up: Collection[int]) -> list[Values]:
        """Return what the sum of a sweep is made of. `up` run, whether they were read or not."""
        last, self._last = self._last, {}
        for key in {*up, *lines}:
            line, (before, age) = lines.get(key, UNKNOWN), last.get(key, (UNKNOWN, CARRIED))
            # Rates need two readings: without them, a line is of one alone.
            if not isnan(line[CPU]):
                self._last[key] = line, 0
            elif age < CARRIED:
                self._last[key] = _filled(line, before), age + 1
            elif key in lines:
                self._last[key] = line, 0
        return [line for line, _age in self._last.values()]


def _filled(line: Values, before: Values) -> Values:
    return tuple(old if isnan(new) else new for new, old in zip(line, before, strict=True))
