"""How long a terminal lives: reloads, other tabs, rights, and viewers that are slow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dashboard.live.hub import current_hub
from fleet.engine.fake import FakeEngine
from fleet.models import Container, User
from fleet.publish import AccessChanged
from fleet.terminal.hub import current_terminals, end_terminals
from fleet.terminal.view import WINDOW
from tests.terminal.conftest import Term, ended, entries
from tests.terminal.losses import LOSSES, lose_grant

pytestmark = pytest.mark.django_db(transaction=True)


# --- Coming back ----------------------------------------------------------------------------


async def test_it_survives_a_reload(row: Container, operator: User, fake: FakeEngine) -> None:
    async with Term(operator) as term:
        await term.open(row)
        await term.type("before\r")
        await term.shows("before")
    async with Term(operator, client=term.client) as again:
        await again.send("join", session=term.session, cols=90, rows=20)
        assert (await again.message())["type"] == "opened"
        replay = await again.message("replay")
        await again.until(lambda one: len(one.output) >= replay["bytes"])
        assert b"before" in again.output
        await again.type("after\r")
        await again.shows("after")
        assert len(fake.terminals.running) == 1
        await again.send("end")
        assert (await again.message("ended"))["code"] == "closed"
    await ended(fake)


async def test_only_its_owner_comes_back(
    row: Container, operator: User, administrator: User
) -> None:
    async with Term(operator) as term:
        await term.open(row)
        async with Term(administrator) as other:
            await other.send("join", session=term.session)
            assert (await other.message())["code"] == "unknown"


async def test_a_second_tab_takes_it(row: Container, operator: User) -> None:
    async with Term(operator) as first:
        await first.open(row)
        async with Term(operator, client=first.client) as second:
            await second.send("join", session=first.session)
            await second.message("opened")
            assert (await first.message("taken"))["type"] == "taken"
            await first.closed()
            await first.leave()
            await second.type("mine")
            await second.shows("mine")


async def test_it_ends_when_the_tab_is_gone_for_long(
    row: Container, operator: User, fake: FakeEngine, settings: Any
) -> None:
    settings.TERMINAL_KEEP_SECONDS = 0.2
    async with Term(operator) as term:
        await term.open(row)
        assert fake.terminals.running
    await ended(fake)
    async with Term(operator, client=term.client) as again:
        await again.send("join", session=term.session)
        end = await again.message("ended", "problem")
        assert end["code"] == "left"
    assert (await entries())[-1].detail["why"] == "left"


async def test_it_ends_when_nothing_is_typed(
    row: Container, operator: User, fake: FakeEngine, settings: Any
) -> None:
    settings.TERMINAL_IDLE_SECONDS = 2
    async with Term(operator) as term:
        await term.open(row)
        assert (await term.message("idle"))["seconds"] <= 1
        assert (await term.message("ended"))["code"] == "idle"
    await ended(fake)


async def test_it_ends_with_the_web_process(
    row: Container, operator: User, fake: FakeEngine
) -> None:
    async with Term(operator) as term:
        await term.open(row)
        await end_terminals()
        assert (await term.message("ended"))["code"] == "stopped"
        assert not fake.terminals.running
    assert (await entries())[-1].detail["why"] == "stopped"


# --- Rights ---------------------------------------------------------------------------------


async def test_it_ends_within_five_seconds(row: Container, operator: User) -> None:
    async with Term(operator) as term:
        await term.open(row)
        await lose_grant(operator, None)
        async with asyncio.timeout(5):
            await term.message("ended")


async def test_it_ends_at_once_when_it_is_told(
    row: Container, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.terminal.session.CHECK_SECONDS", 60)
    async with Term(operator) as term:
        await term.open(row)
        await lose_grant(operator, None)
        await current_hub().hear(AccessChanged())
        assert (await term.message("ended"))["code"] == "rights"


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights are looked at all the time."""
    monkeypatch.setattr("fleet.terminal.session.CHECK_SECONDS", 0.2)


@pytest.mark.parametrize("lose", LOSSES, ids=lambda one: one.__name__)
async def test_it_ends_without_the_right(
    row: Container, operator: User, fake: FakeEngine, often: None, lose: Any
) -> None:
    async with Term(operator) as term:
        await term.open(row)
        await term.shows("$ ")
        await lose(operator, term.client)
        assert (await term.message("ended"))["code"] == "rights"
        await term.closed()
    await ended(fake)
    assert (await entries())[-1].detail["why"] == "rights"


async def test_it_ends_without_the_right_when_nobody_looks(
    row: Container, operator: User, fake: FakeEngine, often: None
) -> None:
    async with Term(operator) as term:
        await term.open(row)
    await lose_grant(operator, None)
    await ended(fake)


# --- Back-pressure --------------------------------------------------------------------------


async def test_a_viewer_that_shows_nothing_makes_the_process_wait(
    row: Container, operator: User
) -> None:
    async with Term(operator) as term:
        await term.open(row, acks=True)
        await term.type("flood 4000\r")
        await term.until(lambda one: len(one.output) >= WINDOW)
        assert await term.socket.receive_nothing(timeout=0.3)
        assert len(term.output) < WINDOW + 300 * 1024
        while b"x\r\n$ " not in term.output[-8:]:
            before = len(term.output)
            await term.send("shown", bytes=before)
            await term.until(lambda one: len(one.output) > before)  # noqa: B023
        assert len(term.output) > 4000 * 1024


async def test_a_viewer_that_lies_makes_nothing_grow(row: Container, operator: User) -> None:
    async with Term(operator) as term:
        await term.open(row, acks=True)
        (session,) = current_terminals().sessions.values()
        assert session._view is not None
        loose = asyncio.Event()  # until then its sender is stuck, as with a frozen browser
        view, taking = session._view, session._view.next

        async def stuck() -> Any:
            await loose.wait()
            return await taking()

        view.next = stuck  # type: ignore[method-assign]
        await term.type("flood 4000\r")
        most = 0
        for _ in range(40):
            await term.send("shown", bytes=10**12)
            await asyncio.sleep(0.01)
            most = max(most, sum(len(item) for item in view._items if isinstance(item, bytes)))
        assert WINDOW / 2 < most < WINDOW + 300 * 1024
        loose.set()
