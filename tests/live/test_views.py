"""Which view a page looks at, whatever happens while the hub waits for another one to end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import DatabaseError
from django.http import QueryDict

from dashboard.live import view as view_module
from dashboard.live.difference import Known
from dashboard.live.hub import LiveHub, current_hub
from dashboard.live.rights import Rights
from dashboard.live.topics.base import TOPICS, Snapshot, Topic
from dashboard.live.view import Seer, View
from dashboard.live.viewer import Viewer
from fleet.actor import Actor, actor_for
from fleet.models import User
from fleet.publish import Hint
from fleet.reach import Access
from tests.live.pages import Page
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


class Blank(Topic):
    """Shows nothing."""

    name = "test-blank"

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Never."""
        return False

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return nothing."""
        return Snapshot({})


class SlowEnd:
    """Makes views wait in `close`, as one does that is being loaded."""

    def __init__(self) -> None:
        self.entered, self.free = asyncio.Event(), asyncio.Event()

    async def close(self, view: View) -> None:
        """Wait before closing."""
        self.entered.set()
        await self.free.wait()
        await CLOSE(view)


CLOSE = View.close


@pytest.fixture
async def slow(monkeypatch: pytest.MonkeyPatch) -> SlowEnd:
    """Let no view end for now."""
    slow = SlowEnd()
    monkeypatch.setitem(TOPICS, Blank.name, Blank())
    monkeypatch.setattr(View, "close", lambda view: slow.close(view))
    return slow


@pytest.fixture
def page(administrator: User) -> Viewer:
    """A page of somebody who may do everything."""
    return page_of(Seer(actor_for(administrator), "en", "localhost"))


def page_of(seer: Seer) -> Viewer:
    """Return a page."""

    async def send(_text: str) -> None:
        """Take it."""

    return Viewer(seer, session_key="session", session_hash="hash", send=send)


def rights_now(page: Viewer, access: Access, *, sessions: Any = ("session",)) -> Rights:
    """Return what is read for the page."""
    user = page.seer.actor.user
    assert user is not None
    return Rights({user.pk: user}, {user.pk: access}, frozenset(sessions), {user.pk: "hash"})


def is_of_its_rights(hub: LiveHub, page: Viewer) -> bool:
    """Whether the page looks at what its user may see now, and nothing else is kept."""
    (subscription,) = page.subscriptions.values()
    (view,) = hub.views.values()
    assert view.subscriptions == {subscription}
    return subscription.view is view and view.seer.actor.access == page.seer.actor.access


async def begin(hub: LiveHub, page: Viewer, args: str = "") -> None:
    """Follow the topic."""
    hub.viewers.add(page)
    await hub.follow(page, Blank.name, args, Known())


async def turning(hub: LiveHub, page: Viewer, slow: SlowEnd) -> asyncio.Task[None]:
    """Let a page turn to something else; what it looked at takes its time to end."""
    await begin(hub, page, "a")
    following = asyncio.create_task(hub.follow(page, Blank.name, "b", Known()))
    await slow.entered.wait()
    return following


async def test_rights_that_change_while_a_page_turns_to_something_else(
    page: Viewer, slow: SlowEnd
) -> None:
    hub = LiveHub()
    following = await turning(hub, page, slow)
    judging = asyncio.create_task(hub._judge(page, rights_now(page, Access()), False))
    await eventually_async(lambda: page.seer.actor.access == Access(), "the rights have changed")
    slow.free.set()
    await asyncio.gather(following, judging)
    assert is_of_its_rights(hub, page)


async def test_a_page_that_goes_while_it_turns_to_something_else(
    page: Viewer, slow: SlowEnd
) -> None:
    hub = LiveHub()
    following = await turning(hub, page, slow)
    judging = asyncio.create_task(hub._judge(page, rights_now(page, Access(), sessions=()), False))
    await eventually_async(lambda: not hub.viewers, "it has left")
    slow.free.set()
    await asyncio.gather(following, judging)
    assert len(hub.views) == 0


async def test_a_page_that_goes_while_it_gets_other_rights(page: Viewer, slow: SlowEnd) -> None:
    hub = LiveHub()
    await begin(hub, page)
    judging = asyncio.create_task(hub._judge(page, rights_now(page, Access()), False))
    await slow.entered.wait()
    leaving = asyncio.create_task(hub.leave(page))
    await eventually_async(lambda: not hub.viewers, "it has left")
    slow.free.set()
    await asyncio.gather(judging, leaving)
    assert len(hub.views) == 0


async def test_a_page_that_turns_to_something_else_while_it_gets_other_rights(
    page: Viewer, slow: SlowEnd
) -> None:
    hub = LiveHub()
    await begin(hub, page, "a")
    judging = asyncio.create_task(hub._judge(page, rights_now(page, Access()), False))
    await slow.entered.wait()
    following = asyncio.create_task(hub.follow(page, Blank.name, "b", Known()))
    slow.free.set()
    await asyncio.gather(judging, following)
    assert is_of_its_rights(hub, page)
    assert page.subscriptions[Blank.name].view.args == "b"


async def test_a_page_that_has_left_follows_nothing_any_more(page: Viewer, slow: SlowEnd) -> None:
    hub = LiveHub()
    await hub.follow(page, Blank.name, "", Known())
    assert (len(hub.views), page.subscriptions) == (0, {})


async def test_pages_of_equal_rights_share_a_view_until_the_last_one_goes(
    page: Viewer, slow: SlowEnd
) -> None:
    hub, other = LiveHub(), page_of(page.seer)
    slow.free.set()
    await begin(hub, page)
    await begin(hub, other)
    assert len(hub.views) == 1
    await hub.leave(page)
    assert len(hub.views) == 1
    await hub.leave(other)
    assert len(hub.views) == 0


class Away(Blank):
    """Cannot be loaded while the database is away."""

    name = "test-away"
    away = False
    loads = 0

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Count, and fail."""
        type(self).loads += 1
        if type(self).away and not args.get("well"):
            raise DatabaseError("the database is away")
        return super().load(actor, args)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> type[Away]:
    """Offer the topic."""
    Away.away, Away.loads = False, 0
    monkeypatch.setitem(TOPICS, Away.name, Away())
    monkeypatch.setattr(view_module, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(view_module, "LONGEST_SECONDS", 0.05)
    return Away


def the_view() -> View:
    """Return the one that there is."""
    (view,) = current_hub().views.values()
    return view


async def test_a_page_says_that_it_is_late_while_it_cannot_be_loaded(
    administrator: User, away: type[Away], caplog: pytest.LogCaptureFixture
) -> None:
    async with Page(administrator) as page:
        await page.follow(topic=Away.name)
        away.away, loads = True, away.loads
        the_view().touch()
        await page.shows(lambda page: page.late)
        async with Page(administrator) as other:
            await other.send(type="subscribe", topics=[{"topic": Away.name}])
            await other.shows(lambda page: page.late)
            await eventually_async(lambda: away.loads > loads + 4, "it tries again")
        away.away = False
        await page.shows(lambda page: not page.late)
    assert sum("live_load_failed" in str(record.msg) for record in caplog.records) == 1


async def test_one_error_is_not_told(administrator: User, away: type[Away]) -> None:
    async with Page(administrator) as page:
        await page.follow(topic=Away.name)
        the_view()._failed(DatabaseError())
        assert not the_view().late
        the_view()._failed(DatabaseError())
        assert the_view().late


async def test_a_page_that_turns_to_what_can_be_loaded_is_late_no_more(
    administrator: User, away: type[Away]
) -> None:
    async with Page(administrator) as page:
        await page.follow(topic=Away.name)
        away.away = True
        the_view().touch()
        await page.shows(lambda page: page.late)
        await page.send(type="args", topic=Away.name, args="well=1")
        await page.shows(lambda page: not page.late)


async def test_a_view_that_nobody_looks_at_is_not_loaded(page: Viewer, away: type[Away]) -> None:
    hub = LiveHub()
    hub.viewers.add(page)
    away.away = True
    await hub.follow(page, Away.name, "", Known())
    (view,) = hub.views.values()
    await eventually_async(lambda: view.late, "it cannot be loaded")
    await hub.leave(page)
    loads = away.loads
    view.touch()  # as by the loop that loads every view now and then
    assert view._task is not None
    await view._task
    assert away.loads == loads
