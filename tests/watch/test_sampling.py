"""Reading what containers use: true figures, bounded costs, nothing from who does not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path
from unittest.mock import Mock, patch

import pytest
from django.db import OperationalError

from fleet.cancel import cancel
from fleet.engine.aio import open_async
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import Conflict, NotFound
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_stats import LIMIT, MEMORY
from fleet.engine.stats import Counters
from fleet.engine.types import EngineEvent
from fleet.models import Container, Host, UsageFrame, UsageNow
from fleet.stats.keeping import Packed, save_usage
from fleet.stats.packing import SUM, Table, pack, unpack
from fleet.stats.rollup import Trail
from fleet.watch import sampling as module
from fleet.watch.database import Database
from fleet.watch.follow import Follower
from fleet.watch.sampling import (
    RAREST,
    Ledger,
    Pace,
    Reading,
    Sampler,
    keep_books,
    next_load,
    usage_of,
)
from tests.conftest import make_container
from tests.waiting import eventually_async
from tests.watch.conftest import QUICK

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECOND = 10**9
COUNTERS = Counters(START, 100 * SECOND, 1000, 4000, 5000, 6000, 7000, 8000, 3)


def later(seconds: float, ours: float | None = None, **changes: int) -> Reading:
    """Return a reading so much later, by the engine's clock and by ours."""
    counters = replace(COUNTERS, at=START + timedelta(seconds=seconds), **changes)
    return Reading(counters, 50 + (seconds if ours is None else ours))


def test_it_counts_from_one_reading_to_the_next() -> None:
    usage = usage_of(later(0), later(10, cpu_ns=115 * SECOND, received=5500, sent=6000))
    assert usage is not None
    assert (usage.cpu, usage.received, usage.sent) == (150, 50, 0)


def test_the_first_reading_tells_nothing() -> None:
    assert usage_of(None, later(0)) is None


def test_counters_that_begin_anew_tell_nothing() -> None:
    assert usage_of(later(0), later(10, cpu_ns=SECOND)) is None
    # So does a new life that has used more of the processor already, or an interface replaced.
    assert usage_of(later(0), later(10, cpu_ns=101 * SECOND, received=10)) is None


@pytest.mark.parametrize(("start", "tells"), [(-1, True), (0, False), (4, False)])
def test_a_start_in_between_tells_nothing(start: float, tells: bool) -> None:
    """Whatever the counters say: a new life may have used more of all of them."""
    now = later(10, cpu_ns=101 * SECOND)
    usage = usage_of(later(0), now, START + timedelta(seconds=start))
    assert (usage is not None) == tells


@pytest.mark.parametrize(
    ("theirs", "ours", "tells"),
    [(10, 10, True), (12, 10, True), (3610, 10, False), (-50, 10, False), (0.5, 10, False)],
)
def test_a_clock_that_is_set_tells_nothing(theirs: float, ours: float, tells: bool) -> None:
    usage = usage_of(later(0), later(theirs, ours, cpu_ns=101 * SECOND))
    assert (usage is not None) == tells


def test_it_reads_seldom_where_an_engine_is_slow() -> None:
    pace = Pace(10)
    for _ in range(10):
        pace.learn(needed=12, every=pace.every())
    assert pace.every() == 20  # of which twelve seconds are little enough
    for _ in range(10):
        pace.learn(needed=400, every=pace.every())
    assert pace.every() == 10 * RAREST
    for _ in range(10):
        pace.learn(needed=1, every=pace.every())
    assert pace.every() == 10


def test_it_reads_seldom_where_we_are_busy() -> None:
    load = 1.0
    for _ in range(20):
        load = next_load(load, 0.9)
    assert Pace(10).every(load) == 10 * RAREST
    assert next_load(load, 0.5) == load
    for _ in range(20):
        load = next_load(load, 0.1)
    assert Pace(10).every(load) == 10


def test_the_ledger_keeps_the_newest_of_each_host() -> None:
    ledger = Ledger(most=3)
    for at in range(5):
        ledger.add(Packed(1, at, b""))
    rows = ledger.take()
    assert [one.at for one in rows] == [2, 3, 4] and ledger.take() == []
    ledger.add(Packed(1, 5, b""))
    ledger.add(Packed(2, 5, b""))
    ledger.put_back(rows)
    assert [(one.host_id, one.at) for one in ledger.take()] == [(1, 3), (1, 4), (1, 5), (2, 5)]


async def test_what_cannot_be_written_waits() -> None:
    ledger, written = Ledger(), list[int]()

    async def write(rows: list[Packed]) -> None:
        written.append(len(rows))
        if len(written) == 1:
            raise OperationalError("locked")

    ledger.add(Packed(1, 1, b""))
    with pytest.raises(OperationalError):
        await keep_books(ledger, write, 0.01)
    task = asyncio.create_task(keep_books(ledger, write, 0.01))
    await eventually_async(lambda: written[1:2] == [1], "it is written with the next")
    await cancel(task)


