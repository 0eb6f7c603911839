"""Logs over the page's socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async

from dashboard.live.messages import OpenStream, parse
from dashboard.live.topics import logs
from dashboard.live.topics.log_wire import HEADER, LIVE, PART, messages_of
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_state import FakeContainer
from fleet.engine.log_blocks import FrameCutter
from fleet.logs.lines import ERR, Line
from fleet.logs.marks import Mark
from fleet.logs.reader import Batch
from fleet.logs.selection import MOST
from fleet.logs.upstream import TAIL
from fleet.models import Container, Environment, Grant, SavedFilter, User
from fleet.publish import AccessChanged, publish_async
from tests.conftest import make_container, make_host
from tests.live.pages import Message, Page
from tests.logs.blocks import lines_of, numbered
from tests.waiting import eventually_async

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(60)]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    """A fake engine in the test's own loop."""
    async with FakeEngine(tmp_path / "stream.sock") as made:
        yield made


@pytest.fixture
def real(engine: FakeEngine) -> FakeContainer:
    """A container on it."""
    return engine.state.add("web-1")


@pytest.fixture
def row(engine: FakeEngine, real: FakeContainer, staging: Environment) -> Container:
    """The container's row."""
    return make_container(make_host("fake-1", staging, url=engine.url), "web-1", engine_id=real.id)


def test_what_somebody_waits_for_comes_without_the_pause_of_later_messages() -> None:
    answered, opened, later = (
        logs.pause_after(size, age) for size, age in ((0, 0.0), (2000, 0.09), (2000, 0.2))
    )
    assert 0 < answered == opened < later
    assert logs.pause_after(logs.BUSY_BYTES + 1, 0.2) == 0  # the next one is there already


def test_a_view_of_as_many_as_there_may_be_can_be_opened_again() -> None:
    """Its containers and where each was read up to, with ids as long as they get."""
    pks = range(10**9, 10**9 + MOST)
    places = [f"{pk},{TAIL},2026-11-29T14:41:04.123456789Z" for pk in pks]
    args = urlencode({"container": pks, "place": places}, doseq=True)
    assert len(args) > 16_384
    message = parse(json.dumps({"type": "stream.open", "topic": "logs", "args": args}))
    assert isinstance(message, OpenStream) and message.args == args


def of(kind: str) -> Callable[[Message], bool]:
    """Return what knows messages of a type."""
    return lambda message: message["type"] == kind


def lines_in(data: bytes) -> list[Line]:
    """Return the lines of a binary message."""
    return lines_of([FrameCutter().feed(data[HEADER.size :])])


async def lines_from(page: Page) -> list[Line]:
    """Return the lines that come next."""
    return lines_in(await page.bytes())


async def open_log(page: Page, row: Container, more: str = "") -> None:
    """Ask for a log."""
    await page.send(type="stream.open", topic="logs", args=f"container={row.pk}{more}")


async def test_it_sends_frames_and_goes_on(
    viewer: User, row: Container, real: FakeContainer
) -> None:
    real.write("<b>hello</b>")
    async with Page(viewer) as page:
        await open_log(page, row)
        told = (await page.until(of("log.sources")))[-1]["sources"]
        assert told == [
            {
                "index": 0, "container": row.pk, "name": "web-1", "title": "web-1 · fake-1",
                "host": row.host_id, "tail": TAIL,
            }
        ]  # fmt: skip
        assert [line.text for line in await lines_from(page)] == ["<b>hello</b>"]
        real.write("oh", stream=2)
        (line,) = await lines_from(page)
        assert (line.text, line.stream) == ("oh", ERR)


async def test_it_closes_the_engine_with_the_page(
    viewer: User, row: Container, engine: FakeEngine
) -> None:
    async with Page(viewer) as page:
        await open_log(page, row)
        await page.until(of("log.answered"))
        assert engine.connections > 0
    await eventually_async(lambda: engine.connections == 0, "the stream is closed", seconds=2)


async def test_it_closes_the_engine_when_asked(
    viewer: User, row: Container, engine: FakeEngine
) -> None:
    async with Page(viewer) as page:
        await open_log(page, row)
        await page.until(of("log.answered"))
        await page.send(type="stream.close")
        await eventually_async(lambda: engine.connections == 0, "the stream is closed", seconds=2)


async def test_it_sends_strangers_nothing(
    stranger: User, row: Container, engine: FakeEngine, real: FakeContainer
) -> None:
    real.write("private")
    async with Page(stranger) as page:
        await open_log(page, row)
        message = await page.next()
        assert (message["type"], message["topic"]) == ("gone", "logs")
    assert engine.requests == []


@pytest.mark.parametrize(
    "args", ["", "container=", "container=x", "container=-1", f"container={10**30}"]
)
async def test_it_survives_strange_arguments(viewer: User, args: str) -> None:
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="logs", args=args)
        assert (await page.next())["type"] == "gone"


