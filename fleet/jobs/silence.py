"""How long a job that waits for news has had none: told at a few moments, from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

MOMENTS = (30, 60, 120, 180, 240)  # seconds without news, after each of which it is said
EVERY = 180  # seconds from one to the next after these


class Silence:
    """`waiting()` around what should bring news, `heard` for each, `due` from the other thread."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None  # None: nobody waits
        self._told = 0
        self.is_usual = False  # silence may be long, and nothing be wrong

    @contextmanager
    def waiting(self, *, is_usual: bool = False) -> Iterator[None]:
        """Within the block silence counts, from its beginning on."""
        with self._lock:
            self.is_usual = is_usual
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
            moment = _moment_before(seconds)
            if moment <= self._told:
                return 0
            self._told = moment
            return seconds


def _moment_before(seconds: int) -> int:
    further = seconds - MOMENTS[-1]
    if further > 0:
        return seconds - further % EVERY
    return max((moment for moment in MOMENTS if moment <= seconds), default=0)
