"""Rights of streams: a check that fails is made again, and every end is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError

from dashboard.live import hub as hub_module
from dashboard.live import streams as streams_module
from dashboard.live.hub import current_hub
from dashboard.live.rights import Rights, read_rights
from dashboard.live.topics.base import STREAMS, Stream
from fleet.access import Refused
from fleet.models import AuditEntry, AuditResult, Grant, User
from fleet.publish import AccessChanged, publish_async
from tests.live.pages import Page
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


def in_order(actor: Any) -> None:
    """Let everything pass."""


class Guarded(Stream):
    """Waits for ever, for who may see containers and for whom `before` has no objections."""

    name = "test-guarded"

    def __init__(self) -> None:
        self.checks = self.ended = 0
        self.before: Callable[[Any], None] = in_order

    def check(self, actor: Any, args: Any) -> str:
        """Ask for the right."""
        self.checks += 1
        self.before(args)
        if not actor.access.reach("container.view"):
            raise Refused("container.view")
        return str(args.get("say", ""))

    async def run(self, target: str, args: Any, send: Any) -> None:
        """Say that it has begun."""
        try:
            await send({"type": "begun", "say": target})
            await asyncio.Event().wait()
        finally:
            self.ended += 1


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Guarded:
    """Offer the stream, and do not wait long."""
    stream = Guarded()
    monkeypatch.setitem(STREAMS, stream.name, stream)
    monkeypatch.setattr(hub_module, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(streams_module, "RETRY_SECONDS", 0.05)
    return stream


async def begin(page: Page, say: str = "") -> None:
    """Open the stream."""
    await page.send(type="stream.open", topic="test-guarded", args=f"say={say}")
    await page.until(lambda message: message.get("say") == say)


async def lose_rights(user: User) -> None:
    """Take the user's grants away."""
    await Grant.objects.filter(user=user).adelete()
    await publish_async(AccessChanged())


def failing_once() -> Callable[..., None]:
    """Return what fails the first time it is called."""
    failures = [DatabaseError("the database is away")]

    def fail(*_: Any) -> None:
        if failures:
            raise failures.pop()

    return fail


async def test_it_checks_again_what_could_not_be_checked(viewer: User, guarded: Guarded) -> None:
    async with Page(viewer) as page:
        await begin(page)
        guarded.before = failing_once()
        await lose_rights(viewer)
        assert (await page.next())["type"] == "gone"
        assert guarded.ended == 1


async def test_it_keeps_a_stream_whose_right_is_still_there_after_a_failure(
    viewer: User, guarded: Guarded
) -> None:
    async with Page(viewer) as page:
        await begin(page)
        checks, guarded.before = guarded.checks, failing_once()
        await publish_async(AccessChanged())
        await eventually_async(lambda: guarded.checks == checks + 2, "it is checked again")
        assert await page.is_silent()
        assert (guarded.checks, guarded.ended) == (checks + 2, 0)


async def test_it_looks_at_streams_once_rights_can_be_read_again(
    viewer: User, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail = failing_once()

    def read(*args: Any) -> Rights:
        fail()
        return read_rights(*args)

    async with Page(viewer) as page:
        await begin(page)
        monkeypatch.setattr(hub_module, "read_rights", read)
        checks = guarded.checks
        current_hub()._rights_changed.set()
        await eventually_async(lambda: guarded.checks > checks, "its stream is looked at")


async def test_it_says_that_a_stream_is_refused_also_when_that_cannot_be_written_down(
    stranger: User, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_module, "write_refusal", failing_once())
    async with Page(stranger) as page:
        for _ in range(2):
            await page.send(type="stream.open", topic="test-guarded", args="")
            assert (await page.next())["type"] == "gone"


async def test_it_writes_a_refusal_down(stranger: User, guarded: Guarded) -> None:
    async with Page(stranger) as page:
        await page.send(type="stream.open", topic="test-guarded", args="")
        await page.next()
    entry = await AuditEntry.objects.aget(result=AuditResult.REFUSED)
    assert entry.detail["stream"] == "test-guarded"


async def test_it_asks_no_more_about_a_stream_that_was_refused(
    stranger: User, guarded: Guarded
) -> None:
    async with Page(stranger) as page:
        await page.send(type="stream.open", topic="test-guarded", args="")
        await page.next()
        await current_hub().check_rights(told=True)
        assert await page.is_silent()
        assert guarded.checks == 1


async def test_it_leaves_a_stream_alone_that_was_opened_while_another_was_checked(
    viewer: User, guarded: Guarded
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def refuse_the_first(args: Any) -> None:
        if args["say"] == "first":
            asked.set()
            answer.wait(10)
            raise Refused("container.view")

    async with Page(viewer) as page:
        await begin(page, "first")
        guarded.before = refuse_the_first
        await publish_async(AccessChanged())
        await eventually_async(asked.is_set, "the first is being checked")
        await begin(page, "second")
        answer.set()
        assert await page.is_silent()
        assert guarded.ended == 1  # the first, by the page itself


class Held:
    """Holds up the first check of a stream."""

    def __init__(self, guarded: Guarded) -> None:
        self.guarded, self.asked, self.answer = guarded, threading.Event(), threading.Event()
        guarded.before = self.wait

    def wait(self, _args: Any) -> None:
        """Wait, the first time."""
        if self.guarded.checks == 1:
            self.asked.set()
            self.answer.wait(10)

    async def open(self, page: Page) -> None:
        """Open the stream; return while it is being checked."""
        await page.send(type="stream.open", topic="test-guarded", args="")
        await eventually_async(self.asked.is_set, "it is being checked")


async def test_a_stream_that_is_refused_while_rights_change_is_told_and_written_down_once(
    stranger: User, guarded: Guarded
) -> None:
    held = Held(guarded)
    async with Page(stranger) as page:
        await held.open(page)
        await current_hub().check_rights(told=True)
        held.answer.set()
        assert (await page.next())["type"] == "gone"
        assert await page.is_silent()
    assert await AuditEntry.objects.filter(result=AuditResult.REFUSED).acount() == 1


async def test_a_stream_whose_right_is_lost_while_it_is_opened_does_not_begin(
    viewer: User, guarded: Guarded
) -> None:
    held = Held(guarded)
    async with Page(viewer) as page:
        await held.open(page)
        await Grant.objects.filter(user=viewer).adelete()
        await current_hub().check_rights(told=True)
        held.answer.set()
        assert (await page.next())["type"] == "gone"
        assert (guarded.checks, guarded.ended) == (2, 0)
