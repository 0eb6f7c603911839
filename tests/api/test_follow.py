"""A log that goes on, by the API: lines of JSON until somebody or something ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.http import StreamingHttpResponse
from django.test import AsyncClient
from django.utils import timezone

from dashboard.api import follow
from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_state import FakeContainer
from fleet.logs import target
from fleet.logs.hub import current_log_hub, open_logs
from fleet.logs.lines import LineParser
from fleet.logs.marks import Mark
from fleet.logs.reader import Batch
from fleet.logs.target import LogTarget, read_target
from fleet.models import ApiToken, Container, Host, HostState, User
from fleet.tokens import create_token
from tests.api.conftest import Caller
from tests.waiting import eventually_async

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]
Call = Callable[..., Caller]
Write = Callable[[str], None]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often whether the caller may still read."""
    monkeypatch.setattr(follow, "CHECK_SECONDS", 0.1)


@pytest.fixture
def write(fake: FakeEngine, real: FakeContainer) -> Write:
    """write("text") -> the container writes a line."""
    return lambda text: in_fake(fake, partial(real.write, text, 1))


class Following:
    """Somebody who follows, by a new token; leaving is like a connection that is cut."""

    task: asyncio.Task[None]

    def __init__(
        self, user: User, row: Container, query: str = "", headers: dict[str, str] | None = None
    ) -> None:
        self.user, self.path = user, f"/api/v1/containers/{row.pk}/logs?follow=true{query}"
        self.headers = headers or {}
        self.came: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    async def __aenter__(self) -> Following:
        secret = (await sync_to_async(create_token)(self.user, f"follow {id(self)}"))[1]
        headers = {"Authorization": f"Bearer {secret}", **self.headers}
        answer = await AsyncClient().get(self.path, headers=headers)
        assert isinstance(answer, StreamingHttpResponse), answer.content
        assert answer["Content-Type"] == "application/x-ndjson"
        self.task = asyncio.create_task(self._read(answer))
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _read(self, answer: StreamingHttpResponse) -> None:
        async for part in answer:
            for line in bytes(part).splitlines():
                self.came.put_nowait(json.loads(line))
        self.came.put_nowait(None)

    async def next(self) -> dict[str, Any] | None:
        """Return the next line; None at the end."""
        return await asyncio.wait_for(self.came.get(), 20)

    async def text(self) -> str:
        """Return the text of the next line."""
        line = await self.next()
        assert line is not None
        return str(line["text"])


async def test_it_begins_with_the_last_lines_and_goes_on(
    row: Container, viewer: User, write: Write
) -> None:
    for number in range(5):
        await sync_to_async(write)(f"line {number}")
    async with Following(viewer, row, "&tail=2") as one:
        assert [await one.text(), await one.text()] == ["line 3", "line 4"]
        await sync_to_async(write)("line <5>")
        line = await one.next()
        assert line is not None
        assert (line["text"], line["stream"]) == ("line <5>", "stdout")
        assert line["at"].endswith("Z")
        assert follow.open_answers == {viewer.pk: 1}
    assert current_log_hub().upstreams == {}
    assert not follow.open_answers


async def test_one_stream_serves_all_who_follow(
    row: Container, viewer: User, operator: User, fake: FakeEngine, write: Write
) -> None:
    await sync_to_async(write)("one")
    async with Following(viewer, row) as one, Following(operator, row) as two:
        assert [await one.text(), await two.text()] == ["one", "one"]
        await sync_to_async(write)("two")
        assert [await one.text(), await two.text()] == ["two", "two"]
        assert open_logs() == (1, 2)
        followed = [request for request in fake.requests if "follow=1" in request]
        assert len(followed) == 1
    assert open_logs() == (0, 0)


async def test_a_connection_that_is_cut_ends_the_stream_at_the_engine(
    row: Container, viewer: User, fake: FakeEngine, write: Write
) -> None:
    await sync_to_async(write)("one")
    before = fake.connections
    async with Following(viewer, row) as one:
        await one.text()
        await eventually_async(lambda: fake.connections > before, "it reads")
    await eventually_async(lambda: fake.connections <= before, "it has hung up", seconds=2)


async def test_it_ends_with_the_token(row: Container, viewer: User, write: Write) -> None:
    await sync_to_async(write)("one")
    async with Following(viewer, row) as one:
        await one.text()
        await ApiToken.objects.aupdate(revoked_at=timezone.now())
        last = await one.next()
        assert last is not None and last["end"] == "refused"
        assert await one.next() is None


async def test_it_ends_with_the_grant(row: Container, viewer: User, write: Write) -> None:
    await sync_to_async(write)("one")
    async with Following(viewer, row) as one:
        await one.text()
        await viewer.grants.all().adelete()
        assert await one.text() == "There is no such container."


async def test_it_ends_with_the_container(
    row: Container, viewer: User, fake: FakeEngine, real: FakeContainer, write: Write
) -> None:
    await sync_to_async(write)("one")
    async with Following(viewer, row) as one:
        await one.text()
        await sync_to_async(in_fake)(fake, lambda: fake.state.remove(real, force=True))
        told = [await one.next()]
        while told[-1] is not None:
            told.append(await one.next())
    assert told[-2] == {"end": "removed", "text": "The container was removed."}


