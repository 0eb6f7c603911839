"""All containers that are measured in this process: one stream each, for all readers."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AbstractContextManager
from datetime import timedelta
from weakref import WeakKeyDictionary

from fleet.engine.aio import AsyncEngine
from fleet.engine.errors import EngineError
from fleet.engine.stats import Counters, Usage, usage_between
from fleet.logs.marks import Mark
from fleet.logs.shared import Shared, Upstream
from fleet.logs.target import LogTarget

KEPT = 60  # readings for who comes later, at most
MINUTE = timedelta(minutes=1)  # and no older than that

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


class StatsUpstream(Upstream[Reader]):
    """Measures a container; the last readings are kept for who comes later."""

    kind = "stats"

    def __init__(self, target: LogTarget) -> None:
        super().__init__(target)
        self._kept: deque[Item] = deque(maxlen=KEPT)

    def join(self, reader: Reader) -> None:
        """Let a reader have what is kept, and all that comes."""
        self.readers.add(reader)
        for item in self._kept:
            reader.put(item)

    def _tell(self, item: Item) -> None:
        if not isinstance(item, Usage) and list(self._kept)[-1:] == [item]:
            return  # said once
        self.away = isinstance(item, Mark)
        if isinstance(item, Usage):
            self._forget_old(item)
        self._kept.append(item)
        for reader in self.readers:
            reader.put(item)

    def _forget_old(self, now: Usage) -> None:
        """Forget what is not of the minute before a reading; it may follow a long silence."""
        while self._kept:
            first = self._kept[0]
            if isinstance(first, Usage) and timedelta(0) <= now.at - first.at <= MINUTE:
                break
            self._kept.popleft()

    def _finish(self, end: Mark) -> None:
        super()._finish(end)
        self._tell(end)

    def tell_away(self, error: EngineError) -> None:
        """Tell that the host does not answer, instead of a reading."""
        self._tell(Mark("away", error.message))

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
        super().__init__(StatsUpstream)

    def reading(self, target: LogTarget) -> AbstractContextManager[Reader]:
        """Give a reader of what a container uses."""
        return self.joined(target, Reader())


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, StatsHub] = WeakKeyDictionary()


def open_stats() -> tuple[int, int]:
    """Return how many containers this process measures live, and how many read along."""
    upstreams = [one for hub in list(_hubs.values()) for one in list(hub.upstreams.values())]
    return len(upstreams), sum(len(one.readers) for one in upstreams)


def current_stats_hub() -> StatsHub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = StatsHub()
    return _hubs[loop]
