"""A slow browser gets the newest state, and holds up nobody."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.http import QueryDict

from dashboard.live.difference import Known
from dashboard.live.hub import LiveHub
from dashboard.live.topics.base import TOPICS, Part, Snapshot, Topic
from dashboard.live.view import Seer
from dashboard.live.viewer import Viewer
from fleet.actor import Actor, system_actor
from fleet.publish import Hint
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


class Number(Topic):
    """Shows one number."""

    name = "test-number"
    value = 0

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Always."""
        return True

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Show the number as it is now."""
        now = type(self).value
        return Snapshot({"number": Part(str(now), lambda: f"<p>{now}</p>")})


class Browser:
    """Takes messages, when it is not stuck."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.free = asyncio.Event()
        self.free.set()

    async def take(self, text: str) -> None:
        """Take one message."""
        await self.free.wait()
        self.got.append(json.loads(text))

    @property
    def numbers(self) -> list[str]:
        """What was shown, in order."""
        return [message["set"]["number"] for message in self.got if message["type"] == "update"]


async def open_page(hub: LiveHub, browser: Browser) -> asyncio.Task[None]:
    """Follow the number."""
    seer = Seer(system_actor(), "en", "localhost")
    viewer = Viewer(seer, session_key="", session_hash="", send=browser.take)
    hub.viewers.add(viewer)
    await hub.follow(viewer, "test-number", "", Known())
    viewer.asked()
    return asyncio.create_task(viewer.run())


async def test_it_skips_what_a_slow_browser_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOPICS, "test-number", Number())
    Number.value = 0
    hub, quick, slow = LiveHub(), Browser(), Browser()
    senders = [await open_page(hub, browser) for browser in (quick, slow)]
    await eventually_async(lambda: quick.numbers and slow.numbers, "both show the number")
    slow.free.clear()
    (view,) = hub.views.values()
    for value in range(1, 6):
        Number.value = value
        view.touch()
        await eventually_async(
            lambda shown=f"<p>{value}</p>": quick.numbers[-1] == shown,  # type: ignore[misc]
            "the quick browser shows each",
        )
    slow.free.set()
    await eventually_async(lambda: slow.numbers[-1] == "<p>5</p>", "the slow one catches up")
    assert len(quick.numbers) == 6
    assert len(slow.numbers) <= 3  # the first, the one that it was stuck with, the newest
    for sender in senders:
        sender.cancel()


async def test_it_keeps_a_bounded_number_of_toasts() -> None:
    browser = Browser()
    seer = Seer(system_actor(), "en", "localhost")
    viewer = Viewer(seer, session_key="", session_hash="", send=browser.take)
    for number in range(500):
        viewer.tell(f"job-{number}", {"type": "toast", "message": str(number)})
    sender = asyncio.create_task(viewer.run())
    await eventually_async(lambda: browser.got, "toasts come")
    await eventually_async(lambda: browser.got[-1]["message"] == "499", "the newest one too")
    assert len(browser.got) == 20
    sender.cancel()
