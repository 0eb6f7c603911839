"""Cloned machines: two engines with one id, whose containers have equal ids and names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from fleet.engine.fake import FakeEngine
from fleet.models import Container, Event, Host, HostState
from fleet.watch.database import Database
from tests.watch.conftest import following

pytestmark = pytest.mark.django_db(transaction=True)
Until = Callable[..., Awaitable[Any]]


@pytest.fixture
async def clones(tmp_path: Path) -> AsyncIterator[list[FakeEngine]]:
    """An engine with two containers, and another that runs on a copy of its disk."""
    async with (
        FakeEngine(tmp_path / "a.sock", name="a") as one,
        FakeEngine(tmp_path / "b.sock", name="b") as other,
    ):
        one.state.add("web")
        one.state.add("db")
        other.state.become_clone_of(one.state)
        yield [one, other]


@pytest.fixture
async def watched(
    clones: list[FakeEngine], host: Host, other_host: Host, database: Database, until: Until
) -> AsyncIterator[list[Host]]:
    """Their hosts, both followed."""
    hosts = [host, other_host]
    for row, fake in zip(hosts, clones, strict=True):
        row.url, row.state, row.last_seen = fake.url, HostState.UNKNOWN, None
        await database.run(row.save)
    async with AsyncExitStack() as stack:
        for row in hosts:
            await stack.enter_async_context(following(row, database))
        await until(all_seen, "both with their containers")
        yield hosts


def all_seen() -> bool:
    states = set(Host.objects.values_list("state", flat=True))
    return states == {HostState.REACHABLE} and Container.objects.count() == 4


def rows_of(host: Host) -> list[dict[str, Any]]:
    return [dict(row) for row in Container.objects.filter(host=host).order_by("name").values()]


def kinds_of(host: Host) -> list[str]:
    rows = Event.objects.filter(host=host, object_kind="container").order_by("at", "id")
    return list(rows.values_list("kind", flat=True))


async def test_each_has_rows_of_its_own(watched: list[Host], database: Database) -> None:
    ids = await database.run(lambda: list(Host.objects.values_list("engine_id", flat=True)))
    assert ids == ["FAKE:a", "FAKE:a"]
    one, other = [await database.run(rows_of, host) for host in watched]
    for name in ("engine_id", "name", "state", "created_at"):
        assert [row[name] for row in one] == [row[name] for row in other]
    assert not {row["id"] for row in one} & {row["id"] for row in other}


async def test_what_happens_on_one_leaves_the_other_as_it_was(
    watched: list[Host], clones: list[FakeEngine], database: Database, until: Until
) -> None:
    one, other = watched
    before = await database.run(rows_of, other)
    clones[0].state.stop(clones[0].state.find("web"))
    clones[0].state.remove(clones[0].state.find("db"), force=True)
    await until(lambda: [row["state"] for row in rows_of(one)] == ["exited"], "one changed")
    await until(lambda: "destroy" in kinds_of(one), "its events")
    assert await database.run(rows_of, other) == before
    assert await database.run(kinds_of, other) == []
    clones[1].state.pause(clones[1].state.find("web"))
    await until(lambda: kinds_of(other) == ["pause"], "the other's event")
    assert [row["state"] for row in await database.run(rows_of, other)] == ["running", "paused"]
    assert [row["state"] for row in await database.run(rows_of, one)] == ["exited"]


async def test_one_that_is_away_says_nothing_of_the_other(
    watched: list[Host], clones: list[FakeEngine], database: Database, until: Until
) -> None:
    one, other = watched

    def states() -> list[str]:
        return [Host.objects.get(pk=host.pk).state for host in watched]

    await clones[0].stop()
    await until(lambda: states() == ["unreachable", "reachable"], "one is away")
    clones[1].state.remove(clones[1].state.find("web"), force=True)
    await until(lambda: len(rows_of(other)) == 1, "a row of the other to go")
    assert len(await database.run(rows_of, one)) == 2
    assert await database.run(kinds_of, one) == []
