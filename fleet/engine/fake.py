"""An engine without Docker: an HTTP server that speaks the part of its API that we use.

For tests of faults and of scale; ``fleet.engine.fake_fleet`` runs many of them, for demos. In
tests, ``async with FakeEngine(path) as fake`` within a loop or ``with fake_in_thread(path) as
fake`` beside one; ``fake.state`` is the truth, ``fake.faults`` the knobs.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from fleet.engine.background import run_in_background
from fleet.engine.fake_images import FakeImages
from fleet.engine.fake_moves import FakeMoves
from fleet.engine.fake_networks import keep_settings, on_network
from fleet.engine.fake_pulls import FakePulls
from fleet.engine.fake_state import (
    FakeContainer,
    FakeState,
    Refusal,
    lines_behind,
    log_frame,
    time_text,
    to_ns,
)
from fleet.engine.fake_stats import write_stats
from fleet.engine.fake_terminals import FakeTerminals

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Faults:
    """What goes wrong, from now on."""

    hang: bool = False  # take requests, never answer
    slow: float = 0.0  # seconds before each answer
    not_docker: bool = False  # answer as some other web server
    status: int = 0  # answer everything with this HTTP status
    stats_every: float = 1.0  # seconds between two readings
    stop_takes: float = 0.0  # seconds until a stop or restart is done
    garbage: bool = False  # answer JSON requests with something that is none
    freezes: bool = False  # say nothing more once a log was begun


class FakeEngine:
    """One engine on a Unix socket (``path``) or on a TCP port of 127.0.0.1 (no path)."""

    def __init__(
        self,
        path: str | Path = "",
        *,
        name: str = "fake",
        api_version: str = "1.45",
        min_api_version: str = "1.24",
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.state = FakeState(name)
        self.images = FakeImages(self.state.tell, self.state.users)
        self.state.on_image = self.images.need
        self.faults = Faults()
        self.terminals = FakeTerminals()
        self.pulls = FakePulls(self.images)
        self.moves = FakeMoves(self.images)
        self.api_version, self.min_api_version = api_version, min_api_version
        self.driver_status: list[list[str]] = []
        self.requests: list[str] = []
        self._path, self._context, self._port = str(path), context, 0
        self._runner: web.AppRunner | None = None

    # -- living ---------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Its address for an ``Endpoint``."""
        return f"unix://{self._path}" if self._path else f"tcp://127.0.0.1:{self._port}"

    @property
    def connections(self) -> int:
        """How many connections are open right now."""
        server = self._runner.server if self._runner else None
        return len(server.connections) if isinstance(server, web.Server) else 0

    async def start(self) -> None:
        """Listen; after ``stop`` on the same path or port again."""
        app = web.Application(middlewares=[self._middleware])
        app.add_routes([web.route("*", "/{tail:.*}", self._dispatch)])
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await self._runner.setup()
        if self._path:
            Path(self._path).unlink(missing_ok=True)
            site: web.BaseSite = web.UnixSite(self._runner, self._path, ssl_context=self._context)
        else:
            site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._context)
        await site.start()
        if not self._path:
            self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse everybody and end all connections, streams in the middle too."""
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def restart(self) -> None:
        """As a daemon does at an update: all streams end, containers stay."""
        await self.stop()
        await self.start()

    def cut(self) -> None:
        """End all connections in the middle of what they do."""
        server = self._runner.server if self._runner else None
        for handler in list(server.connections) if isinstance(server, web.Server) else []:
            if handler.transport is not None:
                handler.transport.abort()

    async def __aenter__(self) -> FakeEngine:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- HTTP -----------------------------------------------------------------------------------

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.rel_url}")
        del self.requests[:-10_000]
        faults = self.faults
        if faults.hang:
            await asyncio.Event().wait()
        if faults.slow:
            await asyncio.sleep(faults.slow)
        if faults.not_docker:
            return web.Response(text="<html>Welcome</html>", content_type="text/html")
        if faults.status:
            return web.json_response({"message": "a fault"}, status=faults.status)
        if faults.garbage:
            return web.Response(text="{", content_type="application/json")
        try:
            return await handler(request)
        except Refusal as no:
            if no.status == 304:
                return web.Response(status=304)
            return web.json_response({"message": no.message}, status=no.status)

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        parts = [part for part in request.path.split("/") if part]
        if parts and parts[0].startswith("v1."):
            self._check_version(parts.pop(0)[1:])
        if parts[:1] == ["containers"] and len(parts) > 1:
            return await self._on_container(request, parts[1], "/".join(parts[2:]))
        if parts[:1] == ["networks"] and len(parts) == 3:
            return await on_network(request, self.state, parts[1], parts[2])
        if parts[:1] == ["exec"] and len(parts) == 3:
            return await self.terminals.on_exec(request, parts[1], parts[2])
        if parts[:1] == ["images"] and len(parts) > 1:
            if parts == ["images", "create"]:
                return await self.pulls.on_create(request)
            if parts == ["images", "get"]:
                return await self.moves.on_save(request)
            if parts == ["images", "load"]:
                return await self.moves.on_load(request)
            if request.method == "POST" and parts[-1] == "push":
                return await self.pulls.on_push(request, "/".join(parts[1:-1]))
            return await self.images.answer(request, parts[1:])
        handler = {
            "_ping": self._ping,
            "version": self._version,
            "info": self._info,
            "events": self._events,
            "system/df": self._df,
            "containers/json": self._list,
        }.get("/".join(parts))
        if handler is None:
            raise Refusal(404, "page not found")
        return await handler(request)

    def _check_version(self, asked: str) -> None:
        numbers = [tuple(map(int, v.split("."))) for v in (asked, self.api_version)]
        if numbers[0] > numbers[1]:
            raise Refusal(
                400,
                f"client version {asked} is too new. "
                f"Maximum supported API version is {self.api_version}",
            )

    async def _ping(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="OK", headers={"Api-Version": self.api_version})

    async def _version(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {
                "Version": "27.0.0",
                "ApiVersion": self.api_version,
                "MinAPIVersion": self.min_api_version,
                "Os": "linux",
                "Arch": "amd64",
                "Components": [{"Name": "Engine", "Version": "27.0.0"}],
            }
        )

    async def _info(self, request: web.Request) -> web.StreamResponse:
        states = [c.state for c in self.state.containers.values()]
        running, paused = states.count("running"), states.count("paused")
        return web.json_response(
            {
                "ID": self.state.engine_id,
                "Name": self.state.name,
                "ServerVersion": "27.0.0",
                "OperatingSystem": "Fake Linux",
                "Architecture": "x86_64",
                "KernelVersion": "6.0",
                "NCPU": 4,
                "MemTotal": 8 * 1024**3,
                "Containers": len(states),
                "ContainersRunning": running,
                "ContainersPaused": paused,
                "ContainersStopped": len(states) - running - paused,
                "Images": len(self.images.known),
                "SystemTime": time_text(time.time_ns() + self.state.ahead_ns),
                "Driver": "overlay2",
                "DriverStatus": self.driver_status,
                "Swarm": {"LocalNodeState": "inactive"},
            }
        )

    async def _df(self, request: web.Request) -> web.StreamResponse:
        images = sorted({c.image_id for c in self.state.containers.values()})
        used = [{"Id": i, "Size": 10**6, "SharedSize": 0, "Containers": 1} for i in images]
        containers = [{**c.summary(), "SizeRw": 1000} for c in self.state.containers.values()]
        size = sum(it.size for it in self.images.known.values())
        body = {"LayersSize": size, "Images": used, "Containers": containers}
        return web.json_response({**body, "Volumes": [], "BuildCache": []})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        everything = request.query.get("all") in ("1", "true", "True")
        found = [c for c in self.state.containers.values() if everything or c.is_up]
        return web.json_response([c.summary() for c in reversed(found)])

    async def _on_container(
        self, request: web.Request, ref: str, action: str
    ) -> web.StreamResponse:
        if request.method == "GET" and ref == "json" and not action:
            return await self._list(request)
        if request.method == "POST" and ref == "create" and not action:
            return await self._create(request)
        it = self.state.find(ref)
        if request.method == "DELETE":
            self.state.remove(it, request.query.get("force", "") in ("1", "true", "True"))
            return web.Response(status=204)
        if request.method == "POST" and action == "exec":
            return await self.terminals.create(request, it)
        if request.method == "POST":
            await self._act(request, it, action)
            return web.Response(status=204)
        return await self._read(request, it, action)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if len((asked.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}) > 1:
            raise Refusal(400, "Container cannot be connected to network endpoints")
        made = self.state.add(
            request.query.get("name", ""),
            str(asked.get("Image", "")),
            state="created",
            command=tuple(asked.get("Cmd") or ()),
            labels=asked.get("Labels"),
            tty=bool(asked.get("Tty")),
            env=asked.get("Env"),
            made_of=self.images.id_of(str(asked.get("Image", ""))),
        )
        keep_settings(made, asked)
        return web.json_response({"Id": made.id, "Warnings": []}, status=201)

    async def _act(self, request: web.Request, it: FakeContainer, action: str) -> None:
        state, query = self.state, request.query
        if action in ("stop", "restart") and self.faults.stop_takes:
            await asyncio.sleep(self.faults.stop_takes)
        actions: dict[str, Callable[[], None]] = {
            "start": lambda: state.start(it),
            "stop": lambda: state.stop(it),
            "restart": lambda: state.restart(it),
            "kill": lambda: state.kill(it, query.get("signal", "SIGKILL")),
            "pause": lambda: state.pause(it),
            "unpause": lambda: state.unpause(it),
            "rename": lambda: state.rename(it, query.get("name", "")),
        }
        if action not in actions:
            raise Refusal(404, "page not found")
        actions[action]()

    async def _read(
        self, request: web.Request, it: FakeContainer, action: str
    ) -> web.StreamResponse:
        if action == "json":
            return web.json_response(it.inspect())
        if action == "logs":
            return await self._logs(request, it)
        if action == "stats":
            return await write_stats(request, it, self.faults.stats_every)
        if action == "changes":
            return web.json_response([{"Path": "/tmp/new", "Kind": 1}])  # noqa: S108 - a text
        if action == "top":
            if not it.is_up:
                raise Refusal(409, f"Container {it.id} is not running")
            row = ["root", str(it.pid), " ".join(it.command)]
            return web.json_response({"Titles": ["UID", "PID", "CMD"], "Processes": [row]})
        raise Refusal(404, "page not found")

    # -- streams --------------------------------------------------------------------------------

    async def _events(self, request: web.Request) -> web.StreamResponse:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.state.subscribers.add(queue)
        try:
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            if request.query.get("since"):
                for event in self.state.since(to_ns(request.query["since"])):
                    await response.write(json.dumps(event).encode() + b"\n")
            while True:
                event = await queue.get()
                await response.write(json.dumps(event).encode() + b"\n")
        finally:
            self.state.subscribers.discard(queue)

    async def _logs(self, request: web.Request, it: FakeContainer) -> web.StreamResponse:
        query = request.query
        follow = query.get("follow") in ("1", "true")
        stamps = query.get("timestamps") in ("1", "true")
        since = to_ns(query.get("since", "0"))
        lines = [line for line in it.log if line.at_ns >= since]
        if query.get("tail", "all") != "all":
            lines = lines[len(lines) - min(len(lines), int(query["tail"])) :]
        if query.get("until"):
            lines = [line for line in lines if line.at_ns <= to_ns(query["until"])]
        response = web.StreamResponse()
        await response.prepare(request)
        last = it.log[-1] if it.log else None
        while True:
            await response.write(b"".join(log_frame(line, it.tty, stamps) for line in lines))
            while self.faults.freezes:
                await asyncio.sleep(0.05)
            if not follow or not it.is_up:
                return response
            if not lines_behind(it.log, last):
                await it.written.wait()
            lines = lines_behind(it.log, last)
            last = lines[-1] if lines else last
            lines = [line for line in lines if line.at_ns >= since]


@contextmanager
def fake_in_thread(path: str | Path = "", **options: Any) -> Iterator[FakeEngine]:
    """A fake engine on the background loop, for code that blocks."""
    fake = FakeEngine(path, **options)
    run_in_background(fake.start(), 10)
    try:
        yield fake
    finally:
        run_in_background(fake.stop(), 10)


def in_fake(fake: FakeEngine, change: Callable[[], Any]) -> Any:
    """Do something to a fake of ``fake_in_thread`` in its own loop, and wait for it."""

    async def work() -> Any:
        return change()

    return run_in_background(work(), 10)
