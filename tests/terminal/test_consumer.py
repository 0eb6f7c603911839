"""The socket of a terminal: who may, what they get, how it ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.contrib.sessions.models import Session

from dashboard.live.hub import current_hub
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_state import FakeContainer
from fleet.models import AuditEntry, Container, Grant, Host, HostState, User
from fleet.publish import AccessChanged
from fleet.terminal.hub import end_terminals
from fleet.terminal.view import WINDOW
from tests.terminal.conftest import Term, ended

pytestmark = pytest.mark.django_db(transaction=True)


async def entries(count: int = 2) -> list[AuditEntry]:
    """Return the audit log of terminals, in its order, once it has so many entries."""
    rows = AuditEntry.objects.filter(action__startswith="terminal.").order_by("number")
    async with asyncio.timeout(5):
        while len(found := [entry async for entry in rows.all()]) < count:
            await asyncio.sleep(0.02)
    return found


# --- Who ------------------------------------------------------------------------------------


async def test_nobody_gets_nothing(row: Container) -> None:
    async with Term(None) as term:
        assert await term.closed() == 4401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:81"])
async def test_pages_of_other_sites_get_nothing(administrator: User, origin: str) -> None:
    async with Term(administrator, origin=origin) as term:
        assert not term.accepted


async def test_a_cookie_without_an_origin_opens_nothing(
    administrator: User, row: Container
) -> None:
    async with Term(administrator, origin="") as term:
        await term.send("open", container=row.pk)
        assert await term.closed() == 4400


async def test_a_viewer_is_refused_and_that_is_written_down(row: Container, viewer: User) -> None:
    async with Term(viewer) as term:
        problem = await term.open(row)
        assert (problem["type"], problem["code"]) == ("problem", "refused")
        assert "Run commands in containers" in problem["text"]
        assert await term.closed() == 1000
    entry = await AuditEntry.objects.aget(action="container.exec")
    assert (entry.result, entry.actor_name, entry.target_name) == ("refused", "vera", "web-1")


async def test_strangers_learn_of_no_container(
    row: Container, stranger: User, fake: FakeEngine
) -> None:
    async with Term(stranger) as term:
        problem = await term.open(row)
    async with Term(stranger) as other:
        row.pk = 10**9
        missing = await other.open(row)
    assert problem == missing
    assert problem["code"] == "unknown"
    assert not fake.terminals.execs


async def test_operators_and_administrators_get_it(
    row: Container, operator: User, administrator: User
) -> None:
    for user in (operator, administrator):
        async with Term(user) as term:
            opened = await term.open(row)
            assert (opened["type"], opened["name"], opened["typing"]) == ("opened", "sh", True)


# --- What they get --------------------------------------------------------------------------


async def test_it_types_sizes_and_ends_with_a_code(
    row: Container, operator: User, fake: FakeEngine
) -> None:
    async with Term(operator) as term:
        await term.open(row, cols=100, rows=30)
        await term.shows("$ ")
        await term.send("resize", cols=132, rows=43)
        (process,) = fake.terminals.running
        async with asyncio.timeout(5):
            while process.size != (132, 43):
                await asyncio.sleep(0.01)
        await term.type("hello")
        await term.shows("hello")
        await term.type("\rexit 3\r")
        end = await term.message("ended")
        assert (end["code"], end["exit_code"]) == ("exited", 3)
        assert await term.closed() == 1000


async def test_opening_and_closing_are_written_down_but_nothing_typed(
    row: Container, operator: User
) -> None:
    async with Term(operator) as term:
        await term.open(row, {"user": "app", "directory": "/srv"})
        await term.type("my-secret\rexit 0\r")
        await term.message("ended")
        await term.closed()
    opened, closed = await entries()
    assert (opened.action, opened.actor_name, opened.target_name) == (
        "terminal.open", "olga", "web-1",
    )  # fmt: skip
    assert opened.detail == {"mode": "exec", "user": "app", "directory": "/srv"}
    seconds = closed.detail.pop("seconds")
    assert 0 <= seconds < 10
    assert closed.detail == {
        "mode": "exec", "user": "app", "directory": "/srv", "command": "sh",
        "why": "exited", "exit_code": 0,
    }  # fmt: skip
    assert "my-secret" not in json.dumps([opened.detail, closed.detail])


async def test_it_runs_a_command(row: Container, operator: User, fake: FakeEngine) -> None:
    async with Term(operator) as term:
        await term.open(row, {"command": "psql --password=hunter2 'a b'"})
    (process,) = fake.terminals.execs.values()
    assert process.words[-3:] == ["psql", "--password=hunter2", "a b"]
    assert "hunter2" not in json.dumps([entry.detail for entry in await entries(1)])


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ({"command": "sh -c 'oh"}, "A quote is not closed."),
        ({"user": "--privileged"}, "Write a user"),
        ({"directory": "srv"}, "begins with a slash"),
        ({"shell": True}, "no parameter of this name"),
        ({"mode": "host"}, "Choose one of"),
    ],
)
async def test_it_says_what_is_wrong_with_what_was_asked(
    row: Container, operator: User, ask: Any, words: str
) -> None:
    async with Term(operator) as term:
        problem = await term.open(row, ask)
    assert (problem["type"], problem["code"]) == ("problem", "invalid")
    assert words in problem["text"]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", '{"type": "open"}', '{"type": "open", "container": -1}',
        '{"type": "ticket", "ticket": "qt_x"}', '{"type": "resize", "cols": 0}', '{"type": "x"}',
        '{"type": "shown", "bytes": -5}', '{"type": "ping", "a": "' + "x" * 70_000 + '"}',
    ],
)  # fmt: skip
async def test_it_closes_on_what_no_page_sends(operator: User, text: str) -> None:
    async with Term(operator) as term:
        await term.send_raw(text=text)
        assert await term.closed() == 4400


async def test_it_closes_on_a_second_first_message(row: Container, operator: User) -> None:
    async with Term(operator) as term:
        await term.open(row)
        await term.send("open", container=row.pk)
        assert await term.closed() == 4400


async def test_it_answers_a_ping(operator: User) -> None:
    async with Term(operator) as term:
        await term.send("ping")
        assert await term.message() == {"type": "pong"}


# --- Why there is none ----------------------------------------------------------------------


async def test_it_says_that_there_is_no_shell(
    row: Container, operator: User, fake: FakeEngine
) -> None:
    fake.terminals.has_shell = False
    async with Term(operator) as term:
        problem = await term.open(row)
    assert problem["code"] == "no_shell"
    assert "has no shell" in problem["text"] and "command" in problem["text"]
    _opened, closed = await entries()
    assert (closed.detail["why"], closed.result) == ("no_shell", "failed")


async def test_it_says_what_the_container_does_not_do(
    row: Container, operator: User, fake: FakeEngine, web: FakeContainer
) -> None:
    found = []
    for change in (fake.state.pause, fake.state.unpause, fake.state.stop, None):
        if change:
            change(web)
        else:
            fake.state.remove(web, True)
        async with Term(operator) as term:
            message = await term.open(row)
            found.append(message.get("code", message["type"]))
    assert found == ["paused", "opened", "not_running", "removed"]


async def test_it_says_that_the_host_is_away(
    row: Container, operator: User, fake: FakeEngine
) -> None:
    await fake.stop()
    async with Term(operator) as term:
        problem = await term.open(row)
    assert problem["code"] == "away"
    assert "The host does not answer" in problem["text"]


async def test_it_says_that_the_host_went_away(
    row: Container, operator: User, fake: FakeEngine
) -> None:
    async with Term(operator) as term:
        await term.open(row)
        await term.shows("$ ")
        fake.cut()
        end = await term.message("ended")
    assert end["code"] in ("lost", "exited")
    assert (await entries())[-1].detail["why"] == end["code"]


async def test_it_lets_nobody_have_too_many(row: Container, operator: User, settings: Any) -> None:
    settings.TERMINALS_PER_USER = 1
    async with Term(operator) as first, Term(operator) as second:
        assert (await first.open(row))["type"] == "opened"
        assert (await second.open(row))["code"] == "too_many"


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


async def lose_grant(user: User, client: Any) -> None:
    await Grant.objects.filter(user=user).adelete()


async def lose_account(user: User, client: Any) -> None:
    await User.objects.filter(pk=user.pk).aupdate(is_active=False)


async def lose_session(user: User, client: Any) -> None:
    await Session.objects.all().adelete()


async def lose_password(user: User, client: Any) -> None:
    user.set_password("another horse battery")
    await user.asave()


async def lose_host(user: User, client: Any) -> None:
    await Host.objects.aupdate(state=HostState.DISABLED)


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


LOSSES = [lose_grant, lose_account, lose_session, lose_password, lose_host]


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
