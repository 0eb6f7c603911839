"""One viewer's side of a log: a bounded queue, so that a slow one costs only itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from fleet.engine.log_blocks import LogBlock
from fleet.logs.marks import Mark
from fleet.logs.places import Beginning, Place, times_of

Item = LogBlock | Mark
QUEUE_BYTES = 8 * 1024 * 1024  # of one viewer
ALL_BYTES = 256 * 1024 * 1024  # of all viewers of this process
BATCH_BYTES = 256 * 1024
ITEM_COST = 64  # bytes that an item takes besides its own


@dataclass(frozen=True)
class Batch:
    """What came since the last one. `skipped` lines are missing before it; -1: nobody counted."""

    items: list[Item] = field(default_factory=list)
    skipped: int = 0
    end: Mark | None = None


class Reader:
    """Blocks and marks in order; of what is too much, the oldest are dropped and counted."""

    def __init__(
        self,
        after: Place | None = None,
        since: datetime | None = None,
        share: Callable[[], int] = lambda: QUEUE_BYTES,
    ) -> None:
        self._share = share
        self._beginning = Beginning(after, since)
        self._items: deque[Item] = deque()
        self._size = 0
        self._skipped = 0
        self.more = False  # the log has older lines than the first ones that come
        self._end: Mark | None = None
        self._news = asyncio.Event()

    @property
    def crowded(self) -> bool:
        """True while more waits than the viewer takes at once."""
        return self._size > self._share() // 2

    def put(self, items: Iterable[Item]) -> None:
        """Add what came; none at all still wakes the viewer: the engine has answered."""
        for item in items:
            if isinstance(item, Mark) or (item := self._unread(item)).entries:
                self._items.append(item)
                self._size += size_of(item)
        limit = self._share()
        while self._size > limit and len(self._items) > 1:  # the newest is its stream's, too
            dropped = self._items.popleft()
            self._size -= size_of(dropped)
            if self._skipped >= 0 and isinstance(dropped, LogBlock):
                self._skipped += dropped.entries
        self._news.set()

    def backlog(self, items: list[Item], *, complete: bool) -> None:
        """Add what came before this viewer; not `complete`: there was more before it."""
        self.more = not complete
        first = next((item for item in items if isinstance(item, LogBlock)), None)
        if first and self._beginning.is_before(first):
            blocks = (item for item in items if isinstance(item, LogBlock))
            self._beginning.in_order = self.awaited in times_of(blocks)
        if first and self._beginning.is_before(first) and not self._beginning.in_order:
            self._beginning.give_up(hole=not complete)
            self._skipped = 0 if complete else -1
        self.put(items)

    @property
    def awaited(self) -> str:
        """The time of the line that the viewer has read last, while that was not met."""
        return self._beginning.awaited

    def turned(self) -> None:
        """What the viewer has read is not there any more, and what comes has earlier times."""
        self._beginning.give_up(hole=False)
        self.put([Mark("set_back")])

    def finish(self, end: Mark) -> None:
        """Nothing more will come."""
        self._end = end
        self._news.set()

    async def next(self) -> Batch:
        """Return what waits, up to a batch; waits for news when there is nothing."""
        await self._news.wait()
        taken: list[Item] = []
        size = 0
        while self._items and size < BATCH_BYTES:
            item = self._items.popleft()
            size += size_of(item)
            taken.append(item)
        self._size -= size
        skipped, self._skipped = self._skipped, 0
        if not self._items and self._end is None:
            self._news.clear()
        return Batch(taken, skipped, None if self._items else self._end)

    def _unread(self, block: LogBlock) -> LogBlock:
        if self._beginning.found:
            return block
        fresh = self._beginning.cut(block)
        if self._beginning.hole:
            self._beginning.hole = False
            self._skipped = -1
        return fresh


def size_of(item: Item) -> int:
    """Return how many bytes an item takes."""
    return ITEM_COST + (len(item.data) if isinstance(item, LogBlock) else 0)
