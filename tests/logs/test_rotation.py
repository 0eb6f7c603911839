"""What a stream is told to have left out, and between which times."""

from __future__ import annotations

import asyncio

import pytest

from fleet.engine.aio import open_async
from fleet.engine.fake_state import FakeContainer
from fleet.engine.log_blocks import LogBlock
from fleet.logs import rotation
from fleet.logs.marks import Mark
from fleet.logs.rotation import Rotation
from fleet.logs.target import LogTarget
from tests.logs.blocks import at, numbered

pytestmark = pytest.mark.timeout(60)


async def compared(found: Rotation, target: LogTarget) -> Mark | None:
    """Compare with what the engine has: nothing."""
    assert target.endpoint is not None
    async with open_async(target.endpoint) as engine:
        return await found.compared(engine, await engine.container(target.engine_id))


async def test_it_tells_between_which_times_it_is_not_sure(
    target: LogTarget, web: FakeContainer
) -> None:
    found = Rotation()
    found.passed(numbered(3))
    mark = await compared(found, target)
    assert mark == Mark("unsure", since=at(0), until=at(2))


async def test_what_came_too_fast_to_be_compared_is_between_them_too(
    target: LogTarget, web: FakeContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "MOST_BYTES", len(numbered(3).data))
    found = Rotation()
    found.passed(numbered(3))
    found.passed(numbered(3, start=5))
    mark = await compared(found, target)
    assert mark == Mark("unsure", since=at(0), until=at(7))
    found.passed(numbered(2, start=8))
    mark = await compared(found, target)
    assert mark is not None and (mark.since, mark.until) == (at(7), at(9))


async def test_what_is_lost_between_two_comparisons_is_told(
    target: LogTarget, web: FakeContainer
) -> None:
    for number in range(10):
        web.write(f"line {number}")
        await asyncio.sleep(0.001)  # a time of its own
    assert target.endpoint is not None
    async with open_async(target.endpoint) as engine:
        (whole,) = [
            block async for block in engine.logs(target.engine_id, timestamps=True, tty=False)
        ]
    starts = [start for start, _stop in whole.spans()]
    found = Rotation()
    found.passed(LogBlock(whole.data[: starts[4]], 4, starts[3]))
    assert await compared(found, target) is None
    found.passed(whole.after(starts[7], 7))  # without 4, 5 and 6
    mark = await compared(found, target)
    assert mark == Mark("lost", "3", since=whole.time_at(starts[3]), until=whole.time_at(starts[9]))
    found.passed(whole.after(starts[9], 9))
    assert await compared(found, target) is None


async def test_it_is_not_sure_of_more_than_it_may_read(
    target: LogTarget, web: FakeContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "READ_BYTES", 1000)
    web.write("x" * 2000)
    assert target.endpoint is not None
    async with open_async(target.endpoint) as engine:
        (whole,) = [
            block async for block in engine.logs(target.engine_id, timestamps=True, tty=False)
        ]
    found = Rotation()
    found.passed(whole)
    when = whole.last_time
    assert await compared(found, target) == Mark("unsure", since=when, until=when)
