"""What the clocks of hosts say: lines carry their times, and clocks run wrong or are set."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from fleet.engine.aio import AsyncEngine, open_async
from fleet.engine.clock import engine_clock
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError
from fleet.engine.log_blocks import LogBlock
from fleet.engine.raw import parse_time

ASK_SECONDS = 3.0
KNOWN_SECONDS = 30.0  # a clock that was looked at is believed for so long
SET_BACK = timedelta(seconds=2)  # stdout and stderr of a process are not in order to the moment


class Clocks:
    """How far the clocks of engines are ahead of ours, in seconds, by host."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, float]] = {}  # when it was looked at; the offset
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ask(self, host: int, engine: AsyncEngine, age: float = KNOWN_SECONDS) -> None:
        """Look at the clock of an engine, unless that was done lately. What it was stays else."""
        async with self._turns[host]:
            if host in self._known and time.monotonic() - self._known[host][0] < age:
                return
            before = datetime.now(UTC)
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    theirs = await engine_clock(engine)
            except (EngineError, TimeoutError):
                return  # lines are what is wanted: they come by the times that they have
            took = datetime.now(UTC) - before
            if theirs is None:
                return
            offset = (theirs - before - took / 2).total_seconds()
            # The answer may have been given at any moment meanwhile.
            sure = 0.0 if abs(offset) <= took.total_seconds() / 2 else offset
            self._known[host] = time.monotonic(), sure

    def offset(self, host: int) -> float | None:
        """Return what was found, None before that."""
        return self._known[host][1] if host in self._known else None

    def is_ahead(self, host: int, at: str) -> bool:
        """Return whether a time lies in the future of a host, as far as its clock is known."""
        offset, moment = self.offset(host), parse_time(at)
        if offset is None or moment is None:
            return False
        return moment - SET_BACK > datetime.now(UTC) + timedelta(seconds=offset)

    async def wrong(self, host: int, endpoint: Endpoint | None) -> float | None:
        """Return how far a clock is ahead of ours, None while its host does not tell."""
        try:
            if endpoint is not None:
                async with open_async(endpoint) as engine:
                    await self.ask(host, engine)
        except EngineError:
            return None
        return self.offset(host)


def turn_of(
    block: LogBlock, before: str, *, live: bool = False
) -> tuple[LogBlock, LogBlock] | None:
    """Return what a block has before and behind the line where a clock was set back.

    `before`: the time of the last line before the block. One that is `live` was written in a
    moment: its ends say whether it is worth a look at each line.
    """
    first, last = block.time_at(0), block.last_time
    if live and first >= before and last >= first:
        return None
    newest, previous = before, 0
    for count, (start, _stop) in enumerate(block.spans()):
        at = block.time_at(start)
        if at < newest and _set_back(newest, at):
            return LogBlock(block.data[:start], count, previous), block.after(start, count)
        newest, previous = max(newest, at), start
    return None


def _set_back(before: str, at: str) -> bool:
    one, other = parse_time(before), parse_time(at)
    return one is not None and other is not None and one - other > SET_BACK