# --- With an engine ------------------------------------------------------------------------

pytest_engine = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeEngine]:
    """An engine; the pauses between sweeps are short."""
    monkeypatch.setattr(module, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(module, "PAUSE", 0.05)
    monkeypatch.setattr("fleet.stats.rollup.MINUTE", 1)
    async with FakeEngine(tmp_path / "d.sock") as made:
        yield made


@asynccontextmanager
async def sampling(
    fake: FakeEngine, host: Host, database: Database, running: Callable[[], list[str]]
) -> AsyncIterator[Ledger]:
    """A sampler of a host, while the block lasts."""
    ledger = Ledger()
    async with open_async(Endpoint(fake.url)) as engine:
        assert engine.samples_at_once == 24
        sampler = Sampler(host.pk, engine, running, database, ledger, 0.1)
        task = asyncio.create_task(sampler.run())
        try:
            yield ledger
        finally:
            await cancel(task)


def happened(ident: str, action: str, at: datetime) -> EngineEvent:
    """Return an event of a container."""
    return EngineEvent(at, 0, "container", action, "", ident, "web-1", {})


async def sweep(ledger: Ledger, wanted: Callable[[Table], bool]) -> tuple[Packed, Table]:
    """Return the first sweep with such lines."""
    while True:
        for one in ledger.take():
            lines = unpack(one.sweep)[1]
            if wanted(lines):
                return one, lines
        await asyncio.sleep(0.01)


def knows_rates(lines: Table) -> bool:
    """Whether none of a sweep's lines is of a first reading."""
    return not any(isnan(line[0]) for line in lines.values())


@pytest_engine
async def test_it_reads_all_that_run(fake: FakeEngine, host: Host, database: Database) -> None:
    ids = [fake.state.add(f"web-{number}").id for number in range(5)]
    stopped = fake.state.add("job-1", state="exited").id
    rows = {
        ident: (await database.run(lambda ident=ident: make_container(host, engine_id=ident))).pk  # type: ignore[misc]
        for ident in [*ids, stopped]
    }
    unknown = fake.state.add("new-1").id  # the watcher has not written it yet
    async with sampling(fake, host, database, lambda: [*ids, stopped, unknown, "f" * 64]) as ledger:
        packed, lines = await sweep(ledger, lambda lines: len(lines) == 6 and knows_rates(lines))
    assert set(lines) == {SUM, *(rows[ident] for ident in ids)}
    line = lines[rows[ids[0]]]
    assert line[0] == pytest.approx(25, abs=2)
    assert line[1:3] == (MEMORY, LIMIT) and line[7] == 3
    assert lines[SUM][1] == 5 * MEMORY
    assert packed.host_id == host.pk
    assert all("one-shot=true" in request for request in fake.requests if "/stats" in request)


@pytest.mark.django_db(transaction=True)
async def test_what_a_new_container_was_given_is_gone_on_with(
    host: Host, database: Database
) -> None:
    """The trail is kept in memory, and an update gives the old one's to the new one's row."""
    ledger, at = Ledger(), 1_800_000_000
    engine = Mock(samples_at_once=1)
    sampler = Sampler(host.pk, engine, list, database, ledger, 0.1)
    old: Table = {1: (7.0,) * 8}
    new: Table = {2: (9.0,) * 8}
    for minute, lines in enumerate((old, old, new, new, {})):
        await sampler._tell(at + minute * 60, 10, lines)
        if minute == 3:
            table = Trail([(at, {2: (7, 7)}), (at + 60, {2: (7, 7)}), (at + 120, {2: (9, 9)})])
            row = UsageNow(host=host, at=at, frame=b"", minute=at + 120)
            row.trail = pack(60, table.table())
            await database.run(row.save)
    trail = unpack(next(one.trail for one in reversed(ledger.take()) if one.trail))[1]
    assert trail[2][-8:] == (7, 7, 7, 7, 9, 9, 9, 9)


@pytest_engine
async def test_it_goes_on_through_a_restart_and_a_lost_engine(
    fake: FakeEngine, host: Host, database: Database
) -> None:
    web = fake.state.add("web-1")
    await database.run(lambda: make_container(host, engine_id=web.id))
    async with sampling(fake, host, database, lambda: [web.id]) as ledger:
        await sweep(ledger, bool)
        await fake.restart()
        await sweep(ledger, bool)
        fake.faults.status = 500
        await asyncio.sleep(0.2)
        ledger.take()
        fake.faults.status = 0
        await sweep(ledger, bool)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", ["start", "die"])
async def test_a_new_life_is_not_compared_with_the_old_one(
    host: Host, database: Database, action: str
) -> None:
    """The event comes while a reading of the old life is on its way, the first of all."""
    row = await database.run(lambda: make_container(host, engine_id="a" * 64))
    begun = datetime.now(UTC)
    answers = [0.0, 10, 20, 30]  # each has used more of everything than the one before

    async def sample(ident: str) -> Counters:
        at = answers.pop(0)
        if not at:
            sampler.hear(happened(ident, action, begun + timedelta(seconds=5)))
        monotonic.return_value = at
        return replace(COUNTERS, at=begun + timedelta(seconds=at), cpu_ns=int(at + 1) * SECOND)

    ledger, engine = Ledger(), Mock(samples_at_once=1, sample=sample)
    sampler = Sampler(host.pk, engine, lambda: [row.engine_id], database, ledger, 0.01)
    with patch("fleet.watch.sampling.time", Mock(wraps=time)) as clock:
        monotonic = clock.monotonic
        monotonic.return_value = 50.0
        while answers:
            await sampler._sweep(0.01)
    told = [unpack(one.sweep)[1] for one in ledger.take()]
    cpu = [lines[row.pk][0] for lines in told]
    assert isnan(cpu[0]) and cpu[1:] == [100, 100]  # from the second one on
    assert [lines[SUM][1] for lines in told] == [COUNTERS.memory] * 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("answer", "memory"),
    [(TimeoutError(), 2000), (Conflict("busy"), 2000), (NotFound("gone"), 1000), (None, 1000)],
)
async def test_one_that_gives_no_answer_is_still_in_the_sum(
    host: Host, database: Database, answer: Exception | None, memory: int
) -> None:
    ids = ["a" * 64, "b" * 64]
    for ident in ids:
        await database.run(lambda ident=ident: make_container(host, ident[:4], engine_id=ident))  # type: ignore[misc]
    readings = iter([later(0), later(0), later(10), later(10), later(20), answer])

    async def sample(_ident: str) -> Counters | None:
        now = next(readings)
        if isinstance(now, Exception):
            raise now
        monotonic.return_value = now.at if now else 70
        return now.counters if now else None

    ledger, engine = Ledger(), Mock(samples_at_once=1, sample=sample)
    sampler = Sampler(host.pk, engine, lambda: ids, database, ledger, 0.01)
    with patch("fleet.watch.sampling.time", Mock(wraps=time)) as clock:
        monotonic = clock.monotonic
        monotonic.return_value = 50.0
        for _ in range(3):
            await sampler._sweep(0.01)
    told = [unpack(one.sweep)[1] for one in ledger.take()]
    assert [len(lines) for lines in told] == [3, 2]
    assert [lines[SUM][1] for lines in told] == [2000, memory]


