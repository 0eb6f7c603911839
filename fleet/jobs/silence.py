"""How long a job that waits for news has had none: told at a few moments, from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

MOMENTS = (30, 60, 120, 180, 240)  # seconds without news, after each of which it is said


class Silence:
    """`waiting()` around what should bring news, `heard` for each, `due` from the other thread."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None  # None: nobody waits
        self._told = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within the block silence counts, from its beginning on."""
        with self._lock:
            self._since, self._told = self._clock(), 0
        try:
            yield
        finally:
            with self._lock:
                self._since, self._told = None, 0

    def heard(self) -> bool:
        """Take note of news; return whether its lack was told before."""
        with self._lock:
            told, self._told = self._told, 0
            if self._since is not None:
                self._since = self._clock()
            return bool(told)

    def due(self) -> int:
        """Return for how many seconds there was no news, once at each moment; else 0."""
        with self._lock:
            if self._since is None:
                return 0
            seconds = int(self._clock() - self._since)
            passed = [moment for moment in MOMENTS if self._told < moment <= seconds]
            if not passed:
                return 0
            self._told = passed[-1]
            return seconds
