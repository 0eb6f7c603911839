"""The main process of a container, looked at from outside."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from fleet.engine.aio import AsyncEngine
from fleet.engine.errors import Conflict
from fleet.engine.hijack import Hijacked
from fleet.engine.log_blocks import FrameCutter
from fleet.engine.raw import UP
from fleet.engine.terminals import Size, attach, resize_container
from fleet.terminal.ask import Ask
from fleet.terminal.problems import Problem

ENDS_SECONDS = 1.5
LOOK_SECONDS = 0.1


async def attached(engine: AsyncEngine, ref: str, ask: Ask) -> Attached:
    """Begin to look. Raises ``Problem``, ``EngineError``."""
    facts = await engine.container(ref)
    if facts.state not in UP:
        raise Problem("not_running")
    if ask.typing and not facts.open_stdin:
        raise Problem("no_input")
    wire = await attach(engine, ref, typing=ask.typing)
    return Attached(engine, ref, wire, ask, facts.tty)


class Attached:
    """The main process of a container. Nothing here ever ends it."""

    def __init__(
        self, engine: AsyncEngine, ref: str, wire: Hijacked, ask: Ask, terminal: bool
    ) -> None:
        self.name = ""
        self._engine, self._ref, self._wire = engine, ref, wire
        self._typing = ask.typing
        self._cutter = None if terminal else FrameCutter()

    async def read(self) -> bytes:
        """What it wrote, as a terminal shows it; ``b""`` once it has ended."""
        while data := await self._wire.read():
            if self._cutter is None:
                return data
            if found := b"".join(frame.data for frame in self._cutter.feed(data).frames()):
                return found.replace(b"\n", b"\r\n")
        return b""

    async def write(self, data: bytes) -> None:
        """Type something; a process without a terminal reads lines, and echoes nothing."""
        await self._wire.write(data if self._cutter is None else data.replace(b"\r", b"\n"))

    async def resize(self, size: Size) -> None:
        """Only who types may change the terminal that others look at."""
        if self._typing and self._cutter is None:
            with suppress(Conflict):
                await resize_container(self._engine, self._ref, size)

    async def exit_code(self) -> int | None:
        """How the container ended, None while it runs."""
        until = time.monotonic() + ENDS_SECONDS
        while (facts := await self._engine.container(self._ref)).state == "running":
            if time.monotonic() > until:
                return None
            await asyncio.sleep(LOOK_SECONDS)
        return facts.exit_code

    async def end(self) -> None:
        """Leave it alone."""

    def hang_up(self) -> None:
        """Close the connection."""
        self._wire.close()