@pytest_engine
async def test_a_follower_lets_the_sampler_hear(
    fake: FakeEngine, host: Host, database: Database, until: Callable[..., Awaitable[object]]
) -> None:
    web = fake.state.add("web-1")
    host.url = fake.url
    await database.run(host.save)
    heard: list[str] = []
    timing = replace(QUICK, sample=60)
    with patch.object(Sampler, "hear", lambda _self, event: heard.append(event.action)):
        task = asyncio.create_task(
            Follower(host, 1, database, lambda: True, timing, Ledger()).run()
        )
        await until(lambda: Container.objects.exists(), "a row")
        fake.state.stop(web)
        fake.state.start(web)
        await eventually_async(lambda: {"die", "start"} <= set(heard), "both events")
        await cancel(task)


@pytest_engine
async def test_nothing_runs(fake: FakeEngine, host: Host, database: Database) -> None:
    async with sampling(fake, host, database, list) as ledger:
        await sweep(ledger, lambda lines: lines == {})
    assert not [request for request in fake.requests if "/stats" in request]


@pytest_engine
async def test_a_follower_samples_and_books_are_kept(
    fake: FakeEngine, host: Host, database: Database, until: Callable[..., Awaitable[object]]
) -> None:
    fake.state.add("web-1")
    host.url = fake.url
    await database.run(host.save)
    ledger = Ledger()

    async def write(rows: list[Packed]) -> None:
        await database.run(save_usage, rows)

    timing = replace(QUICK, sample=0.1)
    follower = Follower(host, 1, database, lambda: True, timing, ledger)
    tasks = [
        asyncio.create_task(follower.run()),
        asyncio.create_task(keep_books(ledger, write, 0.05)),
    ]
    try:
        await until(lambda: UsageNow.objects.exclude(trail=b"").exists(), "a trail")
    finally:
        await cancel(*tasks)
    pk = await database.run(Container.objects.values_list("pk", flat=True).get)
    newest = await database.run(UsageNow.objects.get)
    assert unpack(newest.frame)[1].keys() == {SUM, pk}
    steps = await database.run(lambda: set(UsageFrame.objects.values_list("step", flat=True)))
    assert steps == {10, 60}


async def test_without_a_wish_nothing_is_read(host: Host, database: Database) -> None:
    follower = Follower(host, 1, database, lambda: True, QUICK, Ledger())
    assert follower._sampler(None, None) is None  # type: ignore[arg-type]
