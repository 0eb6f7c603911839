"""A process in a container with a terminal: found, started, and ended for good.

Engines leave a process alone when the connection to it ends: a closed tab would leave its shell in
the container for ever. So whatever can be is started by ``sh``, which says its number first; by
that number it is hung up on, as sshd does, and killed when that does not help.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from fleet.engine.aio import AsyncEngine
from fleet.engine.errors import EngineError, Unreachable
from fleet.engine.hijack import Hijacked
from fleet.engine.terminals import (
    Size,
    create_exec,
    exec_state,
    resize_exec,
    run_exec,
    start_exec,
)
from fleet.terminal.ask import Ask
from fleet.terminal.attached import attached
from fleet.terminal.problems import Problem, problem_of

# Both say "<number> <name>" in the first line and then become what was asked for.
FIND_SHELL = (
    "s=sh; for c in bash ash; do if command -v $c >/dev/null 2>&1; then s=$c; break; fi; done;"
    ' echo "$$ $s"; exec $s'
)
RUN = 'echo "$$ -"; exec "$@"'
OTHER_SHELLS = ("bash", "ash", "/busybox/sh")
FIRST_LINE = re.compile(rb"(\d{1,9}) ([\w-]+)\r*\n")
NOT_FOUND = re.compile(r"not found|no such file", re.IGNORECASE)
COMPLAINT = re.compile(r"OCI runtime|exec failed|executable file|runc:|crun:|unable to find user")
FIRST_LINE_LIMIT = 8192
SILENT_SECONDS = 0.7
FIRST_LINE_SECONDS = 15.0
ENDS_SECONDS = 1.5  # after each signal
LOOK_SECONDS = 0.1
INTERRUPT = b"\x03\x04\x1c"  # Ctrl-C, Ctrl-D, Ctrl-\: what can be typed to end something


class Process(Protocol):
    """What a session reads from and types into. Methods raise ``EngineError``."""

    name: str

    async def read(self) -> bytes:
        """What it wrote; ``b""`` once it has ended."""

    async def write(self, data: bytes) -> None:
        """Type something; waits while it does not read."""

    async def resize(self, size: Size) -> None:
        """Tell it how large its terminal is now."""

    async def exit_code(self) -> int | None:
        """How it ended; None when nobody knows."""

    async def end(self) -> None:
        """End it and whatever it runs in the foreground."""

    def hang_up(self) -> None:
        """Close the connection."""


async def begin(engine: AsyncEngine, ref: str, ask: Ask, size: Size) -> Process:
    """Start what was asked for. Raises ``Problem``."""
    try:
        if ask.mode == "attach":
            return await attached(engine, ref, ask)
        return await _found(engine, ref, ask, size)
    except EngineError as error:
        raise problem_of(error, await _state(engine, ref, error)) from error


async def _state(engine: AsyncEngine, ref: str, error: EngineError) -> str:
    if isinstance(error, Unreachable):
        return ""
    with suppress(EngineError):
        return (await engine.container(ref)).state
    return ""


async def _found(engine: AsyncEngine, ref: str, ask: Ask, size: Size) -> Process:
    starting = Starting(engine, ref, ask, size)
    wrapped = ["sh", "-c", RUN, "sh", *ask.command] if ask.command else ["sh", "-c", FIND_SHELL]
    first = await starting.wrapped(wrapped)
    if isinstance(first, Exec):
        return first
    if not _lacks(first, "sh"):
        raise Problem("not_started", first)
    for words in [ask.command] if ask.command else [(shell,) for shell in OTHER_SHELLS]:
        found = await starting.bare(words)
        if isinstance(found, Exec):
            return found
        if ask.command or not _lacks(found, words[0]):
            raise Problem("not_started", found)
    raise Problem("no_shell")


def _lacks(said: str, program: str) -> bool:
    """Return whether an engine says that there is no such program."""
    return f'"{program}"' in said and bool(NOT_FOUND.search(said))


class Starting:
    """Attempts at one process."""

    def __init__(self, engine: AsyncEngine, ref: str, ask: Ask, size: Size) -> None:
        self.engine, self.ref, self.ask, self.size = engine, ref, ask, size

    async def _start(self, words: Sequence[str]) -> Exec:
        ident = await create_exec(
            self.engine, self.ref, words, user=self.ask.user, directory=self.ask.directory
        )
        wire = await start_exec(self.engine, ident, self.size)
        return Exec(self.engine, self.ref, ident, wire, self.ask, words[0])

    async def wrapped(self, words: Sequence[str]) -> Exec | str:
        """The process, or what the engine said instead of its first line."""
        made = await self._start(words)
        try:
            async with asyncio.timeout(FIRST_LINE_SECONDS):
                said = await made.first_line()
        except BaseException as error:
            made.hang_up()
            if isinstance(error, TimeoutError):
                raise Unreachable("timeout") from error
            raise
        if said is None:
            return made
        made.hang_up()
        return said

    async def bare(self, words: Sequence[str]) -> Exec | str:
        """The same for what no shell starts: it has begun unless it has ended before a moment."""
        made = await self._start(words)
        said = await made.complaint()
        if said is None:
            return made
        made.hang_up()
        return said


class Exec:
    """One more process in a container."""

    def __init__(
        self,
        engine: AsyncEngine,
        ref: str,
        ident: str,
        wire: Hijacked,
        ask: Ask,
        name: str,
    ) -> None:
        self.name = name
        self._engine, self._ref, self._ident, self._wire = engine, ref, ident, wire
        self._user = ask.user
        self._number = 0  # of the process, as its container counts
        self._rest = b""

    async def first_line(self) -> str | None:
        """Read the process's own number; what came instead when it did not start."""
        said = b""
        while len(said) < FIRST_LINE_LIMIT and (data := await self._wire.read()):
            said += data
            if found := FIRST_LINE.match(said):
                self._number, self._rest = int(found[1]), said[found.end() :]
                if found[2] != b"-":
                    self.name = found[2].decode()
                return None
        return said.decode(errors="replace").strip()

    async def complaint(self) -> str | None:
        """Return what the engine says when it could not start it; None when it runs."""
        said = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENT_SECONDS):
                while len(said) < FIRST_LINE_LIMIT and (data := await self._wire.read()):
                    said += data
                    if not COMPLAINT.search(said.decode(errors="replace")):
                        break
        self._rest = said
        text = said.decode(errors="replace").strip()
        if COMPLAINT.search(text) and await self.exit_code() in (126, 127):
            return text
        return None

    async def read(self) -> bytes:
        """What it wrote; ``b""`` once it has ended."""
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        return await self._wire.read()

    async def write(self, data: bytes) -> None:
        """Type something; waits while it does not read."""
        await self._wire.write(data)

    async def resize(self, size: Size) -> None:
        """Tell it how large its terminal is now."""
        await resize_exec(self._engine, self._ident, size)

    async def exit_code(self) -> int | None:
        """How it ended; the engine knows that a moment after its last byte."""
        until = time.monotonic() + ENDS_SECONDS
        while (state := await exec_state(self._engine, self._ident)).running:
            if time.monotonic() > until:
                return None
            await asyncio.sleep(LOOK_SECONDS)
        return state.exit_code

    async def end(self) -> None:
        """Hang up on it as sshd does, and kill what does not care."""
        if self._number:
            await hang_up_by_number(self._engine, self.mark)
        else:
            await self._wire.write(INTERRUPT)
            await _has_ended(self._engine, self._ident)

    @property
    def mark(self) -> Mark:
        """By which anybody can end it."""
        return Mark(self._ref, self._ident, self._number, self._user)

    def hang_up(self) -> None:
        """Close the connection."""
        self._wire.close()


@dataclass(frozen=True)
class Mark:
    """A process by the engine's id of it, and by its number inside; 0: nobody knows."""

    container: str
    exec_id: str
    number: int
    user: str


async def hang_up_by_number(engine: AsyncEngine, mark: Mark) -> bool:
    """End a process that still runs; True once it does not. Raises ``EngineError``."""
    if await _has_ended(engine, mark.exec_id, 0):
        return True
    for signal in ("HUP", "KILL"):
        await _signal(engine, mark, signal)
        if await _has_ended(engine, mark.exec_id):
            return True
    return False


async def _signal(engine: AsyncEngine, mark: Mark, signal: str) -> None:
    number = mark.number
    script = f"kill -{signal} {number}; kill -{signal} -{number}; kill -CONT {number}"
    words = ["sh", "-c", f"{{ {script}; }} 2>/dev/null"]
    ident = await create_exec(engine, mark.container, words, user=mark.user, terminal=False)
    await run_exec(engine, ident)


async def _has_ended(engine: AsyncEngine, ident: str, seconds: float = ENDS_SECONDS) -> bool:
    until = time.monotonic() + seconds
    while (await exec_state(engine, ident)).running:
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True
