"""Answers kept for a while in this process: bounded in time and bytes, whoever sent them."""

from __future__ import annotations

import pickle
import threading
import time
from collections import OrderedDict
from typing import Any

NOTHING = object()


class Kept:
    """Values by name; the oldest go first when there is no more room. Values must not change."""

    def __init__(self, seconds: float, room: int) -> None:
        self.seconds, self.room = seconds, room
        self._rows: OrderedDict[str, tuple[float, int, Any]] = OrderedDict()
        self._used = 0
        self._lock = threading.Lock()

    def get(self, name: str) -> Any:
        """Return what is kept; `NOTHING` when nothing is, or no more."""
        with self._lock:
            ends, _size, value = self._rows.get(name, (0.0, 0, NOTHING))
            return value if ends > time.monotonic() else NOTHING

    def put(self, name: str, value: Any) -> None:
        """Keep a value, unless it alone would take much of the room."""
        size = len(pickle.dumps(value)) + len(name)
        if size > self.room // 8:
            return
        with self._lock:
            self._drop(name)
            now = time.monotonic()
            self._rows[name] = (now + self.seconds, size, value)
            self._used += size
            # All are kept equally long: the first one is the first to end.
            while self._used > self.room or next(iter(self._rows.values()))[0] <= now:
                self._drop(next(iter(self._rows)))

    def _drop(self, name: str) -> None:
        _ends, size, _value = self._rows.pop(name, (0.0, 0, None))
        self._used -= size

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._rows.clear()
            self._used = 0
