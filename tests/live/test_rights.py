"""An open page loses its rights within five seconds, and gets them back."""

from __future__ import annotations

from asyncio import Event
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session

from dashboard.live.topics.base import STREAMS, TOPICS, Snapshot, Stream, Topic
from fleet.access import Unknown, access_container
from fleet.models import Container, Environment, Grant, Host, User
from fleet.publish import AccessChanged, publish_async
from tests.conftest import grant
from tests.live.pages import Page

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_takes_rows_away_with_the_grant(viewer: User, container: Container) -> None:
    async with Page(viewer) as page:
        await page.follow()
        assert page.rows
        await Grant.objects.filter(user=viewer).adelete()
        await publish_async(AccessChanged())
        await page.shows(lambda page: page.rows == [])


async def test_it_notices_without_a_hint(viewer: User, container: Container) -> None:
    async with Page(viewer) as page:
        await page.follow()
        await Grant.objects.filter(user=viewer).adelete()
        await page.shows(lambda page: page.rows == [])


async def test_it_gives_rows_back(viewer: User, container: Container, staging: Any) -> None:
    async with Page(viewer) as page:
        await page.follow()
        await Grant.objects.filter(user=viewer).adelete()
        await publish_async(AccessChanged())
        await page.shows(lambda page: page.rows == [])
        page.html.clear()
        await sync_to_async(grant)(viewer, "operator", staging)
        await publish_async(AccessChanged())
        await page.shows(lambda page: page.rows != [])
        assert 'data-clicks="stop restart"' in page.html[f"container-{container.pk}"]


async def test_it_signs_out_a_page_whose_session_has_ended(administrator: User) -> None:
    async with Page(administrator) as page:
        await page.follow()
        await Session.objects.all().adelete()
        messages, code = await page.closed()
        assert messages[-1] == {"type": "bye", "reason": "signed_out"}
        assert code == 4401


async def test_it_signs_out_a_page_whose_password_was_changed(administrator: User) -> None:
    async with Page(administrator) as page:
        await page.follow()
        administrator.set_password("another long password")
        await administrator.asave()
        await publish_async(AccessChanged())
        messages, code = await page.closed()
        assert messages[-1]["reason"] == "signed_out"
        assert code == 4401


async def test_it_says_goodbye_to_somebody_switched_off(viewer: User, container: Container) -> None:
    async with Page(viewer) as page:
        await page.follow()
        viewer.is_active = False
        await viewer.asave()
        await publish_async(AccessChanged())
        messages, code = await page.closed()
        assert messages[-1] == {"type": "bye", "reason": "deactivated"}
        assert code == 4401


async def test_it_leaves_other_pages_alone(viewer: User, operator: User) -> None:
    async with Page(viewer) as gone, Page(operator) as stays:
        await gone.follow()
        await stays.follow()
        await viewer.adelete()
        await publish_async(AccessChanged())
        await gone.closed()
        await stays.send(type="ping")
        await stays.until(lambda message: message["type"] == "pong")


class Secret(Topic):
    """A topic that only some may see at all."""

    name = "test-secret"

    def interested(self, hint: Any, args: Any) -> bool:
        """Never mind."""
        return False

    def load(self, actor: Any, args: Any) -> Snapshot:
        """Refuse who may not see containers."""
        if not actor.access.reach("container.view"):
            raise Unknown("secret")
        return Snapshot({})


async def test_it_says_in_words_what_is_gone(viewer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOPICS, "test-secret", Secret())
    async with Page(viewer) as page:
        assert await page.follow(topic="test-secret") == [{"type": "ready"}]
        await Grant.objects.filter(user=viewer).adelete()
        await publish_async(AccessChanged())
        message = await page.next()
        assert message["type"] == "gone"
        assert message["message"] == "There is no such secret."


class Flow(Stream):
    """A stream that never says anything, of a container that must be seen."""

    name = "test-flow"

    def check(self, actor: Any, args: Any) -> Any:
        """Look for the container."""
        return access_container(actor, int(args["id"]))

    async def run(self, target: Any, args: Any, send: Any) -> None:
        """Begin, then wait for the end."""
        await send({"type": "test-flow"})
        await Event().wait()


async def test_it_ends_streams_of_a_host_that_moved_away(
    viewer: User, container: Container, production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The viewer's rights are as before; the host is no longer where they hold."""
    monkeypatch.setitem(STREAMS, "test-flow", Flow())
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="test-flow", args=f"id={container.pk}")
        await page.until(lambda message: message["type"] == "test-flow")
        await Host.objects.all().aupdate(environment=production)
        await publish_async(AccessChanged())
        message = (await page.until(lambda message: message["type"] == "gone"))[-1]
        assert message["topic"] == "test-flow"
