"""Whether a follower's stream has swallowed lines of a log that is kept in rotating files.

Docker's follower (20.10, json-file and local) skips what it had not read of a file that is rotated
under it, and says nothing. So what came is compared, some time later, with what a plain read gives.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

from fleet.engine.aio import AsyncEngine
from fleet.engine.log_blocks import LogBlock
from fleet.engine.raw import parse_time
from fleet.engine.types import ContainerFacts
from fleet.logs.marks import Mark

CHECK_SECONDS = 2.0
CHECK_BYTES = 256 * 1024  # who has written less waits for the next look
MOST_BYTES = 4 * 1024 * 1024  # kept for a comparison; more than that is not compared
READ_BYTES = 16 * 1024 * 1024  # read for a comparison; more than that is not compared
SPARE = 50_000  # entries that may have been written since
MARGIN = timedelta(microseconds=2)

Entry = tuple[str, bytes]


class Rotation:
    """What came of one stream since the last comparison."""

    def __init__(self) -> None:
        self._blocks: list[LogBlock] = []
        self._bytes = 0
        self._from = ""  # the time up to which all is known to be there
        self._until = ""  # the time up to which something came
        self._late = False  # more came than can be compared

    def passed(self, block: LogBlock) -> None:
        """Take note of a block."""
        self._until = block.last_time or self._until
        if self._bytes + len(block.data) > MOST_BYTES:
            self._late = True
            return
        self._blocks.append(block)
        self._bytes += len(block.data)

    async def watch(
        self, engine: AsyncEngine, facts: ContainerFacts, tell: Callable[[Mark], None]
    ) -> None:
        """Compare now and then, and tell what is missing; never ends by itself."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            enough = facts.rotates and (self._late or self._bytes > CHECK_BYTES)
            if enough and (mark := await self.compared(engine, facts)) is not None:
                tell(mark)

    async def compared(self, engine: AsyncEngine, facts: ContainerFacts) -> Mark | None:
        """Compare what came with what the engine has; return what to tell."""
        blocks, late, newest = self._blocks, self._late, self._until
        self._blocks, self._bytes, self._late = [], 0, False
        if not blocks:
            return None
        known, last = self._from, blocks[-1].last_time
        self._from = newest
        first = known or blocks[0].time_at(0)
        count = sum(block.entries for block in blocks)
        there = await _read(engine, facts, first, last, count + SPARE)
        # What came too late to be compared here is compared by whoever fetches it.
        until = newest if late else last
        if there is None:
            return Mark("unsure", since=first, until=newest)
        lost, reaches = await asyncio.to_thread(_compare, blocks, there, known, last)
        if lost:
            return Mark("lost", str(lost), since=first, until=until)
        return None if reaches and not late else Mark("unsure", since=first, until=until)


def _compare(
    blocks: list[LogBlock], there: list[LogBlock], known: str, last: str
) -> tuple[int, bool]:
    """Return how many entries did not come, and whether the engine still has the first ones."""
    came = [entry for block in blocks for entry in entries_of(block)]
    has = [entry for block in there for entry in entries_of(block)]
    # What is missing may have stood before the first one that came: just behind what is known.
    fresh = Counter(
        one for one in has if (known < one[0] if known else came[0][0] <= one[0]) and one[0] < last
    )
    return (fresh - Counter(came)).total(), bool(has) and has[0][0] <= (known or came[0][0])


def entries_of(block: LogBlock) -> Iterator[Entry]:
    """Yield the entries of a block, each with its time."""
    for start, stop in block.spans():
        yield block.time_at(start), block.data[start:stop]


async def _read(
    engine: AsyncEngine, facts: ContainerFacts, first: str, last: str, tail: int
) -> list[LogBlock] | None:
    """Return what the engine has between two times, both included, and a little more.

    None when that is too much to be kept.
    """
    since, until = parse_time(first), parse_time(last)
    if since is None or until is None:
        return []
    stream = engine.logs(
        facts.engine_id,
        tail=tail,
        since=(since - MARGIN).timestamp(),
        until=(until + MARGIN).timestamp(),
        timestamps=True,
        tty=facts.tty,
        lean=True,
    )
    there: list[LogBlock] = []
    size = 0
    async with stream:
        async for block in stream:
            there.append(block)
            size += len(block.data)
            if size > READ_BYTES:
                return None
    return there
