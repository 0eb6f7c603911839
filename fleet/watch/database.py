"""The watcher's one way to the database: a thread of its own, one call after the other.

Following a hundred hosts means a hundred tasks that write now and then. One writer is what SQLite
wants, one connection is kind to PostgreSQL, and every task waits for its own write before it reads
further, so the queue is never longer than the number of hosts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connections

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """Runs functions that use the ORM, in order, away from the event loop."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="watch-database")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns, or raise what it raises.

        A cancelled caller does not wait; work that has begun is finished all the same.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: _fresh(work, *args, **kwargs))

    async def close(self) -> None:
        """Finish what is queued and close the connection."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, connections.close_all)
        self._executor.shutdown(wait=False)


def _fresh(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    # A connection that the server closed meanwhile is replaced before the work, not found by it.
    close_old_connections()
    return work(*args, **kwargs)
