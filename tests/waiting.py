"""Waiting for a condition, with a deadline: how tests wait, instead of sleeping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

STEP = 0.02


def eventually(condition: Callable[[], object], what: str, *, seconds: float = 20) -> None:
    """Return once `condition()` is true; fail, naming `what`, after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(STEP)


async def eventually_async(
    condition: Callable[[], object], what: str, *, seconds: float = 20
) -> None:
    """The same in a coroutine: other tasks go on meanwhile."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        await asyncio.sleep(STEP)
