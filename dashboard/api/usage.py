"""Usage over time and at a glance, of containers and hosts."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Field, Schema


class MarkOut(Schema):
    """Something that happened: `at` in Unix milliseconds, `tone` is ok, bad, warn or idle."""

    at: int
    words: str
    tone: str


class HistoryOut(Schema):
    """What was used over time: columns of equal length, null where nothing is known.

    `times`, `begin` and `end` are Unix seconds, `step` is how many seconds one value stands for:
    means, and for `cpu_peak` and `memory_peak` (from a minute on) the most. Units as in a single
    measurement. `marks` are what happened meanwhile.
    """

    range: str
    step: int
    begin: int
    end: int
    times: list[int]
    columns: dict[str, list[float | None]]
    marks: list[MarkOut]


class HistoryFilter(Schema, extra="forbid"):
    """How far back."""

    range: Annotated[Literal["1h", "24h", "7d"], Field(description="an hour, a day, a week")] = "1h"