async def test_who_follows_too_many_is_told(
    row: Container, viewer: User, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    monkeypatch.setattr(follow, "FOLLOWS_PER_USER", 1)
    await sync_to_async(write)("one")
    async with Following(viewer, row) as one:
        await one.text()
        secret = (await sync_to_async(create_token)(viewer, "again"))[1]
        answer = await AsyncClient().get(one.path, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 429


async def test_only_what_is_new_is_sent_after_since(
    row: Container, viewer: User, write: Write
) -> None:
    await sync_to_async(write)("old")
    now = timezone.now().isoformat().replace("+00:00", "Z")
    async with Following(viewer, row, f"&since={now}") as one:
        await eventually_async(lambda: open_logs() == (1, 1), "it follows")
        await sync_to_async(write)("new")
        assert await one.text() == "new"


async def test_it_is_not_compressed_piece_by_piece(
    row: Container, viewer: User, write: Write
) -> None:
    await sync_to_async(write)("one")
    async with Following(viewer, row, headers={"Accept-Encoding": "gzip"}) as one:
        assert await one.text() == "one"


async def test_it_ends_when_the_host_is_switched_off(
    row: Container, viewer: User, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.logs.target.LOOK_SECONDS", 0.05)
    await sync_to_async(write)("one")
    async with Following(viewer, row) as one:
        await one.text()
        await Host.objects.aupdate(state=HostState.DISABLED)
        assert (await one.next() or {}).get("end") == "host_gone"


async def test_a_database_that_is_away_takes_no_right(
    row: Container, viewer: User, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sync_to_async(write)("one")
    failed: list[int] = []

    async def away(*_args: object, **_more: object) -> None:
        failed.append(1)
        raise OperationalError("away")

    async with Following(viewer, row) as one:
        await one.text()
        monkeypatch.setattr(follow, "run", away)
        await eventually_async(lambda: len(failed) > 2, "it asked again")
        await sync_to_async(write)("two")
        assert await one.text() == "two"


async def test_another_scheme_before_a_proxy_is_no_token(
    row: Container, viewer: User, write: Write
) -> None:
    await sync_to_async(write)("one")
    client = AsyncClient()
    await client.aforce_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
    headers = {"Authorization": "Basic cHJveHk6c2VjcmV0"}
    answer = await client.get(f"/api/v1/containers/{row.pk}/logs?follow=true", headers=headers)
    assert isinstance(answer, StreamingHttpResponse), answer.content
    coming = aiter(answer)
    assert b"one" in bytes(await anext(coming))
    await asyncio.sleep(0.3)  # some looks at the caller's rights
    await sync_to_async(write)("two")
    assert b"two" in bytes(await anext(coming))


def test_gaps_and_marks_are_lines_too() -> None:
    told = follow._told(Batch([Mark("restarted")], 7, Mark("removed")), LineParser(), "")
    assert [json.loads(line) for line in told] == [
        {"gap": 7},
        {"mark": "restarted", "text": "The container was restarted."},
        {"end": "removed", "text": "The container was removed."},
    ]
    assert json.loads(next(iter(follow._told(Batch([], -1), LineParser(), "")))) == {"gap": None}


def test_it_reads_between_two_times(
    row: Container, viewer: User, write: Write, call_as: Call
) -> None:
    for number in range(4):
        write(f"line {number}")
    caller = call_as(viewer)
    path = f"/containers/{row.pk}/logs"
    times = [line["at"] for line in caller.call("GET", path)[1]["items"]]

    def read(query: str) -> list[str]:
        found = caller.call("GET", f"{path}?{query}")[1]
        return [line["text"].removeprefix("line ") for line in found["items"]]

    assert read(f"until={times[2][:-4]}Z") in (["0", "1"], ["0", "1", "2"])
    assert read(f"until={times[3]}&tail=1")[-1:] in (["2"], ["3"])
    assert read("since=2999-01-01T00:00:00Z") == []
    assert read("until=2000-01-01T00:00:00Z") == []
    status, problem = caller.call("GET", f"{path}?follow=true&until={times[0]}")
    assert (status, list(problem["errors"])) == (422, ["until"])


async def test_an_engine_that_hangs_is_told(
    row: Container, viewer: User, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[LogTarget] = []

    def look(old: LogTarget) -> LogTarget:
        looked.append(read_target(old))
        return looked[-1]

    monkeypatch.setattr(target, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(target, "read_target", look)
    await sync_to_async(write)("one")
    async with Following(viewer, row) as one:
        assert await one.text() == "one"
        await eventually_async(lambda: looked, "the host's row was looked at")
        since = timezone.now()
        await Host.objects.aupdate(state=HostState.UNREACHABLE, state_since=since)
        assert ((await one.next()) or {})["mark"] == "away"
        await Host.objects.aupdate(state=HostState.REACHABLE, state_since=timezone.now())
        assert ((await one.next()) or {})["mark"] == "back"
        await sync_to_async(write)("two")
        assert await one.text() == "two"
