"""What a killed web process leaves in containers is ended by a worker."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from fleet.engine.aio import open_async
from fleet.engine.endpoint import Endpoint
from fleet.engine.fake import FakeEngine, fake_in_thread, in_fake
from fleet.engine.protocol import versions
from fleet.engine.terminals import Size
from fleet.models import Environment, Host, HostState
from fleet.terminal import traces
from fleet.terminal.ask import Ask
from fleet.terminal.process import Exec, begin
from tests.conftest import make_host
from tests.services import redis_server
from tests.terminal.test_relay import Pair, pair

__all__ = ["pair", "redis_server"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def redis(redis_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    client = Redis.from_url(redis_server, decode_responses=True)
    client.delete(traces.TRACES)
    monkeypatch.setattr(traces, "redis_client", lambda: client)
    yield client
    client.close()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeEngine]:
    """An engine with a shell that somebody left."""
    versions._known.clear()
    with fake_in_thread(tmp_path / "left.sock") as engine:
        yield engine


def leave_shell(fake: FakeEngine, host: Host, redis: Redis, **other: Any) -> None:
    """Start a shell and write it down as a web process does that is killed then."""
    web = in_fake(fake, lambda: fake.state.add("web-1"))

    async def start() -> Exec:
        async with open_async(Endpoint(fake.url)) as engine:
            process = await begin(engine, web.id, Ask(), Size())
        assert isinstance(process, Exec)
        return process

    facts = {**vars(asyncio.run(start()).mark), "owner": "dead", "host_id": host.pk}
    redis.hset(traces.TRACES, "a-session", json.dumps({**facts, "at": time.time(), **other}))


@pytest.fixture
def host(fake: FakeEngine, staging: Environment) -> Host:
    return make_host("left-1", staging, url=fake.url)


def test_it_is_ended(fake: FakeEngine, host: Host, redis: Redis) -> None:
    leave_shell(fake, host, redis)
    assert traces.end_left() == 1
    assert not fake.terminals.running and not redis.exists(traces.TRACES)


def test_it_is_left_alone_while_its_web_process_lives(
    fake: FakeEngine, host: Host, redis: Redis
) -> None:
    leave_shell(fake, host, redis)
    redis.set(traces.alive_key("dead"), 1, ex=60)
    assert traces.end_left() == 0
    assert fake.terminals.running
    redis.delete(traces.alive_key("dead"))


def test_it_waits_for_a_host_that_is_away(fake: FakeEngine, host: Host, redis: Redis) -> None:
    leave_shell(fake, host, redis)
    Host.objects.update(url="unix:///nowhere/left.sock")
    assert traces.end_left() == 0 and redis.exists(traces.TRACES)
    (text,) = redis.hvals(traces.TRACES)  # type: ignore[misc]  # not awaitable here
    redis.hset(traces.TRACES, "a-session", json.dumps(json.loads(text) | {"at": 0}))
    assert traces.end_left() == 1  # after a week


def test_it_asks_a_host_that_does_not_answer_once(
    fake: FakeEngine, host: Host, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_shell(fake, host, redis, owner=traces.NOBODY)
    (text,) = redis.hvals(traces.TRACES)  # type: ignore[misc]  # not awaitable here
    redis.hset(traces.TRACES, "another", text)
    asked: list[Endpoint] = []

    async def away(endpoint: Endpoint, trace: traces.Trace) -> None:
        asked.append(endpoint)
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(traces, "_hang_up", away)
        assert traces.end_left() == 0 and len(asked) == 1
        Host.objects.update(state=HostState.UNREACHABLE)
        assert traces.end_left() == 0 and len(asked) == 1
    Host.objects.update(state=HostState.REACHABLE)
    assert traces.end_left() == 2 and not fake.terminals.running


@pytest.mark.parametrize("change", [{"host_id": 10**6}, {"exec_id": "a" * 64}])
def test_what_is_gone_is_forgotten(
    fake: FakeEngine, host: Host, redis: Redis, change: dict[str, Any]
) -> None:
    leave_shell(fake, host, redis, **change)
    assert traces.end_left() == 1


async def test_a_session_leaves_a_trace_while_it_runs(pair: Pair) -> None:
    office: Any = pair.one.office
    async with asyncio.timeout(5):
        while not await office.redis.hexists(traces.TRACES, pair.link.session.id):
            await asyncio.sleep(0.01)
        assert await office.redis.exists(traces.alive_key(office.id))
        await pair.link.end()
        while await office.redis.hexists(traces.TRACES, pair.link.session.id):
            await asyncio.sleep(0.01)


async def test_a_session_hands_over_what_it_could_not_end(pair: Pair) -> None:
    office: Any = pair.one.office
    await pair.fake.stop()
    await pair.link.session.task
    assert pair.link.session.over and pair.link.session.over.code == "lost"
    async with asyncio.timeout(5):
        while json.loads(await office.redis.hget(traces.TRACES, pair.link.session.id))["owner"]:
            await asyncio.sleep(0.01)
