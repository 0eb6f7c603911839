"""The server lets go of sockets whose browsers take nothing any more."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from config import web
from tests.waiting import eventually_async

HELLO = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
App = Callable[[Any, Any, Any], Awaitable[None]]


async def gives_up(_scope: Any, _receive: Any, send: Any) -> None:
    """Send until that takes too long, then go."""
    await send({"type": "websocket.accept"})
    try:
        async with asyncio.timeout(0.5):
            while True:
                await send({"type": "websocket.send", "bytes": b"x" * 1_000_000})
    except TimeoutError:
        return


async def waits(_scope: Any, receive: Any, send: Any) -> None:
    """Send something large, and wait for the browser to go."""
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "bytes": b"x" * 9_000_000})
    while (await receive())["type"] != "websocket.disconnect":
        pass


@pytest.mark.parametrize("app", [gives_up, waits])
async def test_a_socket_that_takes_nothing_is_ended(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "CLOSE_SECONDS", 0.2, raising=False)
    config = uvicorn.Config(
        app, port=0, ws=web.WebSocket, lifespan="off", log_config=None,
        ws_per_message_deflate=False, ws_ping_interval=0.2, ws_ping_timeout=0.2,
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(config)
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listening])
        browser = socket.create_connection(listening.getsockname())
        browser.sendall(HELLO)  # and it reads nothing
        connections = server.server_state.connections
        await eventually_async(lambda: server.server_state.tasks, "it is served")
        await eventually_async(lambda: not connections, "it is let go", seconds=8)
        await eventually_async(lambda: not server.server_state.tasks, "its task ends", seconds=8)
        browser.close()
        for one in server.servers:
            one.close()
