"""Whether an engine still gives all that it has: it may lose its place in a file that is rotated.

Docker's follower of a log that a fast container writes falls silent, or ends, when files are
rotated under it (seen with 20.10, json-file and local), and says nothing of it.
"""

from __future__ import annotations

import asyncio

from fleet.engine.aio import AsyncEngine
from fleet.engine.log_blocks import LogBlock
from fleet.engine.types import ContainerFacts

LOOK_SECONDS = 3.0
FAST_BYTES = 1024 * 1024  # between two looks; who writes less is not overtaken by a rotation
LOOKS = 10  # after the last of so much


class Flow:
    """What came of one log, as far as it takes to notice that no more does."""

    def __init__(self) -> None:
        self.last = ""  # the time of the newest entry
        self._bytes = 0
        self._looks = 0

    @property
    def fast(self) -> bool:
        """Whether so much came lately that a rotation may have overtaken the stream."""
        return self._looks > 0 or self._bytes > FAST_BYTES

    def passed(self, block: LogBlock) -> None:
        """Take note of a block."""
        self._bytes += len(block.data)
        self.last = block.last_time or self.last

    async def stalled(self, engine: AsyncEngine, facts: ContainerFacts) -> None:
        """Return once the engine has newer entries than those that it gave us."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            came, self._bytes = self._bytes, 0
            if came > FAST_BYTES:
                self._looks = LOOKS
            elif not came and self._looks:
                self._looks -= 1
                before = self.last
                newest = await newest_time(engine, facts)
                if newest > before == self.last and not self._bytes:
                    return


async def newest_time(engine: AsyncEngine, facts: ContainerFacts) -> str:
    """Return the time of a log's newest entry, "" when there is none."""
    stream = engine.logs(facts.engine_id, tail=1, timestamps=True, tty=facts.tty)
    newest = ""
    async with stream:
        async for block in stream:
            newest = block.last_time or newest
    return newest
