"""Following a fake engine: every change gets a row, every fault a reason, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.db import Error as DatabaseError
from django.db import connection

from fleet.engine.fake import FakeEngine
from fleet.engine.fake_fleet import populate
from fleet.models import Container, Event, Host, HostState
from fleet.publish import GROUP, ContainersChanged, EventsAdded, Hint, HostsChanged, hint_of
from fleet.watch.database import Database
from fleet.watch.follow import Follower
from fleet.watch.session import Timing
from tests.watch.conftest import QUICK, following

pytestmark = pytest.mark.django_db(transaction=True)

Until = Callable[..., Awaitable[Any]]


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    async with FakeEngine(tmp_path / "d.sock") as made:
        yield made


@pytest.fixture
def row(host: Host, tmp_path: Path) -> Host:
    """The host's row, never yet reached."""
    host.url, host.state, host.last_seen = f"unix://{tmp_path}/d.sock", HostState.UNKNOWN, None
    host.save()
    return host


def state() -> str:
    return Host.objects.get().state


def reachable() -> bool:
    return state() == HostState.REACHABLE


def kinds(**filters: Any) -> list[str]:
    rows = Event.objects.filter(**filters).order_by("at", "id")
    return list(rows.values_list("kind", flat=True))


def has_row(**filters: Any) -> Callable[[], bool]:
    return lambda: Container.objects.filter(**filters).exists()


def container_ids() -> list[int]:
    return list(Container.objects.values_list("id", flat=True))


def states() -> dict[str, str]:
    return dict(Container.objects.values_list("name", "state"))


