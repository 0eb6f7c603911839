"""Ending tasks that swallow a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from fleet import cancel as module
from fleet.cancel import cancel


async def stubborn(times: int) -> None:
    """Swallow some cancellations, as a command to Redis may."""
    for _ in range(times):
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            continue
    await asyncio.sleep(1000)


async def broken() -> None:
    """Fail while cleaning up."""
    try:
        await asyncio.sleep(1000)
    finally:
        raise RuntimeError("broken")


async def ended(*works: Coroutine[Any, Any, None]) -> list[bool]:
    """Begin, cancel, and tell which have ended."""
    tasks = [asyncio.create_task(work) for work in works]
    await asyncio.sleep(0)
    await asyncio.wait_for(cancel(*tasks), 30)
    return [task.done() for task in tasks]


def test_it_insists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.01)
    assert asyncio.run(ended(stubborn(0), stubborn(3), broken())) == [True] * 3


def test_what_has_ended_stays_so() -> None:
    async def work() -> list[bool]:
        done = asyncio.create_task(asyncio.sleep(0))
        await done
        await cancel(done)
        await cancel()
        return [done.done(), not done.cancelled()]

    assert asyncio.run(work()) == [True, True]
