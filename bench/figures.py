"""What a measurement prints: a figure, its limit, and whether it holds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the result.

    `limit` is the most that is allowed, `least` the least; None where there is none.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    least: float | None = None

    @property
    def missed(self) -> bool:
        """True when it is over its limit, or under the least."""
        over = self.limit is not None and self.value > self.limit
        return over or (self.least is not None and self.value < self.least)

    def __str__(self) -> str:
        told = f"{self.name:<58} {self.value:>9.1f} {self.unit}"
        bound = self.limit if self.limit is not None else self.least
        if bound is None:
            return told
        word = "limit" if self.limit is not None else "least"
        holds = "MISSED" if self.missed else "holds"
        return f"{told:<76} {word} {bound:g} {self.unit}: {holds}"


def percentile(values: list[float], percent: float) -> float:
    """Return the nearest-rank percentile of a list that is not empty."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, round(percent / 100 * len(ranked) + 0.5) - 1)]


def spread(
    name: str, values: list[float], unit: str, *, median: float | None, p95: float | None
) -> list[Figure]:
    """Return median and p95 of measured values, each with its limit."""
    return [
        Figure(f"{name}, median of {len(values)}", statistics.median(values), unit, median),
        Figure(f"{name}, p95", percentile(values, 95), unit, p95),
    ]
