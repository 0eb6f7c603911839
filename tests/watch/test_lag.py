"""How far rows are behind an engine's events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from fleet.engine.fake import FakeEngine
from fleet.models import Event, Host, HostState
from fleet.watch.database import Database
from fleet.watch.lag import BOUNDS, RECENT, Lag, keep_lags, lags_of
from tests.watch.conftest import START, following

Until = Callable[..., Awaitable[Any]]


class Clock:
    """A clock that stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("fleet.watch.lag.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def late(lag: Lag, *seconds: float) -> None:
    """Write events that are so late."""
    lag.written([START - timedelta(seconds=one) for one in seconds], START)


def test_it_counts_how_late_each_event_was(clock: Clock) -> None:
    lag = Lag()
    late(lag, 0.05, 0.3, 0.4, 100)
    facts = lag.facts()
    assert facts.counts == [1, 0, 2, 0, 0, 0, 0, 0, 1] and len(facts.counts) == len(BOUNDS) + 1
    assert facts.total == pytest.approx(100.75)


def test_a_clock_that_is_ahead_is_not_behind(clock: Clock) -> None:
    lag = Lag()
    late(lag, -30)
    assert (lag.facts().behind, lag.facts().total, lag.facts().counts[0]) == (0, 0, 1)


def test_the_slowest_of_the_last_minute_counts(clock: Clock) -> None:
    lag = Lag()
    late(lag, 7, 2)
    clock.now += RECENT - 1
    late(lag, 1)
    assert lag.facts().behind == 7
    clock.now += 2
    assert lag.facts().behind == 0
    late(lag, 0.5)
    assert lag.facts().behind == 0.5


def test_what_waits_counts_before_it_is_written(clock: Clock) -> None:
    lag = Lag()
    lag.wait()
    clock.now += 20
    lag.wait()
    assert lag.facts().behind == 20
    lag.catch_up(more=True)
    clock.now += 5
    assert lag.facts().behind == 5
    lag.catch_up()
    assert lag.facts().behind == 0


async def test_other_processes_learn_of_it(redis_server: str, settings: Any) -> None:
    settings.IN_MEMORY, settings.REDIS_URL = False, redis_server
    lag = Lag()
    late(lag, 3)
    async with Redis.from_url(redis_server) as redis:
        await keep_lags(redis, {7: lag})
    found = await asyncio.to_thread(lags_of, [6, 7])
    assert found == {7: lag.facts()}


@pytest.mark.django_db(transaction=True)
async def test_events_that_were_written_are_counted(
    host: Host, tmp_path: Path, database: Database, until: Until
) -> None:
    host.url, host.state = f"unix://{tmp_path}/d.sock", HostState.UNKNOWN
    await database.run(host.save)
    async with FakeEngine(tmp_path / "d.sock") as fake, following(host, database) as follower:
        await until(lambda: Event.objects.filter(kind="reachable").exists(), "reachable")
        assert sum(follower.lag.counts) == 0  # what is ours is no event of the engine's
        it = fake.state.add("one")
        fake.state.pause(it)
        await until(lambda: Event.objects.filter(kind="pause").exists(), "paused")
        await until(lambda: sum(follower.lag.counts) == 3, "create, start and pause")
        assert follower.lag.facts().behind < RECENT