async def test_it_takes_a_host_as_it_is(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    fake.state.add("one")
    fake.state.add("two", state="exited")
    async with following(row, database):
        await until(lambda: states() == {"one": "running", "two": "exited"}, "both rows")
        await until(reachable, "reachable")
    # What was there before the story began is no change.
    assert await database.run(kinds, object_kind="container") == []
    assert await database.run(kinds, object_kind="host") == ["reachable"]


async def test_it_tells_a_whole_life(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    async with following(row, database):
        await until(reachable, "reachable")
        it = fake.state.add("one")
        await until(lambda: states() == {"one": "running"}, "running")
        fake.state.pause(it)
        await until(lambda: states() == {"one": "paused"}, "paused")
        fake.state.unpause(it)
        fake.state.rename(it, "other")
        fake.state.set_health(it, "healthy")
        await until(has_row(name="other", health="healthy"), "renamed")
        fake.state.die(it, 137, oom=True)
        await until(has_row(exit_code=137, oom_killed=True), "exited")
        fake.state.remove(it, force=False)
        await until(lambda: not states(), "no row")
        await until(lambda: "destroy" in kinds(object_kind="container"), "its last event")
    told = ["create", "start", "pause", "unpause", "rename", "health_status", "oom", "die"]
    assert await database.run(kinds, object_kind="container") == [*told, "destroy"]


async def test_it_hints_at_rows_after_they_are_written(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    async with following(row, database):
        await until(reachable, "reachable")
        it = fake.state.add("one")
        await until(lambda: kinds(kind="start"), "start")
        ids = await database.run(container_ids)
        fake.state.remove(it, force=True)
        hints: list[Hint] = []
        while not hints or not getattr(hints[-1], "removed", None):
            hints.append(hint_of(await asyncio.wait_for(layer.receive(channel), 5)))
    assert HostsChanged([row.id]) in hints
    assert ContainersChanged(row.id, ids, []) in hints
    assert hints[-1] == ContainersChanged(row.id, [], ids)
    told = [hint.ids for hint in hints if isinstance(hint, EventsAdded)]
    known = await database.run(lambda: set(Event.objects.values_list("id", flat=True)))
    assert {event_id for ids in told for event_id in ids} <= known


async def test_it_writes_two_hundred_restarts_at_once_correctly(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    populate(fake, 0)
    made = [fake.state.add(f"c-{number}") for number in range(200)]
    async with following(row, database):
        await until(lambda: len(states()) == 200, "200 rows")
        for it in made:
            fake.state.restart(it)
        await until(lambda: len(kinds(kind="restart")) == 200, "200 restarts")
        assert set((await database.run(states)).values()) == {"running"}
    assert len(await database.run(kinds, kind="start")) == 200


async def test_it_says_why_a_host_does_not_answer_and_comes_back(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    it = fake.state.add("one")
    async with following(row, database):
        await until(lambda: states() == {"one": "running"}, "running")
        await fake.stop()
        await until(lambda: state() == HostState.UNREACHABLE, "unreachable")
        codes = {"refused", "socket_missing"}
        await until(lambda: Host.objects.get().state_code in codes, "the reason")
        assert (await database.run(Host.objects.get)).state_message
        assert await database.run(states) == {"one": "running"}
        fake.state.die(it, 1)
        await fake.start()
        await until(reachable, "reachable again")
        await until(lambda: states() == {"one": "exited"}, "what changed meanwhile")
        await until(lambda: kinds(object_kind="container"), "its event")
    # The engine kept the event and was asked for it.
    assert await database.run(kinds, object_kind="container") == ["die"]
    assert await database.run(kinds, object_kind="host") == [
        "reachable",
        "unreachable",
        "reachable",
    ]


async def test_it_confesses_changes_of_which_the_engine_kept_no_event(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    it, gone = fake.state.add("one"), fake.state.add("gone")
    async with following(row, database):
        await until(lambda: len(states()) == 2, "both rows")
        await fake.stop()
        fake.state.die(it, 1)
        fake.state.remove(gone, force=True)
        fake.state.history.clear()
        await fake.start()
        await until(lambda: states() == {"one": "exited"}, "what changed meanwhile")
        await until(lambda: len(kinds(kind="seen")) == 2, "both told")
    seen = await database.run(
        lambda: set(Event.objects.filter(kind="seen").values_list("object_name", "to_state"))
    )
    assert seen == {("one", "exited"), ("gone", "")}


async def test_it_records_no_event_twice_across_connections(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    async with following(row, database):
        await until(reachable, "reachable")
        it = fake.state.add("one")
        await until(lambda: kinds(kind="start"), "start")
        for _ in range(3):
            requests = len(fake.requests)
            fake.cut()
            await until(
                lambda seen=requests: any("/events" in one for one in fake.requests[seen:]), "anew"
            )
        fake.state.pause(it)
        await until(lambda: kinds(kind="pause"), "pause")
    assert await database.run(kinds, object_kind="container") == ["create", "start", "pause"]


async def test_it_goes_on_where_another_watcher_stopped(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    async with following(row, database):
        await until(reachable, "reachable")
        it = fake.state.add("one")
        await until(lambda: kinds(kind="start"), "start")
    fake.state.restart(it)
    async with following(row, database):
        await until(lambda: kinds(kind="restart"), "the restart that nobody saw")
    told = ["create", "start", "kill", "die", "stop", "start", "restart"]
    assert await database.run(kinds, object_kind="container") == told


async def test_it_notices_an_engine_that_hangs_on_a_quiet_stream(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    async with following(row, database):
        await until(reachable, "reachable")
        fake.faults.hang = True
        await until(lambda: state() == HostState.UNREACHABLE, "unreachable")
        assert (await database.run(Host.objects.get)).state_code == "timeout"
        fake.faults.hang = False
        await until(reachable, "reachable again")


async def test_it_finds_what_no_event_told_by_listing_again(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    it = fake.state.add("one")
    often = Timing(**{**QUICK.__dict__, "relist": 0.3})
    async with following(row, database, often):
        await until(lambda: states() == {"one": "running"}, "running")
        it.state = "paused"
        await until(lambda: states() == {"one": "paused"}, "paused")
        await until(lambda: kinds(kind="seen"), "told")


async def test_it_writes_nothing_when_a_list_finds_nothing_new(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    fake.state.add("one")
    often = Timing(**{**QUICK.__dict__, "relist": 0.05})
    async with following(row, database, often):
        await until(lambda: states() == {"one": "running"}, "running")
        lists = fake.requests.count
        path = next(one for one in fake.requests if "/containers/json" in one)
        before = lists(path)
        await until(lambda: lists(path) > before + 3, "more lists")
        assert (await database.run(Container.objects.get)).revision == 1


async def test_it_skips_a_container_that_the_engine_cannot_describe(
    fake: FakeEngine, row: Host, database: Database, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = fake.state.add("bad"), fake.state.add("good")

    def broken() -> dict[str, Any]:
        raise RuntimeError("no such layer")

    monkeypatch.setattr(bad, "inspect", broken)
    async with following(row, database):
        await until(lambda: states() == {"good": "running"}, "the other one")
        fake.state.pause(good)
        await until(lambda: states() == {"good": "paused"}, "still following")
        assert await database.run(state) == HostState.REACHABLE


@pytest.mark.parametrize(
    ("fault", "code"), [("not_docker", "not_docker"), ("garbage", "not_docker")]
)
async def test_it_says_when_it_is_no_engine(
    fake: FakeEngine, row: Host, database: Database, until: Until, fault: str, code: str
) -> None:
    setattr(fake.faults, fault, True)
    async with following(row, database):
        await until(lambda: state() == HostState.UNREACHABLE, "unreachable")
        assert (await database.run(Host.objects.get)).state_code == code


async def test_it_says_when_a_secret_is_lost(row: Host, database: Database, until: Until) -> None:
    row.ssh_key_encrypted = "not a token of ours"
    async with following(row, database):
        await until(lambda: state() == HostState.UNREACHABLE, "unreachable")
    found = await database.run(Host.objects.get)
    assert found.state_code == "secret_lost"
    assert "Enter it again" in found.state_message


async def test_it_says_when_an_address_cannot_be_used(
    row: Host, database: Database, until: Until
) -> None:
    row.url = "ftp://nowhere"
    async with following(row, database):
        await until(lambda: state() == HostState.UNREACHABLE, "unreachable")
        assert (await database.run(Host.objects.get)).state_code == "bad_endpoint"


async def test_it_stops_for_a_host_that_is_removed_or_disabled(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    follower = Follower(row, 1, database, lambda: True, QUICK)
    task = asyncio.create_task(follower.run())
    await until(reachable, "reachable")
    await database.run(lambda: Host.objects.all().delete())
    fake.state.add("one")
    await asyncio.wait_for(task, 10)
    assert not await database.run(Container.objects.exists)


async def test_it_writes_nothing_once_the_lease_is_lost(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    ours = True
    follower = Follower(row, 1, database, lambda: ours, QUICK)
    task = asyncio.create_task(follower.run())
    await until(reachable, "reachable")
    ours = False
    fake.state.add("one")
    await asyncio.wait_for(task, 10)
    assert await database.run(states) == {}


async def test_it_outlives_a_lost_connection_to_the_database(
    fake: FakeEngine, row: Host, database: Database, until: Until
) -> None:
    def hang_up() -> None:
        if connection.vendor != "postgresql":
            pytest.skip("A file does not hang up.")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    async with following(row, database):
        await until(reachable, "reachable")
        with pytest.raises(DatabaseError):
            await database.run(hang_up)
        fake.state.add("one")
        await until(lambda: states() == {"one": "running"}, "the row")
    assert await database.run(kinds, object_kind="host") == ["reachable"]
