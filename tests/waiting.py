"""Waiting for a condition, with a deadline: how tests wait, instead of sleeping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

STEP = 0.02


class Readable(Protocol):
    """What a terminal's process writes."""

    async def read(self) -> bytes:
        """Return what comes next, nothing at the end."""


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


async def read_until(source: Readable, wanted: str, *, seconds: float = 15) -> str:
    """Return what is written, once a text is in it."""
    said = ""
    async with asyncio.timeout(seconds):
        while wanted not in said:
            data = await source.read()
            assert data, said
            said += data.decode(errors="replace")
    return said
