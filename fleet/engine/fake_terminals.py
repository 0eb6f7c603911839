"""Processes with a terminal in a fake engine: a shell that echoes, tells its size and ends."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from dataclasses import dataclass, field

from aiohttp import web

from fleet.engine.fake_state import FakeContainer, Refusal

UPGRADED = (
    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)
MISSING = 'OCI runtime exec failed: exec: "{}": executable file not found in $PATH: unknown\r\n'
PROMPT = b"$ "
KILL = re.compile(r"kill -(\w+) (\d+)")


@dataclass
class FakeExec:
    """One process, running or not."""

    container: FakeContainer
    words: list[str]
    number: int
    user: str = ""
    running: bool = False
    exit_code: int | None = None
    size: tuple[int, int] = (80, 24)  # columns, rows
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, code: int) -> None:
        """Stop running."""
        self.running, self.exit_code = False, code
        self.ended.set()


class Typed:
    """What a client types, as aiohttp's server hands it on."""

    def __init__(self) -> None:
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """More has come."""
        self.chunks.put_nowait(data)
        return False, b""

    def feed_eof(self) -> None:
        """The client is gone."""
        self.chunks.put_nowait(b"")


class FakeTerminals:
    """All processes that were run in a fake engine's containers."""

    def __init__(self) -> None:
        self.execs: dict[str, FakeExec] = {}
        self.has_shell = True
        self._numbers = itertools.count(100)

    @property
    def running(self) -> list[FakeExec]:
        """Those that have not ended."""
        return [one for one in self.execs.values() if one.running]

    async def create(self, request: web.Request, it: FakeContainer) -> web.StreamResponse:
        """``POST /containers/{id}/exec``."""
        if not it.is_up or it.state == "paused":
            raise Refusal(409, f"Container {it.id} is not running")
        asked = await request.json()
        ident = secrets.token_hex(32)
        words = [str(word) for word in asked.get("Cmd") or ()]
        made = FakeExec(it, words, next(self._numbers), user=str(asked.get("User", "")))
        self.execs[ident] = made
        return web.json_response({"Id": ident}, status=201)

    async def on_exec(self, request: web.Request, ident: str, action: str) -> web.StreamResponse:
        """``/exec/{id}/…``."""
        it = self.execs.get(ident)
        if it is None:
            raise Refusal(404, f"No such exec instance: {ident}")
        if action == "start":
            return await self._start(request, it)
        if action == "resize":
            it.size = (int(request.query["w"]), int(request.query["h"]))
            return web.Response(status=200)
        if action == "json":
            code = it.exit_code
            return web.json_response({"ID": ident, "Running": it.running, "ExitCode": code})
        raise Refusal(404, "page not found")

    async def _start(self, request: web.Request, it: FakeExec) -> web.StreamResponse:
        if (await request.json()).get("Detach"):
            self._run(it)
            return web.Response(status=200)
        typed, transport = Typed(), request.transport
        assert transport is not None  # noqa: S101
        request.protocol.set_parser(typed)  # type: ignore[arg-type]  # it only feeds it
        it.running = True
        transport.write(UPGRADED)
        shell = asyncio.create_task(self._shell(it, typed, transport))
        await it.ended.wait()
        shell.cancel()
        transport.close()
        return web.Response()

    def _run(self, it: FakeExec) -> None:
        """Do what a command without a terminal does: kill."""
        it.exit_code = 0
        found = KILL.search(" ".join(it.words))
        for other in self.running if found else []:
            if found and other.number == int(found[2]):
                other.end(129)

    async def _shell(self, it: FakeExec, typed: Typed, transport: asyncio.WriteTransport) -> None:
        if not self.has_shell:
            transport.write(MISSING.format(it.words[0]).encode())
            it.end(126)
            return
        name = "-" if '"$@"' in " ".join(it.words) else "sh"
        transport.write(f"{it.number} {name}\r\n".encode() + PROMPT)
        line = b""
        while data := await typed.chunks.get():
            transport.write(data.replace(b"\r", b"\r\n"))
            line += data
            while b"\r" in line:
                done, line = line.split(b"\r", 1)
                await self._obey(it, done.decode(errors="replace"), transport)

    async def _obey(self, it: FakeExec, line: str, transport: asyncio.WriteTransport) -> None:
        verb, _space, rest = line.partition(" ")
        if verb == "exit":
            return it.end(int(rest or 0))
        if verb == "size":
            transport.write(f"{it.size[0]}x{it.size[1]}\r\n".encode())
        elif verb == "flood":  # so many KiB, no faster than they are read
            for _ in range(int(rest)):
                transport.write(b"x" * 1022 + b"\r\n")
                while transport.get_write_buffer_size() > 64 * 1024:
                    await asyncio.sleep(0.001)
        transport.write(PROMPT)
        return None
