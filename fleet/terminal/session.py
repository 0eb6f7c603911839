"""One terminal from its opening to its end, whoever looks at it meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

import structlog
from django.conf import settings
from django.utils import translation

from fleet.cancel import cancel
from fleet.engine.aio import open_async
from fleet.engine.errors import EngineError, Unreachable
from fleet.engine.terminals import Size
from fleet.terminal.ask import Ask
from fleet.terminal.kept import KEPT_BYTES, Kept
from fleet.terminal.problems import Problem, sentence
from fleet.terminal.process import Exec, Process, begin
from fleet.terminal.records import Record
from fleet.terminal.target import TerminalTarget
from fleet.terminal.traces import Traces
from fleet.terminal.view import Item, View

INPUT_BYTES = 1024 * 1024  # typed, or pasted, that the process has not read
LITTLE = 2048  # more at once is a flood: it comes in pieces of 4 KB, which are gathered
GATHER_SECONDS = 0.002
CHECK_SECONDS = 3.0  # rights are lost within five
TICK_SECONDS = 0.5
WARN_SECONDS = 60  # before the idle time-out
END_SECONDS = 6.0
log = structlog.get_logger(__name__)

# Why the viewer may stay no longer; None: they may.
Check = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True)
class Owner:
    """Whose session it is: only they come back to it."""

    user_id: int
    language: str
    check: Check
    keep: float  # seconds that it lives on without a viewer


@dataclass(frozen=True)
class End:
    """How it ended."""

    code: str
    text: str = ""
    exit_code: int | None = None


class Session:
    """See the module. Runs as a task of its own; `over` says how it ended."""

    def __init__(
        self,
        target: TerminalTarget,
        ask: Ask,
        owner: Owner,
        record: Record,
        traces: Traces | None = None,
    ) -> None:
        self.id = token_urlsafe(18)
        self.target, self.ask, self.owner = target, ask, owner
        self.over: End | None = None
        self.over_at = 0.0
        self._record, self._traces = record, traces
        self._process: Process | None = None
        self._kept = Kept()
        self._view: View | None = None
        self._unseen = 0
        self._room = asyncio.Event()
        self._input: asyncio.Queue[bytes] = asyncio.Queue()
        self._waiting_input = 0
        self._size = Size()
        self._resized = asyncio.Event()
        self._nudge = False
        self._may_run = False  # its host was away when it was to be ended
        self._ending: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._check_now = asyncio.Event()
        now = time.monotonic()
        self._typed_at = self._seen_at = now
        self._warned = False
        self.task = asyncio.create_task(self._run())

    # --- What viewers do -----------------------------------------------------------------------

    @property
    def is_left(self) -> bool:
        """Whether nobody looks."""
        return self._view is None

    def join(self, view: View) -> None:
        """Let a viewer see it, in place of the one before."""
        if self._view is not None:
            self._put({"type": "taken"})
        view.on_room = self._room.set
        self._view, self._unseen = view, 0
        self._size, self._nudge = view.size, self._kept.fills_screen
        if self._process is not None:
            self._put(self._opened())
        if kept := self._kept.replay():
            self._put({"type": "replay", "bytes": len(kept)})
            self._put(kept)
        if self.over is not None:
            self._put(self._ended(self.over))
        self._resized.set()
        self._room.set()

    def leave(self, view: View) -> None:
        """A viewer is gone; the session lives on for a while."""
        if self._view is view:
            self._view = None
            self._seen_at = time.monotonic()
            self._room.set()

    def type(self, data: bytes) -> bool:
        """Type; False when so much waits already that this is left out."""
        self._stay()
        if not self.ask.typing or self.over is not None:
            return True
        if self._waiting_input + len(data) > INPUT_BYTES:
            return False
        self._waiting_input += len(data)
        self._input.put_nowait(data)
        return True

    def resize(self, size: Size) -> None:
        """The viewer's terminal has another size."""
        self._size = size
        self._resized.set()

    def stay(self) -> None:
        """Somebody is there, though nothing is typed."""
        self._stay()

    def _stay(self) -> None:
        self._typed_at, self._warned = time.monotonic(), False

    def end(self, code: str = "closed", detail: str = "") -> None:
        """End it."""
        if not self._ending.done():
            with translation.override(self.owner.language or None):
                self._ending.set_result(End(code, sentence(code, detail)))

    def check_soon(self) -> None:
        """Rights may have changed."""
        self._check_now.set()

    # --- Its life ------------------------------------------------------------------------------

    async def _run(self) -> None:
        end = End("broken")
        try:
            end = await self._live()
        except Problem as problem:
            end = End(problem.code, self._words(problem))
        except EngineError as error:
            end = self._lost(error)
        except asyncio.CancelledError:
            end = End("stopped", self._words(Problem("stopped")))
            raise
        except Exception:
            log.exception("terminal_failed", host=self.target.host_id)
            end = End("broken", self._words(Problem("broken")))
        finally:
            await self._finish(end)

    def _words(self, problem: Problem) -> str:
        with translation.override(self.owner.language or None):
            return str(problem)

    def _lost(self, error: EngineError) -> End:
        code = "lost" if self._process else "away"
        problem = Problem(code, error.message, error.raw)
        if (code, error.code) == ("lost", "disconnected"):
            problem = Problem("cut")  # it says the same, and no more is known
        return End(code, self._words(problem))

    async def _live(self) -> End:
        endpoint = self.target.endpoint
        if endpoint is None:
            raise self.target.problem or Problem("host_gone")
        await self._record.opened()
        async with open_async(endpoint) as engine:
            process = await begin(engine, self.target.engine_id, self.ask, self._size)
            self._process = process
            if self._traces and isinstance(process, Exec) and process.mark.number:
                self._traces.leave(self.id, self.target.host_id, process.mark)
            self._put(self._opened())
            try:
                return await self._until_end(process)
            finally:
                process.hang_up()

    async def _until_end(self, process: Process) -> End:
        reading = asyncio.create_task(self._read(process))
        others = [
            asyncio.create_task(work)
            for work in (self._write(process), self._resize(process), self._watch(), self._guard())
        ]
        ended = False
        try:
            waited: list[asyncio.Future[Any]] = [reading, self._ending, *others]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._ending.done():
                return self._ending.result()
            for task in (reading, *others):
                if task.done():
                    task.result()
            end = await self._exited(process)
            ended = True
            return end
        except EngineError as error:
            self._tell(self._lost(error))  # at once: to ask its host for anything takes long
            raise
        finally:
            await cancel(reading, *others)
            if not ended:
                await self._end_process(process)

    async def _exited(self, process: Process) -> End:
        code = None
        try:
            code = await process.exit_code()
        except Unreachable:
            raise  # what came has ended with the way it came by, for all we know
        except EngineError:
            pass
        return End("exited", self._words(Problem("exited")), code)

    async def _end_process(self, process: Process) -> None:
        self._may_run = True
        with suppress(EngineError, TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await process.end()
            self._may_run = False

    async def _read(self, process: Process) -> None:
        while True:
            await self._wait_for_room()
            data = await process.read()
            if not data:
                return
            self._kept.add(data)
            if self._view is None:
                self._unseen += len(data)
            self._put(data)
            if len(data) > LITTLE:
                await asyncio.sleep(GATHER_SECONDS)

    async def _wait_for_room(self) -> None:
        """A slow viewer makes the process wait; so does nobody, once all that is kept is new."""
        while not self._has_room():
            self._room.clear()
            await self._room.wait()

    def _has_room(self) -> bool:
        return self._view.has_room if self._view is not None else self._unseen < KEPT_BYTES

    async def _write(self, process: Process) -> None:
        while True:
            data = await self._input.get()
            await process.write(data)
            self._waiting_input -= len(data)

    async def _resize(self, process: Process) -> None:
        while True:
            await self._resized.wait()
            self._resized.clear()
            size, nudge = self._size, self._nudge
            self._nudge = False
            with suppress(EngineError):  # it may just end; a wrong size is no reason to
                if nudge:  # the engine tells the process of a change only
                    await process.resize(Size(size.cols, max(1, size.rows - 1)))
                await process.resize(size)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            if self._view is None and now - self._seen_at > self.owner.keep:
                self.end("left")
            self._look_idle(now - self._typed_at)

    def _look_idle(self, idle: float) -> None:
        most = settings.TERMINAL_IDLE_SECONDS
        if not most:
            return
        if idle > most:
            self.end("idle")
        elif idle > max(most - WARN_SECONDS, most / 2) and not self._warned:
            self._warned = True
            self._put({"type": "idle", "seconds": int(most - idle)})

    async def _guard(self) -> None:
        """Look at once, as a slow host may have taken long to begin; then again and again."""
        while True:
            self._check_now.clear()
            if (refusal := await self.owner.check()) is not None:
                self.end("rights", refusal)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._check_now.wait(), CHECK_SECONDS)

    async def _finish(self, end: End) -> None:
        self._tell(end)
        self._leave_trace()
        name, began = (self._process.name, True) if self._process else ("", False)
        await self._record.closed(name, end.code, end.exit_code, began=began)

    def _tell(self, end: End) -> None:
        if self.over is None:
            self.over, self.over_at = end, time.monotonic()
            self._put(self._ended(end))

    def _leave_trace(self) -> None:
        process = self._process
        if self._traces and isinstance(process, Exec) and process.mark.number:
            if self._may_run:
                self._traces.hand_over(self.id, self.target.host_id, process.mark)
            else:
                self._traces.remove(self.id)

    # --- Words to the viewer -------------------------------------------------------------------

    def _put(self, item: Item) -> None:
        if self._view is not None:
            self._view.put(item)

    def _opened(self) -> dict[str, Any]:
        return {
            "type": "opened",
            "session": self.id,
            "name": self._process.name if self._process else "",
            "mode": self.ask.mode,
            "typing": self.ask.typing,
            "keep": self.owner.keep,
        }

    def _ended(self, end: End) -> dict[str, Any]:
        kind = "ended" if self._process else "problem"
        return {"type": kind, "code": end.code, "text": end.text, "exit_code": end.exit_code}
