"""The end of a view: nothing of it stays behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.http import QueryDict

from dashboard.live.topics.logs import LogView, Wanted
from fleet.actor import Actor
from fleet.logs.selection import Selection
from fleet.reach import NOTHING
from tests.waiting import eventually_async

pytestmark = pytest.mark.timeout(60)


class Pump:
    """What reads for a view: it needs a moment to end, and may swallow a cancellation."""

    def __init__(self, *, deaf: bool = False) -> None:
        self._deaf = deaf
        self.told = asyncio.Event()  # that it should end
        self.free = asyncio.Event()  # to end
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.told.set()
            if self._deaf:
                await asyncio.Event().wait()
            await self.free.wait()


async def _send(_message: Any) -> None:
    """Send nothing."""


async def test_a_second_cancellation_leaves_nothing_behind() -> None:
    view = LogView(Wanted(Actor(None, NOTHING), Selection(()), ""), QueryDict(mutable=True), _send)
    clock, *pumps = (Pump(deaf=number == 2) for number in range(4))
    view._clocks._tasks[1] = clock.task  # type: ignore[assignment]
    view._tasks.update({number: pump.task for number, pump in enumerate(pumps)})
    await asyncio.sleep(0)  # they have begun
    closing = asyncio.create_task(view.close())
    async with asyncio.timeout(5):
        for pump in (clock, *pumps):
            await pump.told.wait()  # all are told before the first one is waited for
    closing.cancel()
    await asyncio.wait([closing])
    for pump in (clock, *pumps):
        pump.free.set()
    everything = [clock.task, *view._tasks.values()]
    await eventually_async(lambda: all(task.done() for task in everything), "all have ended")
