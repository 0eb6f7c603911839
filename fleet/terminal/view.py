"""One viewer's side of a terminal: what waits for it, and how much it has yet to show."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from fleet.engine.terminals import Size as Size  # what the dashboard says sizes with

Message = dict[str, Any]
Item = bytes | Message
WINDOW = 512 * 1024  # bytes on their way to one viewer: the process waits when they are not shown
FRAME = 128 * 1024


class View:
    """A queue that its session does not fill beyond `WINDOW`.

    `acks`: the viewer tells how much it has shown; else what was sent counts as shown. A viewer
    is believed no more than what was taken for it: what still waits here nobody can have shown.
    """

    def __init__(self, size: Size, *, acks: bool = False) -> None:
        self.size = size
        self.acks = acks
        self.waiting = 0  # bytes that were not taken yet
        self.unshown = 0  # bytes that were taken, and that the viewer has yet to show
        self.on_room: Callable[[], None] = lambda: None
        self._items: deque[Item] = deque()
        self._news = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Whether more may be put in."""
        return self.waiting + self.unshown < WINDOW

    def put(self, item: Item) -> None:
        """Add output, or a message between."""
        if isinstance(item, bytes):
            self.waiting += len(item)
        self._items.append(item)
        self._news.set()

    def taken(self, count: int) -> None:
        """So many bytes are on their way to the viewer."""
        self.unshown += count

    def shown(self, count: int) -> int:
        """The viewer says that it has shown so many bytes more; return how many that can be."""
        count = min(max(0, count), self.unshown)
        self.unshown -= count
        self.on_room()
        return count

    async def next(self) -> Item:
        """Return the next message, or all output up to it that fits into a frame."""
        while not self._items:
            self._news.clear()
            await self._news.wait()
        item = self._first()
        if isinstance(item, bytes):
            self.waiting -= len(item)
            self.taken(len(item))
        return item

    def _first(self) -> Item:
        first = self._items.popleft()
        if not isinstance(first, bytes):
            return first
        parts, size = [first], len(first)
        while self._items and isinstance(more := self._items[0], bytes):
            if size + len(more) > FRAME:
                break
            parts.append(more)
            size += len(more)
            self._items.popleft()
        return b"".join(parts)

    def sent(self, item: Item) -> None:
        """An item was sent."""
        if isinstance(item, bytes) and not self.acks:
            self.shown(len(item))
