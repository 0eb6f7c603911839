"""The list of live watchers."""

from __future__ import annotations

import pytest
from pytest_django import Settings
from redis import RedisError
from redis.asyncio import Redis

from fleet.watch.leases import Leases
from fleet.watch.roster import watchers

BEAT: dict[str, str | int | float] = {
    "pid": 7,
    "hostname": "vm",
    "version": "1",
    "hosts": 3,
    "started": 1e9,
    "beat": 2e9,
}


@pytest.fixture
def real_redis(redis_server: str, settings: Settings) -> str:
    settings.IN_MEMORY = False
    settings.REDIS_URL = redis_server
    return redis_server


async def test_it_lists_who_beats_and_forgets_who_leaves(real_redis: str) -> None:
    client = Redis.from_url(real_redis)
    one, two = Leases(client, "a", 60), Leases(client, "b", 60)
    await one.renew({}, {**BEAT, "started": 2e9})
    await two.renew({}, BEAT)
    assert [found.id for found in watchers()] == ["b", "a"]
    found = watchers()[0]
    assert (found.hostname, found.pid, found.hosts, found.started.year) == ("vm", 7, 3, 2001)
    await two.leave()
    assert [found.id for found in watchers()] == ["a"]
    await client.aclose()


def test_it_says_nothing_of_watchers_while_redis_is_away(settings: Settings) -> None:
    settings.IN_MEMORY = False
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    with pytest.raises(RedisError):
        watchers()
