"""A browser that takes nothing any more, and whose connection lives on, is let go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from config.asgi import application
from dashboard.live import socket as socket_module
from dashboard.live.hub import current_hub
from fleet.models import Container, Grant, User
from fleet.publish import AccessChanged, ContainersChanged, publish_async
from tests.live.pages import Page
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


class Freezer:
    """Stands between the application and its browsers, as a server does."""

    def __init__(self) -> None:
        self.frozen = self.closed = False
        self.sent = 0  # that were begun while it was frozen

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on what is sent unless it is frozen."""

        async def send_unless(message: Any) -> None:
            if self.closed:
                raise RuntimeError("Unexpected ASGI message 'websocket.send'")
            if self.frozen:
                self.sent += 1
                await asyncio.Event().wait()
            await send(message)

        await application(scope, receive, send_unless)


@pytest.fixture
def freezer(monkeypatch: pytest.MonkeyPatch) -> Freezer:
    """Let browsers freeze, and have little patience with them."""
    freezer = Freezer()
    monkeypatch.setattr("tests.live.browser_socket.application", freezer)
    monkeypatch.setattr(socket_module, "SEND_SECONDS", 0.2, raising=False)
    return freezer


async def change(container: Container) -> None:
    """Change something that the page shows."""
    await Container.objects.filter(pk=container.pk).aupdate(name="renamed")
    await publish_async(ContainersChanged(container.host_id, [container.pk], []))


async def is_let_go(page: Page) -> None:
    """Return once nothing is kept of the page."""
    await eventually_async(lambda: page.socket.future.done(), "its socket has ended", seconds=8)
    page.socket.future.result()  # nor is it an error
    assert not current_hub().viewers
    assert len(current_hub().views) == 0


async def test_a_page_that_takes_nothing_is_let_go(
    administrator: User, container: Container, freezer: Freezer
) -> None:
    async with Page(administrator) as page:
        await page.follow()
        freezer.frozen = True
        await change(container)
        await is_let_go(page)
        assert freezer.sent == 1


async def test_it_is_let_go_also_when_it_asks_and_takes_no_answers(
    administrator: User, freezer: Freezer
) -> None:
    async with Page(administrator) as page:
        await page.follow()
        freezer.frozen = True
        await page.send(type="ping")
        await page.send(type="ping")
        await is_let_go(page)


async def test_it_is_let_go_also_when_it_cannot_be_told_goodbye(
    viewer: User, freezer: Freezer
) -> None:
    async with Page(viewer) as page:
        await page.follow()
        freezer.frozen = True
        await Grant.objects.filter(user=viewer).adelete()
        viewer.is_active = False
        await viewer.asave()
        await publish_async(AccessChanged())
        await is_let_go(page)


async def test_a_page_whose_server_has_closed_it_is_let_go(
    administrator: User, container: Container, freezer: Freezer
) -> None:
    async with Page(administrator) as page:
        await page.follow()
        freezer.closed = True
        await change(container)
        await is_let_go(page)
