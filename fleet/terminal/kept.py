"""The end of a terminal's output, for who comes back: bounded, and drawn again right."""

from __future__ import annotations

import re
from collections import deque

KEPT_BYTES = 256 * 1024
# DECSET and DECRST: the other screen, the cursor's shape, who gets the mouse.
MODES = re.compile(rb"\x1b\[\?([0-9;]{1,40})([hl])|(\x1bc)")
SPLIT = 48  # a sequence may come in two pieces
OTHER_SCREENS = frozenset({b"47", b"1047", b"1049"})


class Modes:
    """Which private modes are set after all that was read."""

    def __init__(self) -> None:
        self.found: dict[bytes, bool] = {}
        self._tail = b""

    def read(self, data: bytes) -> None:
        """Go on reading."""
        text = self._tail + data
        end = 0
        for match in MODES.finditer(text):
            end = match.end()
            if match[3]:
                self.found.clear()
                continue
            for mode in match[1].split(b";"):
                self.found.pop(mode, None)
                self.found[mode] = match[2] == b"h"
        self._tail = text[max(end, len(text) - SPLIT) :]

    def sequence(self) -> bytes:
        """Return what sets them in a new terminal."""
        pairs = self.found.items()
        return b"".join(b"\x1b[?" + mode + (b"h" if on else b"l") for mode, on in pairs)


class Kept:
    """The last output, and the modes that what was dropped had set."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._dropped = Modes()
        self._all = Modes()
        self._has_dropped = False

    def add(self, data: bytes) -> None:
        """Keep this; the oldest goes when it is too much."""
        self._all.read(data)
        self._chunks.append(data)
        self._size += len(data)
        while self._size > self._limit and len(self._chunks) > 1:
            oldest = self._chunks.popleft()
            self._size -= len(oldest)
            self._dropped.read(oldest)
            self._has_dropped = True

    @property
    def fills_screen(self) -> bool:
        """Whether a program such as vi has the whole screen: it must draw itself anew."""
        return any(self._all.found.get(mode) for mode in OTHER_SCREENS)

    def replay(self) -> bytes:
        """Return what a new terminal shows the same with; begins with a whole line."""
        data = b"".join(self._chunks)
        if not self._has_dropped:
            return data
        return self._dropped.sequence() + b"\x1b[m" + data[data.find(b"\n") + 1 :]
