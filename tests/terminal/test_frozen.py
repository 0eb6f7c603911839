"""A browser that is there and takes nothing: a tab that the system has suspended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from django.test import Client
from websockets.asyncio.client import connect
from websockets.typing import Origin

from config.web import WebSocket
from dashboard.live import socket as socket_module
from dashboard.live.hub import current_hub
from fleet.models import Container, User
from fleet.terminal.hub import current_terminals
from tests.live.browser_socket import BACKEND
from tests.live.test_frozen import Freezer, freezer
from tests.terminal.conftest import Term

__all__ = ["freezer"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_is_left_and_can_be_come_back_to(
    row: Container, operator: User, freezer: Freezer
) -> None:
    async with Term(operator) as term:
        await term.open(row, acks=True)
        await term.shows("$ ")
        (session,) = current_terminals().sessions.values()
        freezer.frozen = True
        await term.type("hello\r")
        async with asyncio.timeout(5):
            while not session.is_left or current_hub().viewers:
                await asyncio.sleep(0.02)
        freezer.frozen = False
        async with Term(operator, client=term.client) as again:
            await again.send("join", session=term.session)
            await again.shows("hello")
    assert session.over is None


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """Quayside behind the real web server; yields its address."""
    config = uvicorn.Config(
        "config.asgi:application", port=0, ws=WebSocket, lifespan="off",
        log_config=None, ws_per_message_deflate=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


async def test_over_a_real_connection_whose_reader_stands_still(
    row: Container, operator: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.TERMINAL_KEEP_SECONDS = 0.2
    monkeypatch.setattr(socket_module, "SEND_SECONDS", 0.5)
    client = Client()
    await client.aforce_login(operator, backend=BACKEND)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    ask = {"command": "sh", "user": "app"}
    async with (
        served() as address,
        connect(
            f"ws://{address}/ws/terminal/",
            origin=Origin(f"http://{address}"),
            additional_headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"},
            max_queue=1,  # then it reads no more
            ping_interval=None,
        ) as socket,
    ):
        await socket.send(json.dumps({"type": "open", "container": row.pk, "ask": ask}))
        await socket.recv()
        (session,) = current_terminals().sessions.values()
        await socket.send(b"flood 60000\r")
        async with asyncio.timeout(20):
            await asyncio.shield(session.task)
        assert session.over is not None and session.over.code == "left"
        socket.transport.abort()
