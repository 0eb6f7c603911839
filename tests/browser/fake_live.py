"""A small web server that plays Quayside's side of the live protocol, as a test tells it to."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.typedefs import Middleware

__all__ = ["STATIC", "FakeLive", "Middleware", "row", "row_with_menu"]
STATIC = Path(__file__).resolve().parents[2] / "static"
DEADLINE = 10
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/css/tokens.css">
<link rel="stylesheet" href="/static/css/table.css">
<script type="module" src="/static/js/app.js"></script></head>
<body data-live="/ws/live/" data-sign-in="/sign-in/">
<main data-live-topic="containers" data-live-args="state=running">
<p id="count" data-live-fragment data-rev="1">%(count)d</p>
<table class="grid-table"><tbody id="rows" data-live-list>%(rows)s</tbody></table></main>
<div id="row-menu" popover data-menu><button form="act" data-act="start"><i class="qi qi-start"></i>
Start</button><button form="act" data-act="stop"><i class="qi qi-stop"></i>Stop</button></div>
<ol id="toasts"></ol>
<script type="application/json" id="words">{"moved_one": "1 row", "moved": "{n} rows",
"chosen": "{n} chosen", "all_match": "all {n} that match",
"act_on": "{verb} {name} on {host}"}</script>
</body></html>"""


def row_with_menu(number: int, rev: str, clicks: str) -> str:
    """Return a row whose link names what one click may do."""
    return (
        f'<tr id="c-{number}" data-rev="{rev}"><td class="name"><a href="/c/{number}/">web</a></td>'
        f'<td class="acts"><a class="row-act" href="/c/{number}/" data-row-menu'
        f' data-acts="{clicks}"'
        f' data-clicks="{clicks}" data-name="web" data-host="h1"></a></td></tr>'
    )


def row(number: int, rev: str = "1", state: str = "running") -> str:
    """Return a row's HTML."""
    return (
        f'<tr id="c-{number}" data-rev="{rev}"><td><input type="checkbox" name="id"'
        f' value="{number}" data-tick></td><td class="name"><a href="/c/{number}/">web-{number}</a>'
        f'</td><td class="state">{state}</td><td><button formaction="/c/{number}/stop/">Stop'
        "</button></td></tr>"
    )


class FakeLive:
    """The server, in its own thread. `rows` is what a page shows when it is loaded."""

    def __init__(self) -> None:
        self.rows = {f"c-{number}": row(number) for number in range(1, 6)}
        self.received: queue.Queue[dict[str, Any]] = queue.Queue()
        self.refusing = False
        self.auto_ready = True
        self.url = ""
        self._sockets: list[web.WebSocketResponse] = []
        self._readers: set[web.WebSocketResponse] = set()  # who has opened a stream
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Listen on a free port."""
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(DEADLINE)
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """Stop listening."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(DEADLINE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)

    def send(self, **message: Any) -> None:
        """Send to every page."""
        asyncio.run_coroutine_threadsafe(self._send(message), self._loop).result(DEADLINE)

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message to all who have opened a stream."""
        asyncio.run_coroutine_threadsafe(self._send_bytes(data), self._loop).result(DEADLINE)

    def update(self, *, order: list[int] | None = None, **rows: str) -> None:
        """Send rows (c_3=html) and an order."""
        changed = {name.replace("_", "-"): html for name, html in rows.items()}
        lists = {} if order is None else {"rows": [f"c-{number}" for number in order]}
        self.send(type="update", topic="containers", set=changed, lists=lists)

    def cut(self, code: int = 1001) -> None:
        """Close every socket."""
        asyncio.run_coroutine_threadsafe(self._cut(code), self._loop).result(DEADLINE)

    def expect(self, kind: str) -> dict[str, Any]:
        """Return the next message of this type. Raises queue.Empty when none comes."""
        while True:
            message = self.received.get(timeout=DEADLINE)
            if message["type"] == kind:
                return message

    def middlewares(self) -> list[Middleware]:
        """Return what stands before the pages."""
        return []

    async def _listen(self) -> int:
        app = web.Application(middlewares=self.middlewares())
        app.router.add_get("/", self._page)
        app.router.add_get("/sign-in/", self._sign_in)
        app.router.add_get("/ws/live/", self._socket)
        app.router.add_post("/{form:.*}", self._form)
        app.router.add_static("/static/", STATIC)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        port: int = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        return port

    async def _page(self, _request: web.Request) -> web.Response:
        body = PAGE % {"count": len(self.rows), "rows": "".join(self.rows.values())}
        return web.Response(text=body, content_type="text/html")

    async def _sign_in(self, _request: web.Request) -> web.Response:
        return web.Response(text="<h1>Sign in</h1>", content_type="text/html")

    async def _form(self, _request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.refusing:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        async for frame in socket:
            if frame.type != WSMsgType.TEXT:
                break
            message = json.loads(frame.data)
            self.received.put(message)
            if message["type"] == "stream.open":
                self._readers.add(socket)
            if message["type"] == "subscribe" and self.auto_ready:
                await socket.send_str(json.dumps({"type": "ready"}))
        self._sockets.remove(socket)
        self._readers.discard(socket)
        return socket

    async def _send(self, message: dict[str, Any]) -> None:
        for socket in self._sockets:
            await socket.send_str(json.dumps(message))

    async def _send_bytes(self, data: bytes) -> None:
        for socket in self._readers:
            await socket.send_bytes(data)

    async def _cut(self, code: int) -> None:
        for socket in list(self._sockets):
            await socket.close(code=code)
