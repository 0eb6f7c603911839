"""One viewer's side of a log: a bounded queue, so that a slow one costs only itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from fleet.engine.raw import parse_time
from fleet.logs.lines import Line
from fleet.logs.marks import Mark

Item = Line | Mark
QUEUE_LINES = 20_000
QUEUE_CHARS = 8 * 1024 * 1024
BATCH_LINES = 2_000
BATCH_CHARS = 256 * 1024


@dataclass(frozen=True)
class Place:
    """Where a viewer stopped reading: the time of its last line, and how many had that time."""

    at: str
    same: int = 1


@dataclass(frozen=True)
class Batch:
    """What came since the last one. `skipped` lines are missing before it; -1: nobody counted."""

    items: list[Item] = field(default_factory=list)
    skipped: int = 0
    end: Mark | None = None


class Reader:
    """Lines in order; of what is too much, the oldest are dropped and counted."""

    def __init__(self, after: Place | None = None, since: datetime | None = None) -> None:
        self._after = after
        self._since = since
        self._same = 0
        self._items: deque[Item] = deque()
        self._chars = 0
        self._skipped = 0
        self._end: Mark | None = None
        self._news = asyncio.Event()

    @property
    def crowded(self) -> bool:
        """True while more waits than the viewer takes at once."""
        return len(self._items) > QUEUE_LINES // 2 or self._chars > QUEUE_CHARS // 2

    def put(self, items: Iterable[Item]) -> None:
        """Add what came; none at all still wakes the viewer: the engine has answered."""
        for item in items:
            if not self._is_old(item) and not self._was_read(item):
                self._items.append(item)
                self._chars += _size(item)
        while len(self._items) > QUEUE_LINES or self._chars > QUEUE_CHARS:
            dropped = self._items.popleft()
            self._chars -= _size(dropped)
            if self._skipped >= 0:
                self._skipped += isinstance(dropped, Line)
        self._news.set()

    def backlog(self, items: list[Item], *, complete: bool) -> None:
        """Add what came before this viewer; not `complete`: there was more before it."""
        first = next((item for item in items if isinstance(item, Line)), None)
        if self._after and first and first.at > self._after.at:
            self._skipped = 0 if complete else -1
            self._after = None
        self.put(items)

    def finish(self, end: Mark) -> None:
        """Nothing more will come."""
        self._end = end
        self._news.set()

    async def next(self) -> Batch:
        """Return what waits, up to a batch; waits for news when there is nothing."""
        await self._news.wait()
        taken: list[Item] = []
        chars = 0
        while self._items and len(taken) < BATCH_LINES and chars < BATCH_CHARS:
            item = self._items.popleft()
            chars += _size(item)
            taken.append(item)
        self._chars -= chars
        skipped, self._skipped = self._skipped, 0
        if not self._items and self._end is None:
            self._news.clear()
        return Batch(taken, skipped, None if self._items else self._end)

    def _is_old(self, item: Item) -> bool:
        """Return whether this line is older than what the viewer wants."""
        if self._since is None or not isinstance(item, Line):
            return False
        moment = parse_time(item.at)
        if moment is not None and moment < self._since:
            return True
        self._since = None
        return False

    def _was_read(self, item: Item) -> bool:
        """Return whether the viewer has this line from before its connection was lost."""
        if self._after is None or not isinstance(item, Line) or not item.at:
            return False
        if item.at == self._after.at:
            self._same += 1
            return self._same <= self._after.same
        if item.at > self._after.at:
            if not self._same:  # the line that was read last is not there any more
                self._skipped = -1
            self._after = None
            return False
        return True


def _size(item: Item) -> int:
    return len(item.text) + 48 if isinstance(item, Line) else 64
