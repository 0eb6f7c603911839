"""The hub itself: what it shares, its streams and its toasts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.http import QueryDict

from dashboard.live.difference import Known
from dashboard.live.hub import current_hub
from dashboard.live.topics.base import NOTICES, STREAMS, TOPICS, Notice, Snapshot, Stream, Toast
from dashboard.live.topics.containers import Containers
from dashboard.live.view import MESSAGES_KEPT, View
from fleet.access import Refused
from fleet.actor import Actor
from fleet.models import Container, Grant, User
from fleet.publish import (
    AccessChanged,
    ContainersChanged,
    EventsAdded,
    Hint,
    JobsChanged,
    publish_async,
)
from tests.live.pages import Page
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


class Counting(Containers):
    """The container list, counting how often it is loaded."""

    loads = 0

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Count."""
        type(self).loads += 1
        return super().load(actor, args)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    """Count the loads of the container list."""
    Counting.loads = 0
    monkeypatch.setitem(TOPICS, "containers", Counting())
    return Counting


async def test_it_loads_once_for_all_who_see_the_same(
    administrator: User, viewer: User, container: Container, counting: type[Counting]
) -> None:
    async with Page(administrator) as first, Page(administrator) as second, Page(viewer) as third:
        for page in (first, second, third):
            await page.follow()
        assert len(current_hub().views) == 2
        before = counting.loads
        await Container.objects.filter(pk=container.pk).aupdate(name="renamed")
        await publish_async(ContainersChanged(container.host_id, [container.pk], []))
        for page in (first, second, third):
            await page.shows(lambda page: "renamed" in page.html[page.rows[0]])
        assert counting.loads - before == 2


async def test_it_merges_a_flood_of_hints(
    administrator: User, container: Container, counting: type[Counting]
) -> None:
    async with Page(administrator) as page:
        await page.follow()
        before = counting.loads
        for _ in range(200):
            await current_hub().hear(ContainersChanged(container.host_id, [container.pk], []))
        await Container.objects.filter(pk=container.pk).aupdate(name="renamed")
        await current_hub().hear(ContainersChanged(container.host_id, [container.pk], []))
        await page.shows(lambda page: "renamed" in page.html[page.rows[0]])
        assert counting.loads - before < 10


async def test_it_loads_nothing_for_hints_that_concern_others(
    administrator: User, container: Container, counting: type[Counting]
) -> None:
    async with Page(administrator) as page:
        await page.follow()
        before = counting.loads
        await current_hub().hear(EventsAdded(container.host_id, [1]))
        await current_hub().hear(JobsChanged([1]))
        assert await page.is_silent()
        assert counting.loads == before


async def test_it_forgets_pages_that_are_gone(administrator: User, container: Container) -> None:
    async with Page(administrator) as page:
        await page.follow()
        hub = current_hub()
        assert (len(hub.viewers), len(hub.views)) == (1, 1)
    assert (len(hub.viewers), len(hub.views)) == (0, 0)


async def test_it_survives_a_strange_hint(administrator: User, container: Container) -> None:
    async with Page(administrator) as page:
        await page.follow()
        for strange in ({"kind": "unheard-of"}, {"kind": "hosts", "numbers": 1}, {}):
            await get_channel_layer().group_send("hints", {"type": "hint", **strange})
        await Container.objects.filter(pk=container.pk).aupdate(name="renamed")
        await publish_async(ContainersChanged(container.host_id, [container.pk], []))
        await page.shows(lambda page: "renamed" in page.html[page.rows[0]])


async def test_it_tries_again_after_an_error_of_its_own(
    administrator: User, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.live.view.RETRY_SECONDS", 0.1)

    class Failing(Containers):
        """Fails the first time."""

        failed = False

        def load(self, actor: Actor, args: QueryDict) -> Snapshot:
            """Fail once."""
            if not type(self).failed:
                type(self).failed = True
                raise RuntimeError("the database is away")
            return super().load(actor, args)

    monkeypatch.setitem(TOPICS, "containers", Failing())
    async with Page(administrator) as page:
        await page.follow()
        assert page.rows == [f"container-{container.pk}"]


class Ticker(Stream):
    """Counts for who may see containers."""

    name = "test-ticker"
    cancelled = 0

    def check(self, actor: Actor, args: QueryDict) -> int:
        """Ask for a right."""
        if not actor.access.reach("container.view"):
            raise Refused("container.view")
        return int(str(args["from"]))

    async def run(self, target: int, args: QueryDict, send: Any) -> None:
        """Send one number, then wait for ever."""
        try:
            await send({"type": "log", "topic": self.name, "frames": [target]})
            await asyncio.Event().wait()
        finally:
            Ticker.cancelled += 1


@pytest.fixture
def ticker(monkeypatch: pytest.MonkeyPatch) -> type[Ticker]:
    """Offer a stream."""
    Ticker.cancelled = 0
    monkeypatch.setitem(STREAMS, Ticker.name, Ticker())
    return Ticker


async def test_it_opens_a_stream_and_ends_it_with_the_page(
    viewer: User, ticker: type[Ticker]
) -> None:
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="test-ticker", args="from=5")
        assert (await page.next())["frames"] == [5]
        await page.send(type="stream.open", topic="test-ticker", args="from=6")
        assert (await page.next())["frames"] == [6]
        assert ticker.cancelled == 1
    assert ticker.cancelled == 2


