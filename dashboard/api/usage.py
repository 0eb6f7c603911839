"""Usage over time and at a glance, of containers and hosts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.filters import Text
from fleet.selectors.usage_now import TOP_SIZE, TopRow, top_usage

router = Router(tags=["usage"])


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


class TopFilter(Schema, extra="forbid"):
    """Of what, where, and how many."""

    by: Literal["cpu", "memory", "network", "disk"] = "cpu"
    environment: Annotated[Text, Field(max_length=60, description="its name")] = ""
    host: Annotated[Text, Field(max_length=60, description="its name")] = ""
    limit: Annotated[int, Field(ge=1, le=500)] = TOP_SIZE


class TopRowOut(Schema):
    """A container; `value` is what it uses of what was asked for, `percent` its part of all."""

    id: int
    name: str
    host: str
    host_id: int
    environment: str
    stack: str
    value: float
    percent: float
    cpu: float | None
    memory: int | None
    memory_limit: int | None
    received: int | None
    sent: int | None
    read: int | None
    written: int | None
    processes: int | None

    @staticmethod
    def of(row: TopRow) -> dict[str, Any]:
        """Return what is shown of a row."""
        one = row.container
        return {
            **{name: getattr(row, name, None) for name in TopRowOut.model_fields},
            "id": one.pk,
            "name": one.name,
            "host": one.host.name,
            "host_id": one.host_id,
            "environment": one.host.environment.name,
            "stack": one.stack,
        }


class TopOut(Schema):
    """Who uses most, the greediest first; `total` is what all `containers` use together.

    `silent` are hosts whose containers are not counted: there are no readings of now.
    """

    by: str
    items: list[TopRowOut]
    total: float
    containers: int
    silent: list[str]


@router.get("/top", response=TopOut, summary="List who uses most")
def list_top(request: HttpRequest, wanted: Query[TopFilter]) -> Any:
    """Rank the running containers that the caller may see, by what watchers read last.

    Network is in and out together, disk reading and writing. Containers that use nothing, and
    those whose host is away, are left out.
    """
    top = top_usage(
        caller(request), wanted.by,
        environment=wanted.environment, host=wanted.host, size=wanted.limit,
    )  # fmt: skip
    items = [TopRowOut.of(row) for row in top.rows]
    return {name: getattr(top, name, items) for name in TopOut.model_fields}
