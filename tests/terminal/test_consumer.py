"""The socket of a terminal: who may, what they get, how it ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fleet.engine.fake import FakeEngine
from fleet.engine.fake_state import FakeContainer
from fleet.models import AuditEntry, Container, User
from tests.terminal.conftest import Term, entries

pytestmark = pytest.mark.django_db(transaction=True)


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
    async with Term(administrator, origin=None) as term:
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