async def test_it_ends_when_the_right_to_read_is_gone(
    viewer: User, row: Container, engine: FakeEngine
) -> None:
    async with Page(viewer) as page:
        await open_log(page, row)
        await page.until(of("log.answered"))
        await Grant.objects.filter(user=viewer).adelete()
        await publish_async(AccessChanged())
        found = await page.until(lambda message: message["type"] == "gone")
        assert found[-1]["topic"] == "logs"
        await eventually_async(lambda: engine.connections == 0, "the stream is closed", seconds=2)


async def test_it_tells_a_host_without_credentials_in_words(viewer: User, row: Container) -> None:
    row.host.ssh_key_encrypted = "not what the key made"
    await row.host.asave()
    async with Page(viewer) as page:
        await open_log(page, row)
        message = (await page.until(lambda message: message["type"] == "log.end"))[-1]
        assert message["code"] == "secret_lost" and "Enter it again" in message["text"]


def test_it_says_gaps_marks_and_ends() -> None:
    one, two = numbered(1), numbered(2, 1)
    batch = Batch([one, two, Mark("restarted"), one], skipped=7, end=Mark("removed"))
    assert list(messages_of(batch, 3, "en")) == [
        {"type": "log.gap", "topic": "logs", "source": 3, "skipped": 7},
        HEADER.pack(LIVE, 3, 0) + one.data + two.data,
        {
            "type": "log.mark",
            "topic": "logs",
            "source": 3,
            "code": "restarted",
            "text": "The container was restarted.",
        },
        HEADER.pack(LIVE, 3, 0) + one.data,
        {
            "type": "log.end",
            "topic": "logs",
            "source": 3,
            "code": "removed",
            "text": "The container was removed.",
        },
    ]


async def test_it_goes_on_after_the_place_that_a_page_names(
    viewer: User, row: Container, real: FakeContainer
) -> None:
    for number in range(3):
        real.write(str(number))
    async with Page(viewer) as page:
        await open_log(page, row)
        at = (await lines_from(page))[1].at
    async with Page(viewer) as page:
        await open_log(page, row, f"&place={row.pk},1,{at}")
        assert [line.text for line in await lines_from(page)] == ["2"]


async def test_it_sends_a_part(viewer: User, row: Container, real: FakeContainer) -> None:
    for number in range(5):
        real.write(str(number))
    async with Page(viewer) as page:
        args = f"container={row.pk}&part=7&tail=3"
        await page.send(type="stream.open", topic="log-part", args=args)
        data = await page.bytes()
        assert HEADER.unpack_from(data) == (PART, 0, 7)
        assert [line.text for line in lines_in(data)] == ["2", "3", "4"]
        end = (await page.until(of("log.part")))[-1]
        assert (end["part"], end["problem"]) == (7, "")


async def test_it_says_why_a_part_is_not_to_be_had(
    viewer: User, row: Container, engine: FakeEngine
) -> None:
    await engine.stop()
    async with Page(viewer) as page:
        args = f"container={row.pk}&part=1"
        await page.send(type="stream.open", topic="log-part", args=args)
        end = (await page.until(of("log.part")))[-1]
        assert end["problem"]


async def test_it_says_that_the_engine_froze_within_a_part(
    viewer: User, row: Container, engine: FakeEngine, real: FakeContainer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("fleet.engine.aio.SILENCE_SECONDS", 0.2)
    engine.faults.freezes = True
    real.write("before")
    async with Page(viewer) as page:
        args = f"container={row.pk}&part=1&tail=9"
        await page.send(type="stream.open", topic="log-part", args=args)
        assert [line.text for line in lines_in(await page.bytes())] == ["before"]
        end = (await page.until(of("log.part")))[-1]
    assert end["problem"] == "The host did not answer in time."
    engine.faults.freezes = False


async def test_it_shows_all_that_a_filter_finds(
    viewer: User, row: Container, engine: FakeEngine, real: FakeContainer
) -> None:
    other = engine.state.add("web-2")
    second = await sync_to_async(make_container)(row.host, "web-2", engine_id=other.id)
    real.write("one")
    other.write("two")
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="logs", args="q=web")
        told = (await page.until(of("log.sources")))[-1]["sources"]
        assert [one["container"] for one in told] == [row.pk, second.pk]
        found = [await page.bytes(), await page.bytes()]
        texts = {HEADER.unpack_from(data)[1]: lines_in(data)[0].text for data in found}
        assert texts == {0: "one", 1: "two"}


