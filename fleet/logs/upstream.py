"""The one stream of a container's log in this process, through restarts and lost hosts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from datetime import timedelta

from fleet.cancel import first_of
from fleet.engine.aio import AsyncEngine
from fleet.engine.errors import EngineError, Unreachable
from fleet.engine.log_blocks import LogBlock
from fleet.engine.raw import UP, parse_time
from fleet.engine.types import ContainerFacts
from fleet.logs.clocks import Clocks, turn_of
from fleet.logs.flow import Flow, newest_time
from fleet.logs.marks import Mark
from fleet.logs.places import Resumed, times_of
from fleet.logs.reader import Item, Reader, size_of
from fleet.logs.rotation import Rotation
from fleet.logs.shared import Upstream
from fleet.logs.target import LogTarget

TAIL = 1000
KEPT_BYTES = 2 * 1024 * 1024  # kept for who comes later, at least the newest block
RESUME_TAIL = 10_000  # how far back we look for what we missed
SPARE = 1000  # lines that may have been written since we looked
JUST_NOW = 2.0  # seconds for which a host's clock is believed by who comes back to it
FIRST_LOOK, LAST_LOOK = 0.5, 3.0  # seconds between looks at a container that has ended
PATIENCE = (0.0, 0.1, 0.3, 1.0)
CROWDED_PAUSE = 0.05


class LogUpstream(Upstream[Reader]):
    """Reads a log; what was read last is kept for who comes later."""

    kind = "log"

    def __init__(self, target: LogTarget, clocks: Clocks) -> None:
        super().__init__(target)
        self._clocks = clocks
        self._newest = ""  # the time of the last line
        self._old = 0  # so many lines may have been written before we came
        self._before = ""  # the newest time there was before the clock was set back
        self._kept: deque[Item] = deque()
        self._count = 0  # lines and marks in what is kept
        self._size = self._blocks_kept = 0  # bytes of it, and blocks
        self._dropped = False  # there was more before what is kept
        self._answered = False

    def join(self, reader: Reader) -> None:
        """Let a reader have what is kept, and all that comes."""
        self.readers.add(reader)
        if self._answered or self._kept:
            if self._is_of_before(reader.awaited):
                reader.turned()
            reader.backlog(list(self._kept), complete=not self._dropped)
        if self.end is not None:
            reader.finish(self.end)

    def _is_of_before(self, at: str) -> bool:
        """Return whether a viewer has read up to a time before which the clock was set back."""
        if not self._newest or at <= self._newest or at in times_of(self._blocks()):
            return False
        return at <= self._before or self._clocks.is_ahead(self.target.host_id, at)

    def _blocks(self) -> list[LogBlock]:
        return [item for item in self._kept if isinstance(item, LogBlock)]

    def tell_away(self, error: EngineError) -> None:
        """Tell that the host does not answer, once."""
        if not self.away:
            self.away = True
            self._tell(Mark("away", error.message, error.raw))

    def tell_back(self) -> None:
        """Tell that it answers again, once."""
        if self.away:
            self.away = False
            self._tell(Mark("back"))

    # --- The container's lives -------------------------------------------------------------

    async def _read(self, engine: AsyncEngine) -> None:
        """Read one life after the other. Raises EngineError when host or container go."""
        facts = await engine.container(self.target.engine_id)
        while True:
            flow, rotation = Flow(), Rotation()
            await first_of(
                self._read_life(engine, facts, flow, rotation),
                flow.stalled(engine, facts),
                rotation.watch(engine, facts, self._tell),
            )
            if facts.rotates and (mark := await rotation.compared(engine, facts)):
                self._tell(mark)
            if flow.fast and await newest_time(engine, facts) > flow.last:
                continue  # not the end: the engine has lost its place
            now = await self._after_life(engine, facts)
            if now.state in UP:
                self._tell(Mark("restarted"))
            else:
                now = await self._wait_for_start(engine, now)
            facts = now

    async def _after_life(self, engine: AsyncEngine, before: ContainerFacts) -> ContainerFacts:
        """Return what became of a container whose log has just ended.

        The log may end a moment before the state changes. A container that goes on was cut off
        from us, as when its daemon is about to go.
        """
        for wait in PATIENCE:
            await asyncio.sleep(wait)
            now = await engine.container(self.target.engine_id)
            if now.state not in UP or now.started_at != before.started_at:
                return now
        raise Unreachable("disconnected")

    async def _wait_for_start(self, engine: AsyncEngine, facts: ContainerFacts) -> ContainerFacts:
        ended = Mark("ended", str(facts.exit_code)) if facts.exit_code is not None else None
        if facts.state == "created":
            ended = Mark("unborn")
        if ended is not None:
            self._tell(ended)
        wait = FIRST_LOOK
        while facts.state not in UP:
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, LAST_LOOK)
            facts = await engine.container(self.target.engine_id)
        self._tell(Mark("started"))
        return facts

    async def _read_life(
        self, engine: AsyncEngine, facts: ContainerFacts, flow: Flow, rotation: Rotation
    ) -> None:
        """Read until the container ends, going on where we were."""
        resumed, tail, since = await self._place(engine, facts)
        self._old = tail
        stream = engine.logs(
            self.target.engine_id,
            tail=tail,
            since=since,
            follow=True,
            timestamps=True,
            tty=facts.tty,
            lean=True,
        )
        async with stream:
            self.tell_back()
            self._answered = True
            self._share(())
            async for block in stream:
                self.tell_back()  # whatever the watcher says
                flow.passed(block)
                if facts.rotates:
                    rotation.passed(block)
                fresh = resumed.fresh(block)
                hole = [Mark("hole")] if resumed.hole() else []
                self._share([*hole, *self._timed(fresh)])
                if self.readers and all(reader.crowded for reader in self.readers):
                    # The engine waits with us: better late than lost.
                    await asyncio.sleep(CROWDED_PAUSE)

    async def _place(
        self, engine: AsyncEngine, facts: ContainerFacts
    ) -> tuple[Resumed, int, float | None]:
        """Return how to go on: behind what was read, from so many lines back, since a time."""
        resumed = Resumed(self._blocks())
        waiting = [] if resumed.at else [reader for reader in self.readers if reader.awaited]
        host = self.target.host_id
        if resumed.at or waiting:
            await self._clocks.ask(host, engine, JUST_NOW)
        earlier = self._before > resumed.at or self._clocks.is_ahead(host, resumed.at)
        if resumed.at and not earlier:
            return resumed, RESUME_TAIL, _seconds_of(resumed.at)
        ahead = [reader for reader in waiting if self._clocks.is_ahead(host, reader.awaited)]
        if not resumed.at and not ahead:
            return resumed, TAIL, None
        # What was written since has earlier times: the engine would leave it out.
        tail = RESUME_TAIL if resumed.at else TAIL
        there = await _times(engine, facts, tail)
        for reader in ahead:
            if reader.awaited not in there:
                reader.turned()
        if resumed.at and resumed.at not in there:
            self._tell(Mark("hole"))
            return Resumed(()), TAIL, None
        return Resumed(self._blocks(), in_order=True), tail + SPARE, None

    # --- Sharing ---------------------------------------------------------------------------

    def _share(self, items: Iterable[Item]) -> None:
        items = [item for item in items if isinstance(item, Mark) or item.entries]
        for item in items:
            self._kept.append(item)
            self._count += _lines(item)
            self._size += size_of(item)
            self._blocks_kept += isinstance(item, LogBlock)
        self._let_go()
        for reader in self.readers:
            reader.put(items)

    def _timed(self, block: LogBlock) -> list[Item]:
        """Return a block with a mark where the clock was set back."""
        turn = turn_of(block, self._newest, live=self._old <= 0)
        self._old -= block.entries
        if turn is not None:
            self._before = max(self._before, self._newest, turn[0].last_time)
        self._newest = block.last_time or self._newest
        return [block] if turn is None else [turn[0], Mark("set_back"), turn[1]]

    def _let_go(self) -> None:
        """Drop the oldest of what is kept; the last block says where we are."""
        while self._kept:
            oldest = self._kept[0]
            too_many = self._count - _lines(oldest) >= TAIL
            last = self._blocks_kept == 1 and isinstance(oldest, LogBlock)
            if not too_many and (self._size <= KEPT_BYTES or last):
                break
            self._kept.popleft()
            self._count -= _lines(oldest)
            self._size -= size_of(oldest)
            if isinstance(oldest, LogBlock):
                self._blocks_kept -= 1
                self._dropped = True
        self._dropped = self._dropped or self._count >= TAIL

    def _tell(self, mark: Mark) -> None:
        self._share([mark])

    def _finish(self, end: Mark) -> None:
        super()._finish(end)
        for reader in self.readers:
            reader.finish(end)


def _lines(item: Item) -> int:
    return item.entries if isinstance(item, LogBlock) else 1


async def _times(engine: AsyncEngine, facts: ContainerFacts, tail: int) -> set[str]:
    """Return the times of the last lines that an engine has."""
    stream = engine.logs(facts.engine_id, tail=tail, timestamps=True, tty=facts.tty, lean=True)
    found: set[str] = set()
    async with stream:
        async for block in stream:
            found |= times_of([block])
    return found


def _seconds_of(at: str) -> float | None:
    """Return Unix seconds a little before the time of a line."""
    moment = parse_time(at)
    return (moment - timedelta(microseconds=2)).timestamp() if moment else None
