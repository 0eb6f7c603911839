"""Parts that nobody takes, or that may not be read any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from fleet import seats
from fleet.access import Refused
from fleet.logs import watched
from fleet.logs.watched import Watched
from fleet.seats import STILL_SECONDS, Seats, StoodStill
from tests.waiting import eventually_async


class Source:
    """Parts as a test gives them, and whether they were closed."""

    def __init__(self) -> None:
        self.given: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed = False
        self.checks = 0
        self.refused = False

    async def parts(self) -> AsyncGenerator[bytes, None]:
        try:
            while part := await self.given.get():
                yield part
        finally:
            self.closed = True

    async def check(self) -> None:
        self.checks += 1
        if self.refused:
            raise Refused("container.logs")

    async def checked(self) -> None:
        """Wait for a look that begins from now on."""
        before = self.checks
        await eventually_async(lambda: self.checks > before + 1, "it was looked at")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that a test sets; rights are looked at all the time."""
    now = [1000.0]
    monkeypatch.setattr(seats, "monotonic", lambda: now[0])
    monkeypatch.setattr(watched, "CHECK_SECONDS", 0.001)
    return now


@pytest.fixture
def few() -> Seats:
    """One seat."""
    return Seats(each=1, most=1)


def begin(source: Source, few: Seats) -> AsyncGenerator[bytes, None]:
    return Watched(source.parts(), few, few.take("nina"), source.check).parts()


@pytest.mark.usefixtures("clock")
async def test_a_right_ends_what_says_nothing(few: Seats) -> None:
    source = Source()
    parts = begin(source, few)
    waiting = asyncio.ensure_future(anext(parts))
    await source.checked()
    source.refused = True
    with pytest.raises(Refused):
        await waiting
    assert source.closed and not few.taken


@pytest.mark.usefixtures("clock")
async def test_a_right_ends_what_nobody_takes(few: Seats) -> None:
    source = Source()
    parts = begin(source, few)
    for part in (b"one", b"two", b"three"):
        source.given.put_nowait(part)
    assert await anext(parts) == b"one"
    source.refused = True
    await eventually_async(lambda: source.closed, "the source is let go of")
    await eventually_async(lambda: not few.taken, "the seat is free")
    with pytest.raises(Refused):
        await anext(parts)


async def test_what_nobody_takes_for_long_ends(few: Seats, clock: list[float]) -> None:
    source = Source()
    parts = begin(source, few)
    for part in (b"one", b"two", b"three"):
        source.given.put_nowait(part)
    for expected in (b"one", b"two"):
        assert await anext(parts) == expected
        clock[0] += STILL_SECONDS - 1  # each part is a new beginning
        await source.checked()
        assert few.taken and not source.closed
    clock[0] += 2
    await eventually_async(lambda: source.closed, "the source is let go of")
    assert not few.taken
    with pytest.raises(StoodStill):
        await anext(parts)


async def test_a_source_may_be_silent_for_longer(few: Seats, clock: list[float]) -> None:
    source = Source()
    parts = begin(source, few)
    waiting = asyncio.ensure_future(anext(parts))
    for _ in range(3):
        await source.checked()
        clock[0] += STILL_SECONDS - 1
    source.given.put_nowait(b"one")
    assert await waiting == b"one"
    source.given.put_nowait(b"")
    with pytest.raises(StopAsyncIteration):
        await anext(parts)


async def test_what_ended_them_is_told(few: Seats) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"one"
        raise OSError("broken")

    parts = Watched(broken(), few, few.take("nina"), Source().check).parts()
    assert await anext(parts) == b"one"
    with pytest.raises(OSError, match="broken"):
        await anext(parts)
