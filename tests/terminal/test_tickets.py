"""Tickets of the API: for one socket, soon, and for no more than their holder may."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from fleet.engine.fake import FakeEngine
from fleet.models import ApiToken, AuditEntry, Container, Role, User
from fleet.terminal.tickets import give, take
from fleet.tokens import create_token
from tests.api.conftest import Caller
from tests.live.browser_socket import BACKEND
from tests.terminal.conftest import Term, ended

pytestmark = pytest.mark.django_db(transaction=True)


async def ask_for(secret: str, row: Container, body: Any = None) -> tuple[int, Any]:
    """Ask the API for a ticket."""
    ask = sync_to_async(Caller(secret).call)
    return await ask("POST", f"/containers/{row.pk}/exec", body)


async def token_of(user: User, role: str = "") -> str:
    """Make an API token."""
    narrowed = await Role.objects.aget(name=role) if role else None
    return (await sync_to_async(create_token)(user, "ci", None, narrowed))[1]


async def redeem(term: Term, ticket: str) -> dict[str, Any]:
    """Show a ticket; return what comes first."""
    await term.send("ticket", ticket=ticket, cols=80, rows=24)
    return await term.message()


async def test_a_ticket_opens_one_terminal(
    row: Container, operator: User, fake: FakeEngine
) -> None:
    secret = await token_of(operator)
    status, given = await ask_for(secret, row, {"command": ["ls", "-l"], "user": "app"})
    assert (status, given["expires_in"], given["socket"]) == (201, 30, "/ws/terminal/")
    async with Term(None, origin=None) as term:
        opened = await redeem(term, given["ticket"])
        assert opened["type"] == "opened"
        (process,) = fake.terminals.running
        assert (process.words[-2:], process.user) == (["ls", "-l"], "app")
        await term.type("exit 4\r")
        assert (await term.message("ended"))["exit_code"] == 4
    async with Term(None, origin=None) as again:
        assert (await redeem(again, given["ticket"]))["code"] == "ticket"
    entry = await AuditEntry.objects.filter(action="terminal.open").aget()
    assert (entry.via, entry.actor_name) == ("api", "olga")


async def test_its_terminal_ends_with_the_connection(
    row: Container, operator: User, fake: FakeEngine
) -> None:
    _status, given = await ask_for(await token_of(operator), row)
    async with Term(None, origin=None) as term:
        await redeem(term, given["ticket"])
        assert fake.terminals.running
    await ended(fake)


async def test_its_terminal_ends_with_the_token(
    row: Container, operator: User, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.terminal.session.CHECK_SECONDS", 0.2)
    _status, given = await ask_for(await token_of(operator), row)
    async with Term(None, origin=None) as term:
        await redeem(term, given["ticket"])
        await ApiToken.objects.aupdate(revoked_at=timezone.now())
        end = await term.message("ended")
        assert (end["code"], "token" in end["text"]) == ("rights", True)
    await ended(fake)


async def test_a_ticket_is_not_good_for_ever(row: Container, operator: User) -> None:
    _status, given = await ask_for(await token_of(operator), row)
    await sync_to_async(cache.clear)()
    async with Term(None, origin=None) as term:
        assert (await redeem(term, given["ticket"]))["code"] == "ticket"


async def test_a_ticket_of_a_token_that_was_revoked_is_nothing(
    row: Container, operator: User, fake: FakeEngine
) -> None:
    _status, given = await ask_for(await token_of(operator), row)
    await ApiToken.objects.aupdate(revoked_at=timezone.now())
    async with Term(None, origin=None) as term:
        assert (await redeem(term, given["ticket"]))["code"] == "ticket"
    assert not fake.terminals.execs


async def test_who_may_not_gets_none(
    row: Container, operator: User, viewer: User, stranger: User
) -> None:
    secrets = [
        await token_of(viewer),
        await token_of(stranger),
        await token_of(operator, "viewer"),
    ]
    found = [(await ask_for(secret, row))[0] for secret in secrets]
    assert found == [403, 404, 403]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"command": "sh -c 'oh"}, "command"),
        ({"command": [""]}, "command"),
        ({"user": "a b"}, "user"),
        ({"directory": "x"}, "directory"),
        ({"mode": "host"}, "mode"),
        ({"shell": 1}, "shell"),
    ],
)
async def test_it_names_what_is_wrong(
    row: Container, operator: User, body: Any, field: str
) -> None:
    status, problem = await ask_for(await token_of(operator), row, body)
    assert (status, list(problem["errors"])) == (422, [field])


async def test_a_browser_may_ask_for_one_too(
    row: Container, operator: User, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.terminal.session.CHECK_SECONDS", 0.2)
    client = Client()
    await client.aforce_login(operator, backend=BACKEND)
    path = f"/api/v1/containers/{row.pk}/exec"
    answer = await sync_to_async(client.post)(path, content_type="application/json")
    async with Term(None, origin=None) as term:
        await redeem(term, answer.json()["ticket"])
        await client.alogout()
        assert (await term.message("ended"))["code"] == "rights"
    await ended(fake)


@pytest.mark.parametrize(
    ("body", "typing"),
    [
        ({"mode": "attach"}, False),
        ({"mode": "attach", "typing": True}, True),
        ({"mode": "exec"}, True),
        ({}, True),
        (None, True),
    ],
)
async def test_the_main_process_is_only_looked_at_unless_asked(
    row: Container, operator: User, body: Any, typing: bool
) -> None:
    _status, given = await ask_for(await token_of(operator), row, body)
    taken = await sync_to_async(take)(given["ticket"])
    assert taken is not None and taken.ask.typing is typing


async def test_only_one_of_many_takes_it(row: Container, operator: User) -> None:
    _status, given = await ask_for(await token_of(operator), row)
    found = await asyncio.gather(*(asyncio.to_thread(take, given["ticket"]) for _ in range(8)))
    assert sum(one is not None for one in found) == 1


def test_nothing_of_it_can_be_read_where_it_is_kept(row: Container, operator: User) -> None:
    from fleet.terminal.ask import Ask
    from fleet.terminal.tickets import Ticket, _key

    ask = Ask(command=("mysql", "-phunter2"))
    secret = give(Ticket(operator.pk, row.pk, ask, session_key="the-session"))
    kept = str(cache.get(_key(secret)))
    assert kept and not any(word in kept for word in ("hunter2", "the-session", secret))
    assert secret not in _key(secret)
    found = take(secret)
    assert found is not None and (found.ask, found.session_key) == (ask, "the-session")


async def test_a_page_shows_no_ticket(row: Container, operator: User) -> None:
    async with Term(operator) as term:
        await term.send("ticket", ticket="qt_x")
        assert await term.closed() == 4400


async def test_a_socket_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.terminal.consumer.FIRST_SECONDS", 0.05)
    async with Term(None, origin=None) as term:
        assert await term.closed() == 4401
