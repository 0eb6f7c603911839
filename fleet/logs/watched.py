"""Parts on their way to somebody who may lose the right to them, or take nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from fleet.cancel import cancel
from fleet.seats import Seat, Seats

CHECK_SECONDS = 4.0  # how soon a right that was taken ends them

Check = Callable[[], Awaitable[object]]
Bytes = AsyncGenerator[bytes, None]  # whoever takes them closes them: a browser may go at any time


class Watched:
    """Parts, one of them read ahead.

    Their source is let go of as soon as `check` raises, or nobody took one for as long as the seat
    is kept: also while it is silent, and while nobody asks for more.
    """

    def __init__(self, source: Bytes, seats: Seats, seat: Seat, check: Check) -> None:
        self._source, self._check = source, check
        self._seats, self._seat = seats, seat
        self._next: asyncio.Queue[bytes | Exception] = asyncio.Queue(1)
        self._awaited = True  # by who takes them; else they have one

    async def parts(self) -> Bytes:
        """Yield them. Raises what ended them, what `check` raises, or StoodStill."""
        self._seats.keep(self._seat)
        reading = asyncio.create_task(self._read())
        watching = asyncio.create_task(self._watch(reading))
        try:
            while part := await self._next.get():
                if isinstance(part, Exception):
                    raise part
                self._seats.keep(self._seat)
                self._awaited = False
                yield part
                self._awaited = True
        finally:
            await cancel(reading, watching)

    async def _read(self) -> None:
        end: bytes | Exception = b""
        try:
            async with aclosing(self._source) as parts:
                async for part in parts:
                    await self._next.put(part)
        except Exception as error:  # noqa: BLE001 - told to who takes them
            end = error
        await self._next.put(end)

    async def _watch(self, reading: asyncio.Task[None]) -> None:
        try:
            while True:
                await asyncio.sleep(CHECK_SECONDS)
                self._seats.look(self._seat, moves=self._awaited)
                await self._check()
        except Exception as error:  # noqa: BLE001 - told to who takes them
            await cancel(reading)
            if not self._next.empty():
                self._next.get_nowait()
            self._next.put_nowait(error)
            self._seats.free(self._seat)
