"""Terminals in containers of a fake engine, over the real socket without a browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client

from config.asgi import application
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_state import FakeContainer
from fleet.engine.protocol import versions
from fleet.models import AuditEntry, Container, Environment, User
from fleet.terminal.hub import current_terminals
from tests.conftest import make_container, make_host
from tests.live.pages import BACKEND, wait_for_threads

COMMUNICATOR: Any = ApplicationCommunicator  # it has no types
DEADLINE = 10.0
Message = dict[str, Any]


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    """A fake engine in the test's own loop; afterwards no terminal is left."""
    versions._known.clear()
    async with FakeEngine(tmp_path / "fake.sock") as engine:
        yield engine
        sessions = list(current_terminals().sessions.values())
        for session in sessions:
            session.end()
        await asyncio.gather(*(session.task for session in sessions), return_exceptions=True)
    await asyncio.to_thread(wait_for_threads)


@pytest.fixture
def web(fake: FakeEngine) -> FakeContainer:
    """A running container."""
    return fake.state.add("web-1")


@pytest.fixture
def row(fake: FakeEngine, web: FakeContainer, staging: Environment) -> Container:
    """The same as a row, on a host in staging."""
    return make_container(make_host("fake-1", staging, url=fake.url), "web-1", engine_id=web.id)


class Term:
    """One terminal's socket: `async with Term(user) as term:`; None is somebody signed out."""

    def __init__(
        self, user: User | None, *, origin: str = "http://localhost", client: Client | None = None
    ) -> None:
        self.user, self.origin = user, origin
        self.client = client or Client()
        self.output = b""
        self.messages: list[Message] = []
        self.code = 0
        self.session = ""

    async def __aenter__(self) -> Term:
        headers = [(b"host", b"localhost")]
        if self.origin:
            headers.append((b"origin", self.origin.encode()))
        if self.user is not None:
            if settings.SESSION_COOKIE_NAME not in self.client.cookies:
                await self.client.aforce_login(self.user, backend=BACKEND)
            cookie = self.client.cookies[settings.SESSION_COOKIE_NAME].value
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        scope = {
            "type": "websocket",
            "path": "/ws/terminal/",
            "query_string": b"",
            "headers": headers,
            "client": ["127.0.0.1", 5000],
            "subprotocols": [],
        }
        self.socket = COMMUNICATOR(application, scope)
        await self.socket.send_input({"type": "websocket.connect"})
        self.accepted = (await self.socket.receive_output(DEADLINE))["type"] == "websocket.accept"
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.leave()

    async def leave(self) -> None:
        """Close the tab."""
        if not self.socket.future.done():
            await self.socket.send_input({"type": "websocket.disconnect", "code": 1005})
            await self.socket.wait(DEADLINE)

    async def send(self, type: str, **message: Any) -> None:
        """Send a message."""
        await self.send_raw(text=json.dumps({"type": type, **message}))

    async def send_raw(self, **frame: Any) -> None:
        """Send a frame: `text` or `bytes`."""
        await self.socket.send_input({"type": "websocket.receive", **frame})

    async def type(self, text: str) -> None:
        """Type."""
        await self.send_raw(bytes=text.encode())

    async def open(self, container: Container, ask: Any = None, **more: Any) -> Message:
        """Ask for a session; return the first message."""
        await self.send("open", container=container.pk, ask=ask or {}, **more)
        return await self.message()

    async def step(self) -> None:
        """Take one thing that comes."""
        output = await self.socket.receive_output(DEADLINE)
        if output["type"] == "websocket.close":
            self.code = output["code"]
        elif output.get("bytes") is not None:
            self.output += output["bytes"]
        else:
            message: Message = json.loads(output["text"])
            self.messages.append(message)
            self.session = message.get("session", self.session)

    async def until(self, condition: Callable[[Term], bool]) -> None:
        """Return once what came fulfils the condition."""
        while not condition(self):
            await self.step()

    async def message(self, *types: str) -> Message:
        """Return the next message, of one of these types if there are any."""
        seen = len(self.messages)
        while True:
            for message in self.messages[seen:]:
                if not types or message["type"] in types:
                    return message
            seen = len(self.messages)
            await self.step()

    async def shows(self, text: str) -> None:
        """Return once it was written."""
        await self.until(lambda term: text.encode() in term.output)

    async def closed(self) -> int:
        """Return the code with which the socket was closed."""
        await self.until(lambda term: term.code > 0)
        return self.code


async def ended(fake: FakeEngine) -> None:
    """Return once nothing runs in the engine's containers any more."""
    async with asyncio.timeout(DEADLINE):
        while fake.terminals.running:
            await asyncio.sleep(0.02)


async def entries(count: int = 2) -> list[AuditEntry]:
    """Return the audit log of terminals, in its order, once it has so many entries."""
    rows = AuditEntry.objects.filter(action__startswith="terminal.").order_by("number")
    async with asyncio.timeout(5):
        while len(found := [entry async for entry in rows.all()]) < count:
            await asyncio.sleep(0.02)
    return found