async def test_it_closes_a_stream_on_demand(viewer: User, ticker: type[Ticker]) -> None:
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="test-ticker", args="from=5")
        await page.next()
        await page.send(type="stream.close", topic="test-ticker")
        await eventually_async(lambda: ticker.cancelled == 1, "the stream has ended")


async def test_it_refuses_a_stream(stranger: User, ticker: type[Ticker]) -> None:
    async with Page(stranger) as page:
        await page.send(type="stream.open", topic="test-ticker", args="from=5")
        message = await page.next()
        assert (message["type"], message["topic"]) == ("gone", "test-ticker")


async def test_it_ends_a_stream_with_the_right(viewer: User, ticker: type[Ticker]) -> None:
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="test-ticker", args="from=5")
        await page.next()
        await Grant.objects.filter(user=viewer).adelete()
        await publish_async(AccessChanged())
        assert (await page.next())["type"] == "gone"
        assert ticker.cancelled == 1


async def test_it_says_in_words_that_a_stream_failed(viewer: User, ticker: type[Ticker]) -> None:
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="test-ticker", args="from=nonsense")
        message = await page.next()
        assert message["type"] == "gone"
        assert "mistake of Quayside" in message["message"]


class Bell(Notice):
    """Tells about jobs."""

    name = "test-bell"
    user = 0

    def interested(self, hint: Hint) -> bool:
        """Jobs only."""
        return isinstance(hint, JobsChanged)

    def toasts(self, hint: Hint, users: frozenset[int]) -> list[Toast]:
        """Tell one user, once for each job."""
        assert isinstance(hint, JobsChanged)
        return [Toast(self.user, "success", "Done", f"job-{pk}", f"/jobs/{pk}/") for pk in hint.ids]


@pytest.fixture
def bell(viewer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only notice there is tells the viewer of every job."""
    bell = Bell()
    bell.user = viewer.pk
    for name in list(NOTICES):
        monkeypatch.delitem(NOTICES, name)
    monkeypatch.setitem(NOTICES, bell.name, bell)


@pytest.mark.usefixtures("bell")
async def test_it_tells_only_whom_it_concerns_and_once(viewer: User, operator: User) -> None:
    async with Page(viewer) as told, Page(operator) as other:
        await told.follow()  # both have joined
        await other.follow()
        await publish_async(JobsChanged([7]))
        expected = {"type": "toast", "level": "success", "message": "Done", "href": "/jobs/7/"}
        assert await told.next() == expected
        await publish_async(JobsChanged([7]))
        assert await told.is_silent()
        assert await other.is_silent()


@pytest.mark.usefixtures("bell")
async def test_a_page_that_comes_is_told_what_its_user_missed_in_between(
    viewer: User, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Page(operator) as other:
        await other.follow()
        async with Page(viewer) as page:
            await page.follow()
        await publish_async(JobsChanged([8]))  # while the viewer has no page
        assert await other.is_silent()
        async with Page(viewer) as next_page:
            assert (await next_page.next())["href"] == "/jobs/8/"
        monkeypatch.setattr("dashboard.live.toasts.OWED_SECONDS", 0.0)
        async with Page(viewer) as late:
            assert await late.is_silent()
        assert await other.is_silent()


async def test_it_keeps_few_differences_whatever_pages_claim_to_have(
    administrator: User, container: Container
) -> None:
    async with Page(administrator) as keeper:
        await keeper.follow()
        for number in range(3 * MESSAGES_KEPT):
            async with Page(administrator) as page:
                await page.follow(have={f"container-{number}": "1"})
        (view,) = current_hub().views.values()
        assert len(view._messages) <= MESSAGES_KEPT


async def test_it_forgets_a_difference_that_could_not_be_made(
    administrator: User, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Page(administrator) as page:
        await page.follow()
        (view,) = current_hub().views.values()
        assert view.snapshot is not None
        known = Known()
        monkeypatch.setattr(View, "_text", failing)
        with pytest.raises(OSError, match="no thread"):
            await view.message(known)
        monkeypatch.undo()
        text, after = await view.message(known)
        assert text is not None and container.name in text
        assert after is view.known


async def failing(_view: View, _known: Known, _snapshot: Snapshot) -> str | None:
    """Fail as a machine without threads does."""
    raise OSError("no thread")