async def test_containers_join_and_leave_while_it_is_open(
    viewer: User, row: Container, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.05)
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="logs", args="q=web")
        await page.until(of("log.answered"))
        other = engine.state.add("web-2")
        second = await sync_to_async(make_container)(row.host, "web-2", engine_id=other.id)
        told = (await page.until(of("log.sources")))[-1]["sources"]
        assert [(one["index"], one["name"]) for one in told] == [(1, "web-2")]
        mark = (await page.until(of("log.mark")))[-1]
        assert (mark["code"], mark["text"]) == ("joined", "web-2 on fake-1 has joined.")
        await page.until(of("log.answered"))
        await second.adelete()
        mark = (await page.until(of("log.mark")))[-1]
        assert (mark["source"], mark["code"]) == (1, "left")


async def test_a_container_that_is_made_again_is_followed(
    viewer: User,
    row: Container,
    engine: FakeEngine,
    real: FakeContainer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.05)
    async with Page(viewer) as page:
        await open_log(page, row)
        await page.until(of("log.answered"))
        engine.state.remove(real, True)
        assert (await page.until(of("log.end")))[-1]["code"] == "removed"
        await row.adelete()
        again = engine.state.add("web-1")
        again.write("second")
        await sync_to_async(make_container)(row.host, "web-1", engine_id=again.id)
        mark = (await page.until(of("log.mark")))[-1]
        assert (mark["code"], mark["text"]) == ("recreated", "web-1 on fake-1 was made again.")
        assert [line.text for line in await lines_from(page)] == ["second"]


async def test_a_filter_loses_what_may_no_longer_be_read(
    viewer: User, row: Container, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.05)
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="logs", args="q=web")
        await page.until(of("log.answered"))
        await Grant.objects.filter(user=viewer).adelete()
        mark = (await page.until(of("log.mark")))[-1]
        assert mark["code"] == "left"
        await eventually_async(lambda: engine.connections == 0, "the stream is closed", seconds=2)


async def test_a_saved_filter_that_changes_or_goes_is_told(
    viewer: User,
    row: Container,
    engine: FakeEngine,
    real: FakeContainer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.05)
    other = engine.state.add("batch")
    second = await sync_to_async(make_container)(row.host, "batch", engine_id=other.id)
    saved = await SavedFilter.objects.acreate(owner=viewer, name="Web", query="q=web")
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="logs", args=f"filter={saved.pk}")
        await page.until(of("log.answered"))
        await SavedFilter.objects.aupdate(query="q=batch")
        mark = (await page.until(of("log.mark")))[-1]
        assert mark["code"] == "filter"
        assert mark["text"] == "The filter “Web” was changed: its containers are shown."
        marks = [await page.until(of("log.mark")) for _ in range(2)]
        assert [found[-1]["code"] for found in marks] == ["left", "joined"]
        await saved.adelete()
        told = (await page.until(of("log.unfiltered")))[-1]
        assert told["args"] == f"container={second.pk}" and "was deleted" in told["text"]
        other.write("still here")
        assert [line.text for line in await lines_from(page)] == ["still here"]
        await publish_async(AccessChanged())  # its rights are looked at again, without the filter
        other.write("and on")
        assert [line.text for line in await lines_from(page)] == ["and on"]
        await page.send(type="stream.open", topic="logs", args=f"filter={saved.pk}")
        gone = (await page.until(of("gone")))[-1]
        assert gone["message"] == "There is no such saved filter."


async def test_a_container_that_a_filter_finds_again_comes_back(
    viewer: User, row: Container, real: FakeContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.05)
    real.write("one")
    real.write("two")
    async with Page(viewer) as page:
        await page.send(type="stream.open", topic="logs", args="q=web&state=running")
        assert [line.text for line in await lines_from(page)] == ["one", "two"]
        await Container.objects.aupdate(state="paused")
        assert (await page.until(of("log.mark")))[-1]["code"] == "left"
        real.write("meanwhile")
        await Container.objects.aupdate(state="running")
        mark = (await page.until(of("log.mark")))[-1]
        assert (mark["source"], mark["code"]) == (0, "joined")
        assert [line.text for line in await lines_from(page)] == ["meanwhile"]


async def test_a_view_of_several_hosts_says_whose_clock_is_wrong(
    viewer: User,
    row: Container,
    staging: Environment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.05)
    async with FakeEngine(tmp_path / "slow.sock") as slow:
        slow.state.ahead_ns = -90 * 10**9
        other = slow.state.add("web-2")
        host = await sync_to_async(make_host)("slow-2", staging, url=slow.url)
        second = await sync_to_async(make_container)(host, "web-2", engine_id=other.id)
        async with Page(viewer) as page:
            await open_log(page, row, f"&container={second.pk}")
            mark = (await page.until(of("log.mark")))[-1]
            assert (mark["source"], mark["code"]) == (1, "clock")
            assert mark["text"] == (
                "The clock of slow-2 is 1 min 30 s behind Quayside's."
                " Among those of other hosts its lines may stand at the wrong place."
            )
