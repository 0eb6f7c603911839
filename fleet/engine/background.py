"""One event loop in one daemon thread per process, for threads that need asyncio underneath.

Not ``asyncio.run``: that waits at its end for every thread of its executor, so one hanging name
look-up would hold the caller long past its timeout.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
# By process id: a forked child has no copy of the parent's thread and starts its own.
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def background_loop() -> asyncio.AbstractEventLoop:
    """The loop of this process, started at first use."""
    with _lock:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="engine-loop", daemon=True).start()
            _loops[os.getpid()] = loop
        return loop


def run_in_background(work: Coroutine[Any, Any, T], timeout: float) -> T:
    """Run a coroutine on the background loop and wait for it from an ordinary thread.

    Raises ``TimeoutError`` after ``timeout`` seconds; the coroutine is then cancelled.
    """
    future = asyncio.run_coroutine_threadsafe(work, background_loop())
    try:
        return future.result(timeout)
    except FutureTimeout:
        future.cancel()
        raise TimeoutError from None
