"""One stream for all readers of a container, through restarts and lost hosts."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import cast

import pytest

from fleet.engine.endpoint import Endpoint
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_state import FakeContainer, Refusal, time_text
from fleet.logs.hub import LogHub
from fleet.logs.lines import ERR
from fleet.logs.marks import Mark
from fleet.logs.places import Place
from fleet.logs.reader import ALL_BYTES, Item, size_of
from fleet.logs.target import LogTarget
from fleet.logs.upstream import TAIL, LogUpstream
from tests.logs.blocks import lines_of, texts
from tests.logs.conftest import read_until
from tests.waiting import eventually_async

pytestmark = pytest.mark.timeout(60)


def streams(fake: FakeEngine) -> int:
    """How often a log was asked for."""
    return sum("/logs?" in request for request in fake.requests)


def ends_with(last: str, items: list[Item]) -> bool:
    """Whether the last of some items is this line."""
    return texts(items)[-1:] == [last]


async def test_it_gives_the_end_of_the_log_and_follows(
    hub: LogHub, target: LogTarget, web: FakeContainer
) -> None:
    for number in range(TAIL + 20):
        web.write(f"line {number}")
    with hub.reading(target) as reader:
        found = await read_until(reader, lambda items: len(texts(items)) >= TAIL)
        assert texts(found) == [f"line {number}" for number in range(20, TAIL + 20)]
        web.write("oh", stream=2)
        (last,) = lines_of(await read_until(reader, bool))
        assert (last.stream, last.text) == (ERR, "oh")


async def test_it_answers_for_an_empty_log(hub: LogHub, target: LogTarget) -> None:
    with hub.reading(target) as reader:
        assert (await reader.next()).items == []


async def test_it_shares_one_stream(
    hub: LogHub, target: LogTarget, web: FakeContainer, fake: FakeEngine
) -> None:
    web.write("before")
    with hub.reading(target) as one:
        assert texts(await read_until(one, bool)) == ["before"]
        with hub.reading(target) as two:
            assert texts(await read_until(two, bool)) == ["before"]
            web.write("after")
            assert texts(await read_until(one, bool)) == ["after"]
            assert texts(await read_until(two, bool)) == ["after"]
        web.write("alone")
        assert texts(await read_until(one, bool)) == ["alone"]
    assert streams(fake) == 1


async def test_it_closes_the_stream_with_its_last_reader(
    hub: LogHub, target: LogTarget, fake: FakeEngine
) -> None:
    with hub.reading(target) as reader, hub.reading(target):
        await reader.next()
        assert fake.connections > 0
    await eventually_async(lambda: fake.connections == 0, "no connection is left", seconds=2)
    assert hub.upstreams == {}


async def test_it_leaves_a_slow_reader_a_counted_gap(
    hub: LogHub, target: LogTarget, web: FakeContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.logs.hub.QUEUE_BYTES", 10_000)
    with hub.reading(target) as slow, hub.reading(target) as quick:
        await slow.next()
        await quick.next()
        for number in range(400):
            web.write(f"{number:060}")
            await read_until(quick, partial(ends_with, f"{number:060}"))
        batch = await slow.next()
        shown = [int(text) for text in texts(batch.items)]
        assert batch.skipped == shown[0] > 200
        assert shown == list(range(shown[0], 400))


async def test_it_goes_on_after_a_restart(
    hub: LogHub, target: LogTarget, web: FakeContainer, fake: FakeEngine
) -> None:
    web.write("first life")
    with hub.reading(target) as reader:
        await read_until(reader, bool)
        fake.state.stop(web)
        assert texts(await read_until(reader, bool)) == ["*ended"]
        fake.state.start(web)
        web.write("second life")
        found = await read_until(reader, lambda items: "second life" in texts(items))
        assert texts(found) == ["*started", "second life"]


async def test_it_waits_for_a_container_that_has_ended(
    hub: LogHub, target: LogTarget, web: FakeContainer, fake: FakeEngine
) -> None:
    fake.state.die(web, 3)
    web.write("last words")
    with hub.reading(target) as reader:
        found = await read_until(reader, lambda items: len(items) == 2)
        assert texts(found) == ["last words", "*ended"]
        assert str(found[-1]) == "The container has ended with exit code 3."
        fake.state.start(web)
        web.write("again")
        found = await read_until(reader, lambda items: len(items) == 2)
        assert texts(found) == ["*started", "again"]


async def test_it_says_that_a_container_was_never_started(
    hub: LogHub, fake: FakeEngine, target: LogTarget
) -> None:
    made = fake.state.add("new", state="created")
    with hub.reading(LogTarget(1, made.id, target.endpoint)) as reader:
        assert texts(await read_until(reader, bool)) == ["*unborn"]


async def test_it_ends_with_the_container(
    hub: LogHub, target: LogTarget, web: FakeContainer, fake: FakeEngine
) -> None:
    with hub.reading(target) as reader:
        await reader.next()
        fake.state.remove(web, True)
        while (batch := await reader.next()).end is None:
            pass
        assert batch.end.code == "removed"
    with hub.reading(target) as late:
        assert (await late.next()).end is not None


async def test_it_comes_back_to_a_host_without_losing_or_repeating_a_line(
    hub: LogHub, target: LogTarget, web: FakeContainer, fake: FakeEngine
) -> None:
    web.write("one")
    with hub.reading(target) as reader:
        await read_until(reader, bool)
        await fake.stop()
        found = await read_until(reader, bool)
        assert texts(found) == ["*away"]
        web.write("while away")
        await fake.start()
        found = await read_until(reader, lambda items: "while away" in texts(items))
        assert texts(found) == ["*back", "while away"]


async def test_it_says_once_that_the_host_is_away(hub: LogHub, target: LogTarget) -> None:
    nowhere = LogTarget(2, target.engine_id, Endpoint("unix:///nowhere/at/all.sock"))
    with hub.reading(nowhere) as reader:
        (mark,) = await read_until(reader, bool)
        assert str(mark) == (
            "The host does not answer: There is no socket at this path. Trying again."
        )
        upstream = cast(LogUpstream, hub.upstreams[nowhere.key])
        await eventually_async(lambda: upstream.away, "it has tried")
        assert list(upstream._kept) == [mark]


async def test_it_says_that_a_driver_keeps_nothing(
    hub: LogHub, target: LogTarget, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_args: object) -> None:
        raise Refusal(501, "configured logging driver does not support reading")

    monkeypatch.setattr(fake, "_logs", refuse)
    with hub.reading(target) as reader:
        end = (await reader.next()).end
        assert end is not None and end.code == "unreadable"
        assert "logging driver" in str(end)


async def test_it_ends_for_a_host_without_an_address(hub: LogHub) -> None:
    gone = LogTarget(9, "x", None, Mark("host_gone"))
    with hub.reading(gone) as reader:
        assert (await reader.next()).end == Mark("host_gone")


async def test_it_sends_a_returning_viewer_only_what_is_new(
    hub: LogHub, target: LogTarget, web: FakeContainer
) -> None:
    for number in range(5):
        web.write(str(number))
    with hub.reading(target) as reader:
        found = await read_until(reader, lambda items: len(texts(items)) == 5)
        place = Place(lines_of(found)[2].at)
        with hub.reading(target, place) as returning:
            assert texts(await read_until(returning, bool)) == ["3", "4"]


async def test_it_tells_a_hole_after_a_long_absence(
    hub: LogHub,
    target: LogTarget,
    web: FakeContainer,
    fake: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleet.logs.upstream.RESUME_TAIL", 3)
    web.write("one")
    with hub.reading(target) as reader:
        await read_until(reader, bool)
        await fake.stop()
        assert texts(await read_until(reader, bool)) == ["*away"]
        for number in range(5):
            web.write(str(number))
        await fake.start()
        found = await read_until(reader, lambda items: "4" in texts(items))
        assert texts(found) == ["*back", "*hole", "2", "3", "4"]


async def test_it_bounds_what_waits_for_all_readers(hub: LogHub, target: LogTarget) -> None:
    alone = hub._share()
    with ExitStack() as stack:
        for count in (100, 2000):
            for _ in range(count - hub.readers):
                stack.enter_context(hub.reading(target))
            assert hub.readers == count
            assert hub._share() * count <= ALL_BYTES < alone * count
    assert (hub.readers, hub._share()) == (0, alone)


async def test_it_keeps_few_bytes_of_long_lines(
    hub: LogHub, target: LogTarget, web: FakeContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.logs.upstream.KEPT_BYTES", 100_000)
    with hub.reading(target) as first:
        assert not (await first.next()).items and not first.more
        for number in range(20):
            web.write(f"{number:016000}")
            await read_until(first, bool)
        kept = cast(LogUpstream, hub.upstreams[target.key])._kept
        assert 50_000 < sum(map(size_of, kept)) <= 100_000
        with hub.reading(target) as late:
            assert [int(text[-5:]) for text in texts((await late.next()).items)] == list(
                range(14, 20)
            )
            assert late.more, "whoever comes later knows that there are older ones"
        web.write("x" * 150_000)
        await read_until(first, bool)
        assert len(kept) == 1, "the newest stays"


HOUR = 3600 * 10**9


async def test_it_goes_on_after_the_clock_of_a_lost_host_was_set_back(
    hub: LogHub, target: LogTarget, web: FakeContainer, fake: FakeEngine
) -> None:
    web.write("one")
    web.write("two")
    with hub.reading(target) as reader:
        found = await read_until(reader, lambda items: len(texts(items)) == 2)
        place = Place(lines_of(found)[-1].at)
        await fake.stop()
        await read_until(reader, bool)
        fake.state.ahead_ns = -HOUR
        web.write("three", ahead_ns=-HOUR)
        await fake.start()
        found = await read_until(reader, lambda items: "three" in texts(items))
        assert texts(found) == ["*back", "*set_back", "three"]
        web.write("four", ahead_ns=-HOUR)
        assert texts(await read_until(reader, bool)) == ["four"]
        with hub.reading(target, place) as returning:
            found = await read_until(returning, lambda items: "four" in texts(items))
            assert texts(found) == ["*away", "*back", "*set_back", "three", "four"]
            place = Place(lines_of(found)[0].at)
        with hub.reading(target, place) as returning:
            found = await read_until(returning, lambda items: "four" in texts(items))
            assert [line.text for line in lines_of(found)] == ["four"]


async def test_a_first_viewer_comes_back_after_the_clock_was_set_back(
    hub: LogHub, target: LogTarget, web: FakeContainer, fake: FakeEngine
) -> None:
    web.write("one")
    web.write("two")
    read = Place(time_text(web.log[1].at_ns))
    fake.state.ahead_ns = -HOUR
    web.write("three", ahead_ns=-HOUR)
    with hub.reading(target, read) as reader:
        found = await read_until(reader, lambda items: "three" in texts(items))
        assert texts(found) == ["*set_back", "three"]
        web.log.clear()  # rotated away
        web.write("four", ahead_ns=-HOUR)
        assert texts(await read_until(reader, bool)) == ["four"]
    await eventually_async(lambda: not hub.upstreams, "nobody reads")
    with hub.reading(target, read) as reader:
        found = await read_until(reader, lambda items: "four" in texts(items))
        assert texts(found) == ["*set_back", "four"], "what it had read is gone"


async def test_it_tells_a_clock_that_is_set_back_while_it_reads(
    hub: LogHub, target: LogTarget, web: FakeContainer
) -> None:
    web.write("one")
    with hub.reading(target) as reader:
        await read_until(reader, bool)
        web.write("a little earlier, as of another stream", ahead_ns=-(10**8))
        web.write("two", ahead_ns=-HOUR)
        found = await read_until(reader, lambda items: "two" in texts(items))
        assert texts(found)[1:] == ["*set_back", "two"]


async def test_a_host_that_keeps_its_clock_to_itself_is_read_all_the_same(
    hub: LogHub,
    target: LogTarget,
    web: FakeContainer,
    fake: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*_args: object) -> None:
        raise Refusal(403, "forbidden by a proxy")

    monkeypatch.setattr(fake, "_info", refuse)
    web.write("one")
    with hub.reading(target) as reader:
        await read_until(reader, bool)
        await fake.stop()
        await read_until(reader, bool)
        web.write("two")
        await fake.start()
        found = await read_until(reader, lambda items: "two" in texts(items))
        assert texts(found) == ["*back", "two"]
        assert "/info" in " ".join(fake.requests)
