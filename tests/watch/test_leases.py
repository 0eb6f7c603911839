"""Leases in a real Redis: shared fairly, kept, given back, taken over."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from fleet.watch.leases import Leases, fair_share, lease_key
from tests.waiting import eventually_async

HOSTS = list(range(1, 11))
LONG = 60.0


@pytest.fixture
async def redis(redis_server: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_server)
    yield client
    await client.aclose()


async def beat(one: Leases, hosts: list[int] | None = None, *, row: int = 0) -> set[int]:
    """Do what a watcher does at each round; return what it holds then.

    `row` is the number that is on the hosts' rows.
    """
    wanted = dict.fromkeys(HOSTS if hosts is None else hosts, row)
    extra = await one.renew(wanted, {"pid": 1})
    await one.release(extra)
    return set(one.held)


@pytest.mark.parametrize(
    ("hosts", "watchers", "share"), [(10, 1, 10), (10, 3, 4), (3, 2, 2), (0, 2, 0), (1, 0, 1)]
)
def test_it_rounds_the_share_up(hosts: int, watchers: int, share: int) -> None:
    assert fair_share(hosts, watchers) == share


async def test_it_takes_everything_when_alone(redis: Redis) -> None:
    assert await beat(Leases(redis, "a", LONG)) == set(HOSTS)


async def test_it_shares_with_a_second_watcher_and_then_rests(redis: Redis) -> None:
    one, two = Leases(redis, "a", LONG), Leases(redis, "b", LONG)
    await beat(one)
    await beat(two)
    first, second = await beat(one), await beat(two)
    assert (len(first), len(second)) == (5, 5)
    assert first | second == set(HOSTS)
    for _ in range(5):
        assert (await beat(one), await beat(two)) == (first, second)


async def test_it_never_gives_one_host_to_two(redis: Redis) -> None:
    three = [Leases(redis, name, LONG) for name in "abc"]
    for _ in range(4):
        held = [await beat(one) for one in three]
        assert sum(map(len, held)) == len(set().union(*held))
    assert set().union(*held) == set(HOSTS)


async def test_it_takes_over_from_a_watcher_that_died(redis: Redis) -> None:
    dead = Leases(redis, "dead", 0.3)
    one = Leases(redis, "a", 0.3)
    await beat(dead)
    await beat(one)
    taken: set[int] = set()
    while taken != set(HOSTS):
        taken = await beat(one)


async def test_it_hands_over_at_once_when_it_leaves(redis: Redis) -> None:
    one, two = Leases(redis, "a", LONG), Leases(redis, "b", LONG)
    await beat(one)
    await one.leave()
    assert one.held == frozenset()
    assert await beat(two) == set(HOSTS)


async def test_it_lets_go_of_hosts_that_nobody_wants(redis: Redis) -> None:
    one = Leases(redis, "a", LONG)
    await beat(one)
    assert await beat(one, [1, 2]) == {1, 2}


async def test_it_does_not_release_what_became_another_watchers(redis: Redis) -> None:
    one = Leases(redis, "a", LONG)
    await beat(one)
    await redis.set(lease_key(1), "b")
    await one.release([1])
    assert await redis.get(lease_key(1)) == b"b"
    assert not one.holds(1)


async def test_it_notices_that_a_lease_was_lost(redis: Redis) -> None:
    one = Leases(redis, "a", LONG)
    await beat(one)
    await redis.set(lease_key(1), "b")
    assert await beat(one) == set(HOSTS) - {1}


async def test_it_keeps_what_it_has_when_redis_forgets_everything(redis: Redis) -> None:
    one, two = Leases(redis, "a", LONG), Leases(redis, "b", LONG)
    for each in (one, two, one, two):
        await beat(each)
    before = set(one.held)
    await redis.flushall()
    await redis.script_flush()
    await beat(one, HOSTS)
    await beat(two, HOSTS)
    assert await beat(one) == before


async def test_it_believes_in_a_lease_only_as_long_as_it_was_renewed(redis: Redis) -> None:
    one = Leases(redis, "a", 0.2)
    await beat(one)
    assert one.holds(1)
    await eventually_async(lambda: not one.holds(1), "the lease to run out")
    assert one.held == frozenset()


async def test_it_numbers_each_taking_higher_than_the_one_before(redis: Redis) -> None:
    one, two = Leases(redis, "a", LONG), Leases(redis, "b", LONG)
    await beat(one, [1])
    first = one.number(1)
    await one.leave()
    await beat(two, [1])
    second = two.number(1)
    await two.leave()
    await beat(one, [1])
    assert 0 < first < second < one.number(1)


async def test_it_keeps_its_number_as_long_as_it_keeps_the_lease(redis: Redis) -> None:
    one = Leases(redis, "a", LONG)
    await beat(one)
    before = one.number(1)
    await beat(one, row=before)
    assert one.number(1) == before


async def test_it_takes_a_new_number_with_a_lease_whose_loss_it_did_not_see(redis: Redis) -> None:
    one, two = Leases(redis, "a", LONG), Leases(redis, "b", LONG)
    await beat(one, [1])
    before = one.number(1)
    await redis.delete(lease_key(1))
    await beat(two, [1])
    await two.leave()
    await beat(one, [1])
    assert one.number(1) > before


@pytest.mark.parametrize("ahead", [1, 10**14])
async def test_it_is_never_locked_out_by_a_number_of_the_past(redis: Redis, ahead: int) -> None:
    one = Leases(redis, "a", LONG)
    await beat(one, [1])
    # Redis lost everything and its clock was set back: rows carry higher numbers than it gives.
    row = one.number(1) + ahead
    await redis.flushall()
    await beat(one, [1], row=row)
    assert one.number(1) > row
    # Or somebody else wrote with a higher one while the lease is ours.
    row = one.number(1) + ahead
    await beat(one, [1], row=row)
    assert one.number(1) > row


async def test_it_takes_anew_what_it_does_not_know_that_it_took(redis: Redis) -> None:
    await beat(Leases(redis, "a", LONG), [1])  # the answer of this call got lost
    one = Leases(redis, "a", LONG)
    assert await beat(one, [1]) == {1}
    assert one.number(1) > 0
