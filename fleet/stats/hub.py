"""All containers that are measured in this process: one stream each, for all readers."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import AbstractContextManager
from weakref import WeakKeyDictionary

import structlog

from fleet.cancel import first_of
from fleet.engine.aio import AsyncEngine, open_async
from fleet.engine.errors import EngineError
from fleet.engine.stats import Counters, Usage, usage_between
from fleet.logs.marks import Mark, end_of
from fleet.logs.shared import Shared
from fleet.logs.target import LogTarget, moved, renewed

KEPT = 60  # readings for who comes later: a minute
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0  # seconds between attempts to reach a host
log = structlog.get_logger(__name__)

# A reading, nothing because the container does not run, or why there is nothing.
Item = Usage | Mark | None


class Reader:
    """One viewer's side: the newest readings, for a slow one misses some."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[Item] = asyncio.Queue(KEPT)

    def put(self, item: Item) -> None:
        """Add a reading; the oldest one that waits makes room."""
        if self._items.full():
            self._items.get_nowait()
        self._items.put_nowait(item)

    async def next(self) -> list[Item]:
        """Return what waits, at least one."""
        found = [await self._items.get()]
        while not self._items.empty():
            found.append(self._items.get_nowait())
        return found


class Upstream:
    """Measures until cancelled or over."""

    def __init__(self, target: LogTarget) -> None:
        self.target = target
        self.readers: set[Reader] = set()
        self.over = False
        self._kept: deque[Item] = deque(maxlen=KEPT)
        self.task = asyncio.create_task(self._run())

    def join(self, reader: Reader) -> None:
        """Let a reader have what is kept, and all that comes."""
        self.readers.add(reader)
        for item in self._kept:
            reader.put(item)

    def _tell(self, item: Item) -> None:
        if not isinstance(item, Usage) and list(self._kept)[-1:] == [item]:
            return  # said once
        self._kept.append(item)
        for reader in self.readers:
            reader.put(item)

    async def _run(self) -> None:
        try:
            self._finish(await self._measure())
        except Exception:
            log.exception("stats_failed", host=self.target.host_id, container=self.target.engine_id)
            self._finish(Mark("broken"))

    def _finish(self, end: Mark) -> None:
        self.over = True
        self._tell(end)

    async def _measure(self) -> Mark:
        """Measure until it is over for good; return why."""
        wait = FIRST_WAIT
        while True:
            if self.target.endpoint is None:
                return self.target.problem or Mark("host_gone")
            try:
                async with open_async(self.target.endpoint) as engine:
                    await first_of(self._read(engine), moved(self.target))
            except EngineError as error:
                if (end := end_of(error)) is not None:
                    return end
                wait = wait if self._is_away else FIRST_WAIT
                self._tell(Mark("away", error.message))
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311 - not a secret
            wait = min(wait * 2, LONGEST_WAIT)
            self.target = await renewed(self.target)

    @property
    def _is_away(self) -> bool:
        return bool(self._kept) and isinstance(self._kept[-1], Mark)

    async def _read(self, engine: AsyncEngine) -> None:
        """Tell readings until the stream ends. Raises EngineError, NotFound once removed."""
        await engine.container(self.target.engine_id)
        before: Counters | None = None
        async with engine.stats(self.target.engine_id) as stream:
            async for now in stream:
                if now is None:
                    self._tell(None)
                elif before is not None and (usage := usage_between(before, now)) is not None:
                    self._tell(usage)
                before = now


class StatsHub(Shared[Reader]):
    """Readings by container."""

    def __init__(self) -> None:
        super().__init__(Upstream)

    def reading(self, target: LogTarget) -> AbstractContextManager[Reader]:
        """Give a reader of what a container uses."""
        return self.joined(target, Reader())


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, StatsHub] = WeakKeyDictionary()


def current_stats_hub() -> StatsHub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = StatsHub()
    return _hubs[loop]
