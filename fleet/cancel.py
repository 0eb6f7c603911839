"""Ending tasks for sure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

AGAIN_SECONDS = 2  # time to clean up before the next cancellation


async def cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until each has ended, whatever it ended with.

    Once is not enough: before Python 3.12 `asyncio.wait_for`, which redis-py sends commands with,
    swallows a cancellation that comes in the moment in which it is done (bpo-37658).
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _ended, waiting = await asyncio.wait(waiting, timeout=AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)  # their errors count as looked at


async def first_of(*works: Awaitable[Any]) -> None:
    """Run all until the first one ends, cancel the others, raise what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(*tasks)
    for task in done:
        task.result()
