"""A session whose socket another web process got, while Redis fails now and then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisGone

from fleet.engine.terminals import Size
from fleet.terminal import hub, relay
from fleet.terminal.relay import RemoteLink
from fleet.terminal.view import WINDOW, View
from tests.services import redis_server
from tests.terminal.test_relay import ANN, Pair, message, pair, until

__all__ = ["pair", "redis_server"]


class Faults:
    """The next pushes that fail, each in its way; `done`: Redis took it before it failed."""

    def __init__(self) -> None:
        self.wanted: Callable[[str, Any], bool] = lambda _key, _item: False
        self.times = 0
        self.done = self.twice = False

    def next(self, wanted: Callable[[str, Any], bool], times: int = 2, *, done: bool) -> None:
        """Fail so many times with what is wanted."""
        self.wanted, self.times, self.done = wanted, times, done

    async def push(self, redis: Redis, key: str, item: Any) -> None:
        """In place of the real one."""
        fails = self.times > 0 and self.wanted(key, item)
        if not fails or self.done:
            await PUSH(redis, key, item)
        if self.twice:
            await PUSH(redis, key, item)
        if fails:
            self.times -= 1
            raise RedisGone


PUSH, POP = relay.push, relay.pop


@pytest.fixture(autouse=True)
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    found = Faults()
    monkeypatch.setattr(relay, "push", found.push)
    monkeypatch.setattr(relay, "RETRY_SECONDS", 0.05)
    return found


async def joined(pair: Pair) -> RemoteLink:
    """Return a viewer in the other process."""
    far = await pair.two.join(pair.link.session.id, ANN, View(Size(), acks=True))
    assert isinstance(far, RemoteLink)
    await until(far, "$ ")
    return far


def is_output(key: str, _item: Any) -> bool:
    return ":out:" in key


def does(do: str) -> Callable[[str, Any], bool]:
    return lambda key, item: ":box:" in key and json.loads(item)["do"] == do


async def test_an_end_that_redis_did_not_take_is_told(pair: Pair, faults: Faults) -> None:
    far = await joined(pair)
    faults.next(lambda key, item: is_output(key, item) and b'"ended"' in item, done=False)
    await far.end()
    assert (await message(far, "ended"))["code"] == "closed"
    assert faults.times == 0


@pytest.mark.parametrize("done", [True, False])
async def test_output_comes_once_and_whole(pair: Pair, faults: Faults, done: bool) -> None:
    far = await joined(pair)
    faults.next(is_output, done=done)
    said = b""
    for word in ("one", "two", "three"):
        await far.type(f"{word}\r".encode())
        said += await until(far, f"{word}\r\n$ ")
    assert [said.count(word) for word in (b"one", b"two", b"three")] == [1, 1, 1]
    assert faults.times == 0


async def test_nothing_is_typed_twice(pair: Pair, faults: Faults) -> None:
    far = await joined(pair)
    faults.twice = True  # as Redis's client does when it doubts
    await far.type(b"mine")
    faults.twice = False
    await far.type(b"\r")
    assert (await until(far, "\r\n")).count(b"mine") == 1


async def test_what_was_shown_is_told_at_last(pair: Pair, faults: Faults) -> None:
    far = await joined(pair)
    await far.type(b"flood 1000\r")
    said = b""
    while len(said) < WINDOW:
        item = await far.next()
        said += item if isinstance(item, bytes) else b""
    faults.next(does("shown"), 1, done=False)
    await far.shown(len(said))
    assert faults.times == 0
    await until(far, "x\r\n$ ")


async def test_what_got_lost_on_the_way_is_shown_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = await joined(pair)
    lost = asyncio.Event()

    async def pop(redis: Redis, key: str, seconds: float) -> bytes | None:
        found = await POP(redis, key, seconds)
        if found is not None and ":out:" in key and not lost.is_set():
            lost.set()
            raise RedisGone
        return found

    monkeypatch.setattr(relay, "pop", pop)
    await far.type(b"hello\r")
    await message(far, "opened")
    await until(far, "hello")
    assert lost.is_set()


async def test_the_last_that_got_lost_is_told_too(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = await joined(pair)

    async def pop(redis: Redis, key: str, seconds: float) -> bytes | None:
        found = await POP(redis, key, seconds)
        if found is not None and b'"ended"' in found:
            monkeypatch.setattr(relay, "pop", POP)
            return None  # as when Redis's client has asked twice
        return found

    monkeypatch.setattr(relay, "pop", pop)
    await far.end()
    assert (await message(far, "ended"))["code"] == "closed"


async def test_who_was_forgotten_comes_back(pair: Pair) -> None:
    far = await joined(pair)
    for ident in list(pair.one.office._guests):
        pair.one.office._leave(ident)
    await message(far, "opened")
    await far.type(b"still here\r")
    await until(far, "still here\r\n")


async def test_what_was_over_for_long_is_here_no_more(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "ENDED_KEPT_SECONDS", 0.0)
    pair.link.session.end()
    await pair.link.session.task
    assert list(pair.one.office._here()) == []
