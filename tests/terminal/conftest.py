"""Terminals in containers of a fake engine, over the real socket without a browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from fleet.engine.fake import FakeEngine
from fleet.engine.fake_state import FakeContainer
from fleet.engine.protocol import versions
from fleet.models import AuditEntry, Container, Environment, User
from fleet.terminal.hub import current_terminals
from tests.conftest import make_container, make_host
from tests.live.browser_socket import DEADLINE, BrowserSocket
from tests.live.pages import wait_for_threads

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


class Term(BrowserSocket):
    """One terminal's socket: `async with Term(user) as term:`; None is somebody signed out."""

    path = "/ws/terminal/"

    def __init__(
        self,
        user: User | None,
        *,
        origin: str | None = "http://localhost",
        client: Client | None = None,
    ) -> None:
        super().__init__(user, origin=origin, client=client)
        self.output = b""
        self.messages: list[Message] = []
        self.code = 0
        self.session = ""

    async def send(self, type: str, **message: Any) -> None:
        """Send a message."""
        await self.send_raw(text=json.dumps({"type": type, **message}))

    async def type(self, text: str) -> None:
        """Type."""
        await self.send_raw(bytes=text.encode())

    async def open(self, container: Container, ask: Any = None, **more: Any) -> Message:
        """Ask for a session; return the first message."""
        await self.send("open", container=container.pk, ask=ask or {}, **more)
        return await self.message()

    async def step(self) -> None:
        """Take one thing that comes."""
        output = await self.receive()
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
