"""One stream of readings for all who look at a container."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard.live.topics.stats import message_of
from fleet.engine.endpoint import Endpoint
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_state import FakeContainer
from fleet.engine.fake_stats import LIMIT, MEMORY
from fleet.engine.stats import Usage
from fleet.logs import shared
from fleet.logs.marks import Mark
from fleet.logs.target import LogTarget
from fleet.stats.hub import (
    KEPT,
    Item,
    Reader,
    StatsHub,
    StatsUpstream,
    current_stats_hub,
    open_stats,
)
from tests.waiting import eventually_async

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeEngine]:
    """A fake engine that tells often; no database is looked at."""
    monkeypatch.setattr(shared, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(shared, "LONGEST_WAIT", 0.2)
    monkeypatch.setattr("fleet.logs.target.read_target", lambda old: old)
    async with FakeEngine(tmp_path / "stats.sock") as engine:
        engine.faults.stats_every = 0.05
        yield engine


@pytest.fixture
def web(fake: FakeEngine) -> FakeContainer:
    """A running container."""
    return fake.state.add("web-1")


@pytest.fixture
def target(fake: FakeEngine, web: FakeContainer) -> LogTarget:
    """It, to be measured."""
    return LogTarget(1, web.id, Endpoint(fake.url))


async def until(reader: Reader, wanted: type[Usage] | type[Mark] | None) -> Item:
    """Return the first reading of a kind; None: that it does not run."""
    while True:
        for item in await reader.next():
            if item is None if wanted is None else isinstance(item, wanted):
                return item


async def test_it_measures(target: LogTarget) -> None:
    with StatsHub().reading(target) as reader:
        usage = await until(reader, Usage)
    assert isinstance(usage, Usage)
    assert usage.cpu == pytest.approx(25, abs=0.1)
    assert (usage.memory, usage.memory_limit, usage.processes) == (MEMORY, LIMIT, 3)
    assert usage.received == pytest.approx(1000, rel=0.2)
    assert usage.sent == pytest.approx(2000, rel=0.2)


async def test_it_shares_one_stream_and_ends_it_with_the_last_reader(
    target: LogTarget, fake: FakeEngine
) -> None:
    hub = StatsHub()
    with hub.reading(target) as one:
        await until(one, Usage)
        with hub.reading(target) as two:
            assert isinstance((await two.next())[0], Usage)  # what was kept, at once
            await until(one, Usage)
        await until(one, Usage)
    assert sum("/stats" in request for request in fake.requests) == 1
    assert hub.upstreams == {}
    await eventually_async(lambda: fake.connections == 0, "it has hung up")


async def test_it_is_counted_what_is_measured_and_who_looks(target: LogTarget) -> None:
    before = open_stats()
    hub = current_stats_hub()
    with hub.reading(target), hub.reading(target):
        streams, readers = open_stats()
    assert (streams - before[0], readers - before[1]) == (1, 2)
    assert open_stats() == before


async def test_it_says_that_it_does_not_run_and_goes_on_after_a_start(
    target: LogTarget, fake: FakeEngine, web: FakeContainer
) -> None:
    with StatsHub().reading(target) as reader:
        await until(reader, Usage)
        fake.state.stop(web)
        assert await until(reader, None) is None
        fake.state.start(web)
        assert await until(reader, Usage)


async def test_it_comes_back_to_a_host_and_ends_with_the_container(
    target: LogTarget, fake: FakeEngine, web: FakeContainer
) -> None:
    with StatsHub().reading(target) as reader:
        await until(reader, Usage)
        fake.cut()
        away = await until(reader, Mark)
        assert isinstance(away, Mark) and away.code == "away"
        await until(reader, Usage)
        fake.state.remove(web, force=True)
        end = await until(reader, Mark)
        assert isinstance(end, Mark) and end.code == "removed"


async def test_a_slow_reader_gets_the_newest() -> None:
    reader = Reader()
    for number in range(KEPT + 10):
        reader.put(Mark(str(number)))
    found = await reader.next()
    assert [item.code for item in found if item] == [  # type: ignore[union-attr]
        str(number) for number in range(10, KEPT + 10)
    ]


async def test_who_comes_later_gets_the_last_minute_only() -> None:
    """Whatever came before a time without readings is no part of it, nor a clock set back."""
    upstream = StatsUpstream(LogTarget(1, "a" * 64, None))
    at = datetime(2026, 11, 29, 12, tzinfo=UTC)

    def kept(*seconds: float) -> list[float]:
        for one in seconds:
            upstream._tell(Usage(at + timedelta(seconds=one), 1, 2, *[None] * 6))
        upstream.join(reader := Reader())
        found = [reader._items.get_nowait() for _ in range(reader._items.qsize())]
        return [(item.at - at).total_seconds() for item in found if isinstance(item, Usage)]

    assert kept(0, 5, 30, 60) == [0, 5, 30, 60]
    assert kept(63) == [5, 30, 60, 63]
    upstream._tell(Mark("away"))
    assert kept(600) == [600]
    assert kept(-3000, -2999) == [-3000, -2999]


def test_a_message_says_why_there_is_nothing() -> None:
    assert message_of([None], "")["runs"] is False
    assert message_of([Mark("removed")], "")["note"] == "The container was removed."
