"""Logs over the page's socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dashboard.live.topics.logs import messages_of
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_state import FakeContainer
from fleet.logs.lines import ERR, OUT, Line
from fleet.logs.marks import Mark
from fleet.logs.reader import Batch
from fleet.models import Container, Environment, Grant, User
from fleet.publish import AccessChanged, publish_async
from tests.conftest import make_container, make_host
from tests.live.pages import Message, Page
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


def is_log(message: Message) -> bool:
    """Return whether a message carries lines."""
    return message["type"] == "log" and bool(message["frames"])


async def open_log(page: Page, row: Container, more: str = "") -> None:
    """Ask for a log."""
    await page.send(type="stream.open", topic="logs", args=f"container={row.pk}{more}")


async def test_it_sends_lines_and_goes_on(
    viewer: User, row: Container, real: FakeContainer
) -> None:
    real.write("<b>hello</b>")
    async with Page(viewer) as page:
        await open_log(page, row)
        message = (await page.until(is_log))[-1]
        ((stream, at, text),) = message["frames"]
        assert (stream, text) == (OUT, "<b>hello</b>") and at.endswith("Z")
        real.write("oh", stream=2)
        message = (await page.until(is_log))[-1]
        assert message["topic"] == "logs" and message["frames"][0][0] == ERR


async def test_it_closes_the_engine_with_the_page(
    viewer: User, row: Container, engine: FakeEngine
) -> None:
    async with Page(viewer) as page:
        await open_log(page, row)
        await page.until(lambda message: message["type"] == "log")
        assert engine.connections > 0
    await eventually_async(lambda: engine.connections == 0, "the stream is closed", seconds=2)


async def test_it_closes_the_engine_when_asked(
    viewer: User, row: Container, engine: FakeEngine
) -> None:
    async with Page(viewer) as page:
        await open_log(page, row)
        await page.until(lambda message: message["type"] == "log")
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
        await page.until(lambda message: message["type"] == "log")
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
        assert message["code"] == "secret_lost" and "Enter it again" in message["reason"]


def test_it_says_gaps_marks_and_ends() -> None:
    batch = Batch([Line(OUT, "", "x"), Mark("restarted")], skipped=7, end=Mark("removed"))
    assert list(messages_of(batch, "en")) == [
        {"type": "log.gap", "topic": "logs", "skipped": 7},
        {
            "type": "log",
            "topic": "logs",
            "frames": [[1, None, "x"], [0, "restarted", "The container was restarted."]],
        },
        {
            "type": "log.end",
            "topic": "logs",
            "code": "removed",
            "reason": "The container was removed.",
        },
    ]
