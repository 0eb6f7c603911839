"""Threads that wait for engines, shared fairly: a slow host takes a few of them, never all."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Found = TypeVar("Found")


class NotAsked(Exception):
    """The work never began: the host's own places were taken (`busy`), or all places were."""

    def __init__(self, *, busy: bool) -> None:
        super().__init__()
        self.busy = busy


class Places:
    """A pool of threads in which each host has at most `each` calls, running or waiting."""

    def __init__(self, threads: int, each: int, name: str) -> None:
        self.each = each
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self._taken: Counter[int] = Counter()
        self._left = threading.Condition()

    def call(self, host_id: int, work: Callable[[], Found], seconds: float) -> Found:
        """Return what work returns, or raise what it raises.

        Raises NotAsked, or TimeoutError when it began and has not ended within these seconds.
        """
        deadline = time.monotonic() + seconds
        future = self._submit(host_id, work, seconds)
        try:
            return future.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            if future.cancel():
                raise NotAsked(busy=False) from None
            raise

    def _submit(self, host_id: int, work: Callable[[], Found], seconds: float) -> Future[Found]:
        with self._left:
            if not self._left.wait_for(lambda: self._taken[host_id] < self.each, seconds):
                raise NotAsked(busy=True)
            self._taken[host_id] += 1
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._leave(host_id))
        return future

    def _leave(self, host_id: int) -> None:
        with self._left:
            self._taken[host_id] -= 1
            if not self._taken[host_id]:
                del self._taken[host_id]
            self._left.notify_all()
