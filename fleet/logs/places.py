"""Where in a log somebody stands, so that a stream goes on there: no line lost, none twice."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fleet.engine.log_blocks import LogBlock
from fleet.engine.raw import parse_time

NOTHING = LogBlock(b"", 0)
MOST_KEPT = 16  # blocks of one time; an engine that counts in seconds may write more


@dataclass(frozen=True)
class Place:
    """Where a viewer stopped reading: the time of its last line, and how many had that time."""

    at: str
    same: int = 1


class Trail:
    """Where a viewer stands, of what it was given: looked at only when it is asked for."""

    def __init__(self, begun: Place | None = None) -> None:
        self._begun = begun
        self._newest: list[LogBlock] = []  # those whose last line is of one time

    def went(self, items: Iterable[object]) -> None:
        """Note what was given, in order."""
        for item in items:
            if not isinstance(item, LogBlock) or not item.entries:
                continue
            if self._newest and item.last_time == self._newest[-1].last_time:
                self._newest = [*self._newest[-MOST_KEPT:], item]
            else:
                self._newest = [item]

    @property
    def place(self) -> Place | None:
        """The place behind the last line."""
        at, frames = _newest(self._newest)
        if not at:
            return self._begun
        same = len(frames) + (self._begun.same if self._begun and self._begun.at == at else 0)
        return Place(at, same)


class Beginning:
    """Leaves out what a viewer has read already, or what is older than it wants."""

    def __init__(self, after: Place | None = None, since: datetime | None = None) -> None:
        self._after, self._since = after, since
        self._same = 0
        self.in_order = False  # what was read is to be met, whatever the times before it
        self._unfinished: int | None = None  # the stream of a line that was read in part
        self.hole = False  # the line that was read last is not there any more

    @property
    def found(self) -> bool:
        """Whether everything from here on is new."""
        return self._after is None and self._since is None

    @property
    def awaited(self) -> str:
        """The time of the line that was read last, while that was not met; "" for none."""
        return self._after.at if self._after else ""

    def is_before(self, block: LogBlock) -> bool:
        """Return whether the block begins after the place: what lies between is not in it."""
        if self._after is None or not block.entries:
            return False
        return block.time_at(0) > self._after.at

    def give_up(self, *, hole: bool) -> None:
        """Take everything from now on."""
        self._after, self.hole = None, hole

    def cut(self, block: LogBlock) -> LogBlock:
        """Return what is new of a block."""
        if self.found:
            return block
        if self.is_before(block) and not self._same and not self.in_order:
            self.in_order = self.awaited in times_of([block])
        for count, (start, stop) in enumerate(block.spans()):
            if not self._is_old(block, start) and not self._was_read(block, start, stop):
                return block.after(start, count)
        return NOTHING

    def _is_old(self, block: LogBlock, start: int) -> bool:
        if self._since is None:
            return False
        moment = parse_time(block.time_at(start))
        if moment is not None and moment < self._since:
            return True
        self._since = None
        return False

    def _was_read(self, block: LogBlock, start: int, stop: int) -> bool:
        if self._after is None or not (at := block.time_at(start)):
            return False
        if at < self._after.at:
            # What stands behind it and is earlier was written after the clock was set back.
            return self._same < self._after.same or self._goes_on(block, start, stop)
        if at == self._after.at:
            self._same += 1
            if self._same <= self._after.same:
                self._end_of(block, start, stop)
                return True
            return False
        if self.in_order and not self._same:
            return True
        return self._goes_on(block, start, stop)

    def _goes_on(self, block: LogBlock, start: int, stop: int) -> bool:
        """Return whether this is the rest of the long line that was read last."""
        if self._unfinished is not None and block.data[start] == self._unfinished:
            self._end_of(block, start, stop)
            return True
        self.hole = not self._same
        self._after = None
        return False

    def _end_of(self, block: LogBlock, start: int, stop: int) -> None:
        ended = block.data[stop - 1] == ord("\n")
        self._unfinished = None if ended else block.data[start]


class Resumed:
    """Leaves out what was read before: `since` is inclusive, and coarser than the engine's time."""

    def __init__(self, kept: Iterable[LogBlock], *, in_order: bool = False) -> None:
        """`in_order`: go by where lines stand and not by their times; the last one is there."""
        self.at, self._known = _newest(kept)
        self._in_order = in_order
        self._met = False  # what was read last is still there
        self._hole = False

    def hole(self) -> bool:
        """Return, once, whether more was written than the engine has given back."""
        hole, self._hole = self._hole, False
        return hole

    def fresh(self, block: LogBlock) -> LogBlock:
        """Return what of a block is new."""
        if not self.at:
            return block
        if self._in_order:
            return self._behind(block)
        kept: deque[bytes] = deque()
        for count, (start, stop) in enumerate(block.spans()):
            at = block.time_at(start)
            if at > self.at:
                self.at, self._hole = "", not self._met
                rest = block.after(start, count)
                data = b"".join(kept)
                return LogBlock(data + rest.data, len(kept) + rest.entries, len(data) + rest.last)
            if not self._seen(at, frame := block.data[start:stop]):
                kept.append(frame)
        data = b"".join(kept)
        return LogBlock(data, len(kept), len(data) - len(kept[-1]) if kept else 0)

    def _behind(self, block: LogBlock) -> LogBlock:
        for count, (start, stop) in enumerate(block.spans(), 1):
            if block.time_at(start) == self.at and block.data[start:stop] in self._known:
                self._known.remove(block.data[start:stop])
            if not self._known:
                self.at = ""
                return block.after(stop, count) if stop < len(block.data) else NOTHING
        return NOTHING

    def _seen(self, at: str, frame: bytes) -> bool:
        if not at or (at == self.at and frame not in self._known):
            return False
        if frame in self._known:
            self._known.remove(frame)
            self._met = True
        return True


def _newest(kept: Iterable[LogBlock]) -> tuple[str, list[bytes]]:
    """Return the newest time of what was read, and all frames that carry it."""
    at, frames = "", list[bytes]()
    for block in kept:
        if not (last := block.last_time):
            continue
        if last != at:
            at, frames = last, []
        for start, stop in block.spans():
            if block.time_at(start) == at:
                frames.append(block.data[start:stop])
    return at, frames


def times_of(blocks: Iterable[LogBlock]) -> set[str]:
    """Return the times of all lines."""
    return {block.time_at(start) for block in blocks for start, _stop in block.spans()}
