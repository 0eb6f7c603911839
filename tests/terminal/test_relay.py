"""A session whose socket another web process got, through a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from fleet.engine.endpoint import Endpoint
from fleet.engine.fake import FakeEngine
from fleet.engine.protocol import versions
from fleet.engine.terminals import Size
from fleet.models import Container
from fleet.terminal import relay
from fleet.terminal.ask import Ask
from fleet.terminal.hub import Link, Terminals
from fleet.terminal.problems import Problem
from fleet.terminal.records import Record
from fleet.terminal.relay import RemoteLink
from fleet.terminal.session import Owner
from fleet.terminal.target import TerminalTarget
from fleet.terminal.view import WINDOW, View
from tests.services import redis_server

__all__ = ["redis_server"]
ANN, BOB = 1, 2


class NoRecord:
    """The audit log is not what is tested here."""

    async def opened(self) -> None:
        """Write nothing."""

    async def closed(self, *_facts: Any, began: bool) -> None:
        """Write nothing."""


@dataclass
class Pair:
    """Two web processes, and a session of Ann's in the first."""

    fake: FakeEngine
    one: Terminals
    two: Terminals
    link: Link


@pytest.fixture
async def pair(
    redis_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pair]:
    monkeypatch.setattr(relay, "HERE_EVERY", 0.3)
    versions._known.clear()
    async with FakeEngine(tmp_path / "fake.sock") as fake:
        web = fake.state.add("web-1")
        one, two = Terminals(redis_server), Terminals(redis_server)
        row = Container(engine_id=web.id, host_id=1)
        target = TerminalTarget(row, Endpoint(fake.url))

        async def stays() -> None:
            return None

        owner = Owner(ANN, "en", stays, keep=60)
        link = one.open(target, Ask(), owner, cast(Record, NoRecord()), View(Size()))
        await until(link, "$ ")
        while not await two.office.owner_of(link.session.id):
            await asyncio.sleep(0.01)
        yield Pair(fake, one, two, link)
        link.session.end()
        await link.session.task
        await one.office.close()


async def until(link: Link | RemoteLink, wanted: str) -> bytes:
    """Return the output up to a text."""
    said = b""
    async with asyncio.timeout(10):
        while wanted.encode() not in said:
            item = await link.next()
            link.sent(item)
            said += item if isinstance(item, bytes) else b""
    return said


async def message(link: Link | RemoteLink, kind: str) -> dict[str, Any]:
    """Return the next message of a kind."""
    async with asyncio.timeout(10):
        while True:
            item = await link.next()
            if isinstance(item, dict) and item["type"] == kind:
                return item


async def test_it_is_found_and_goes_on(pair: Pair) -> None:
    await pair.link.leave()
    far = await pair.two.join(pair.link.session.id, ANN, View(Size(120, 40)))
    assert isinstance(far, RemoteLink)
    assert b"$ " in await until(far, "$ ")
    await far.type(b"hello\rsize\r")
    assert b"hello" in await until(far, "120x40")
    await far.resize(Size(99, 33))
    (process,) = pair.fake.terminals.running
    async with asyncio.timeout(5):
        while process.size != (99, 33):
            await asyncio.sleep(0.01)
    await far.type(b"exit 6\r")
    assert (await message(far, "ended"))["exit_code"] == 6
    await far.leave()


async def test_it_is_nobody_elses(pair: Pair) -> None:
    far = await pair.two.join(pair.link.session.id, BOB, View(Size()))
    assert (await message(far, "problem"))["code"] == "unknown"
    await pair.link.type(b"mine\r")
    await until(pair.link, "mine")  # and its viewer still has it


async def test_nobody_knows_what_never_was(pair: Pair) -> None:
    with pytest.raises(Problem):
        await pair.two.join("no-such-session", ANN, View(Size()))


async def test_a_slow_viewer_elsewhere_makes_the_process_wait(pair: Pair) -> None:
    far = await pair.two.join(pair.link.session.id, ANN, View(Size(), acks=True))
    await until(far, "$ ")
    await far.type(b"flood 3000\r")
    said = b""
    while len(said) < WINDOW:
        item = await far.next()
        said += item if isinstance(item, bytes) else b""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.25):
            while True:
                item = await far.next()
                said += item if isinstance(item, bytes) else b""
    assert len(said) < WINDOW + 300 * 1024
    while b"x\r\n$ " not in said[-8:]:
        await far.shown(WINDOW)
        item = await far.next()
        said += item if isinstance(item, bytes) else b""
    assert len(said) > 3000 * 1024
    await far.leave()


async def test_a_viewer_that_falls_silent_is_gone(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "SILENT_AFTER", 0.1)
    far = await pair.two.join(pair.link.session.id, ANN, View(Size()))
    await until(far, "$ ")
    async with asyncio.timeout(5):
        while not pair.link.session.is_left:
            await asyncio.sleep(0.05)


async def test_it_tells_that_the_owner_is_gone(pair: Pair) -> None:
    far = await pair.two.join(pair.link.session.id, ANN, View(Size()))
    await until(far, "$ ")
    await pair.one.office.close()
    await pair.one.office.redis.delete(relay.place_key(pair.link.session.id))
    assert (await message(far, "ended"))["code"] == "stopped"


async def test_ending_it_from_elsewhere_leaves_nothing(pair: Pair) -> None:
    far = await pair.two.join(pair.link.session.id, ANN, View(Size()))
    await until(far, "$ ")
    await far.end()
    assert (await message(far, "ended"))["code"] == "closed"
    assert not pair.fake.terminals.running


async def test_a_viewer_elsewhere_that_lies_makes_nothing_grow(pair: Pair) -> None:
    far = await pair.two.join(pair.link.session.id, ANN, View(Size(), acks=True))
    assert isinstance(far, RemoteLink)
    await until(far, "$ ")
    await far.shown(10**12)
    await far.type(b"flood 3000\r")
    for _ in range(30):  # and takes nothing meanwhile
        await far.shown(10**12)
        await asyncio.sleep(0.01)
    key = relay.list_key(far._id)
    waiting: Any = pair.two.office.redis.lrange(key, 0, -1)
    assert sum(len(item) for item in await waiting) < WINDOW + 300 * 1024
    await far.leave()
