"""A socket that waits before it asks: what counts is what its user may do when it asks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from dashboard.live.hub import current_hub
from fleet.engine.fake import FakeEngine
from fleet.models import AuditEntry, Container, User
from fleet.terminal.hub import current_terminals
from tests.live.browser_socket import BACKEND
from tests.terminal.conftest import Term, ended
from tests.terminal.losses import (
    LOSSES,
    lose_account,
    lose_grant,
    lose_password,
    lose_session,
)

pytestmark = pytest.mark.django_db(transaction=True)
ENDS_OF_LOGINS = [lose_account, lose_session, lose_password]


def by_name(one: Any) -> str:
    return str(one.__name__)


async def waiting(term: Term) -> None:
    """Return once Quayside has read who it is."""
    await term.send("ping")
    await term.message("pong")


async def last_words(term: Term) -> None:
    """Return once the socket is closed."""
    async with asyncio.timeout(5):
        await term.closed()


@pytest.mark.parametrize("lose", LOSSES, ids=by_name)
async def test_it_opens_nothing_when_the_right_is_gone(
    row: Container, operator: User, fake: FakeEngine, lose: Any
) -> None:
    async with Term(operator) as term:
        await waiting(term)
        await lose(operator, term.client)  # nobody has told the hub yet
        await term.send("open", container=row.pk)
        await last_words(term)
    assert not fake.terminals.execs
    assert not [one for one in term.messages if one["type"] == "opened"]
    assert (term.code == 4401) is (lose in ENDS_OF_LOGINS)
    assert not await AuditEntry.objects.filter(action="terminal.open").aexists()


@pytest.mark.parametrize("lose", ENDS_OF_LOGINS, ids=by_name)
async def test_it_is_closed_when_its_login_ends(
    row: Container, operator: User, fake: FakeEngine, lose: Any
) -> None:
    async with Term(operator) as term:
        await waiting(term)
        await lose(operator, term.client)
        await current_hub().check_rights()
        await term.send("open", container=row.pk)
        await last_words(term)
    assert (term.code, term.messages[-1]["type"]) == (4401, "bye")
    assert not fake.terminals.execs


async def test_a_slow_host_begins_nothing_that_goes_on_without_the_right(
    row: Container, operator: User, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.terminal.session.CHECK_SECONDS", 60)
    monkeypatch.setattr("dashboard.live.hub.RIGHTS_SECONDS", 60)
    fake.faults.slow = 0.2
    async with Term(operator) as term:
        await term.send("open", container=row.pk)
        async with asyncio.timeout(5):
            while not current_terminals().sessions:
                await asyncio.sleep(0.01)
        await lose_grant(operator, term.client)
        assert (await term.message("ended"))["code"] == "rights"
    await ended(fake)


@pytest.mark.parametrize("lose", ENDS_OF_LOGINS, ids=by_name)
async def test_nobody_comes_back_without_a_login(row: Container, operator: User, lose: Any) -> None:
    async with Term(operator) as term:
        await term.open(row)
        await term.type("secret\r")
        await term.shows("secret")
        async with Term(operator, client=term.client) as late:
            await waiting(late)
            await lose(operator, term.client)
            await late.send("join", session=term.session)
            await last_words(late)
        assert (late.code, late.output) == (4401, b"")


async def test_who_came_by_another_login_goes_with_it(
    row: Container, operator: User, fake: FakeEngine
) -> None:
    async with Term(operator) as first, Term(operator) as second:
        await first.open(row)
        await second.send("join", session=first.session)
        await second.message("opened")
        await lose_session(operator, second.client)
        await current_hub().check_rights()
        end = await second.message("ended")
        assert (end["code"], "you signed out" in end["text"]) == ("rights", True)
        await last_words(second)
        assert fake.terminals.running  # the first login is as good as before
        async with Term(operator, client=first.client) as again:
            await again.send("join", session=first.session)
            assert (await again.message())["type"] == "opened"


@pytest.mark.parametrize("lose", LOSSES, ids=by_name)
async def test_a_ticket_is_worth_what_its_login_is(
    row: Container, operator: User, fake: FakeEngine, lose: Any
) -> None:
    client = Client()
    await client.aforce_login(operator, backend=BACKEND)
    path = f"/api/v1/containers/{row.pk}/exec"
    answer = await sync_to_async(client.post)(path, content_type="application/json")
    async with Term(None, origin=None) as term:
        await lose(operator, client)
        await term.send("ticket", ticket=answer.json()["ticket"])
        problem = await term.message()
    assert problem["type"] == "problem"
    assert (problem["code"] == "ticket") is (lose in ENDS_OF_LOGINS)
    assert not fake.terminals.execs
