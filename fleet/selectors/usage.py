"""What containers and hosts used in the last hour, day and week, with what happened meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from math import isnan
from typing import Final

from fleet.access import access_container, access_host
from fleet.actor import Actor
from fleet.models import UsageBlock, UsageFrame
from fleet.selectors.usage_marks import Mark, container_marks, host_marks
from fleet.stats.keeping import HOUR, QUARTER, SPAN, SWEEP
from fleet.stats.packing import ROLLED, SUM, Values, pick, unpack
from fleet.stats.rollup import MINUTE, in_steps

VIEW = "container.view"
RANGES: Final[dict[str, tuple[int, int]]] = {  # name -> seconds, seconds of one value
    "1h": (HOUR, SWEEP),
    "24h": (24 * HOUR, MINUTE),
    "7d": (7 * 24 * HOUR, QUARTER),
}
GAP = 2.5  # times the distance of two readings then; what is farther apart is not joined

Column = list[float | None]
Found = dict[int, tuple[int, Values]]  # by time: how often it was read then, in seconds, and what


@dataclass(frozen=True)
class History:
    """Values over time. `times` are Unix seconds; where nothing is known there is None."""

    range: str
    step: int
    begin: int
    end: int
    times: list[int]
    columns: dict[str, Column]
    marks: list[Mark] = field(default_factory=list)


def container_history(actor: Actor, pk: int, span: str) -> History:
    """Return what a container used. Raises Unknown, Refused; KeyError for a span that is none."""
    row = access_container(actor, pk, VIEW)
    return _history(row.host_id, row.pk, span, partial(container_marks, actor, row))


def host_history(actor: Actor, pk: int, span: str) -> History:
    """Return what all containers of a host used together. Raises as above."""
    host = access_host(actor, pk)
    return _history(host.pk, SUM, span, partial(host_marks, actor, host))


def _history(
    host_id: int, key: int, span: str, marks: Callable[[datetime, int], list[Mark]]
) -> History:
    seconds, step = RANGES[span]
    end = int(time.time())
    begin = end - seconds
    lines = _lines(host_id, key, step, begin)
    times, columns = _columns({at: lines[at] for at in sorted(lines) if at <= end}, step)
    since = datetime.fromtimestamp(begin, UTC)
    return History(span, step, begin, end, times, columns, marks(since, seconds))


def _lines(host_id: int, key: int, step: int, begin: int) -> Found:
    """Return the lines by time since `begin`."""
    if step == SWEEP:
        return _of_frames(host_id, key, SWEEP, begin)
    newer = _of_frames(host_id, key, MINUTE, begin)
    if step > MINUTE:
        steps = in_steps({at: line for at, (_every, line) in newer.items()}, step)
        newer = {at: (step, line) for at, line in steps.items()}
    blocks = UsageBlock.objects.filter(host_id=host_id, key=key, step=step)
    older: Found = {}
    for data in blocks.filter(at__gt=begin - SPAN[step]).values_list("data", flat=True):
        every, lines = unpack(data)
        older |= {at: (every, line) for at, line in lines.items()}
    # A minute that came late is not yet put together with its quarter of an hour.
    return {at: found for at, found in (newer | older).items() if at >= begin}


def _of_frames(host_id: int, key: int, step: int, begin: int) -> Found:
    frames = UsageFrame.objects.filter(host_id=host_id, step=step, at__gte=begin)
    picked = ((at, *pick(data, key)) for at, data in frames.values_list("at", "data"))
    return {at: (every, line) for at, every, line in picked if line is not None}


def _columns(found: Found, step: int) -> tuple[list[int], dict[str, Column]]:
    """Return times and columns, with a hole wherever nothing was read for long.

    What is long changes: a busy host is read less often, for as long as it is busy.
    """
    times: list[int] = []
    rows: list[Values | None] = []
    last = step
    for at, (every, line) in found.items():
        usual = max(step, every)
        if times and at - times[-1] > GAP * max(last, usual):
            times.append(times[-1] + last)
            rows.append(None)
        times.append(at)
        rows.append(line)
        last = usual
    width = max((len(row) for row in rows if row is not None), default=len(ROLLED))
    return times, {
        name: [plain(row[place]) if row is not None else None for row in rows]
        for place, name in enumerate(ROLLED[:width])
    }


def plain(value: float) -> float | None:
    """Return a value as JSON can have it."""
    return None if isnan(value) else round(value, 2)
