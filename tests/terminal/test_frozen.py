"""A browser that is there and takes nothing: a tab that the system has suspended."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dashboard.live.hub import current_hub
from dashboard.terminal import consumer
from fleet.models import Container, User
from fleet.terminal.hub import current_terminals
from tests.terminal.conftest import Term

pytestmark = pytest.mark.django_db(transaction=True)


class Line:
    """Between the server and all browsers; `taken` is what they were sent."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def send(self, socket: Any, *given: Any, **named: Any) -> None:
        """In place of the consumer's own."""
        await self.goes_on.wait()
        await SEND(socket, *given, **named)

    async def close(self, socket: Any, *given: Any, **named: Any) -> None:
        """A close waits for its turn, too."""
        await self.goes_on.wait()
        await CLOSE(socket, *given, **named)


SEND, CLOSE = consumer.TerminalConsumer.send, consumer.TerminalConsumer.close


@pytest.fixture
async def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    found = Line()
    monkeypatch.setattr(consumer, "SEND_SECONDS", 0.3)
    for name, work in (("send", found.send), ("close", found.close)):

        async def passed(socket: Any, *given: Any, _work: Any = work, **named: Any) -> None:
            await _work(socket, *given, **named)

        monkeypatch.setattr(consumer.TerminalConsumer, name, passed)
    return found


async def test_it_is_left_and_can_be_come_back_to(
    row: Container, operator: User, line: Line
) -> None:
    async with Term(operator) as term:
        await term.open(row, acks=True)
        await term.shows("$ ")
        (session,) = current_terminals().sessions.values()
        line.goes_on.clear()
        await term.type("hello\r")
        async with asyncio.timeout(5):
            while not session.is_left or current_hub().viewers:
                await asyncio.sleep(0.02)
        line.goes_on.set()
        assert await term.closed() == 1013
        async with Term(operator, client=term.client) as again:
            await again.send("join", session=term.session)
            await again.shows("hello")
    assert session.over is None
