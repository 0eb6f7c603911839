"""What the hub does when hints do not arrive: with a real Redis, and what stands in between."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from channels.layers import get_channel_layer

from config.values import channel_host
from dashboard.live import hub as hub_module
from dashboard.live import listener as listener_module
from dashboard.live.view import View
from fleet.models import Container, User
from fleet.publish import ContainersChanged, Hint, publish_async
from scripts.services import ServiceError, redis
from tests.live.pages import Page
from tests.waiting import eventually_async

pytestmark = pytest.mark.django_db(transaction=True)


class Restarts:
    """A Redis that can be taken away and brought back, at one address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = ExitStack()

    def start(self) -> str:
        """Start it; return its URL."""
        return self.stack.enter_context(redis(self.folder))

    def stop(self) -> None:
        """End it."""
        self.stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def layers(url: str) -> dict[str, Any]:
    """Return the setting for a Redis, as it is outside of tests."""
    backend = "channels_redis.pubsub.RedisPubSubChannelLayer"
    config = {"hosts": [channel_host(url)], "prefix": "quayside"}
    return {"default": {"BACKEND": backend, "CONFIG": config}}


@pytest.fixture
def restarts(settings: Any) -> Iterator[Restarts]:
    """Use a real Redis between processes, as outside of tests."""
    with tempfile.TemporaryDirectory(prefix="quayside-") as folder:
        server = Restarts(Path(folder) / "redis")
        try:
            url = server.start()
        except ServiceError as error:
            pytest.skip(str(error))
        settings.CHANNEL_LAYERS = layers(url)
        yield server
        server.stop()


async def test_it_makes_good_what_it_missed_while_redis_was_away(
    administrator: User, container: Container, restarts: Restarts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "BEAT_SECONDS", 0.2)
    async with Page(administrator) as page:
        await page.follow()
        hint = ContainersChanged(container.host_id, [container.pk], [])
        await Container.objects.filter(pk=container.pk).aupdate(name="first")
        await publish_async(hint)
        await page.shows(lambda page: "first" in page.html[page.rows[0]])
        restarts.stop()
        await Container.objects.filter(pk=container.pk).aupdate(name="second")
        await publish_async(hint)  # lost
        await page.shows(lambda page: page.late)
        restarts.start()
        await page.shows(lambda page: "second" in page.html[page.rows[0]] and not page.late)


async def test_it_opens_pages_without_redis(
    administrator: User, container: Container, restarts: Restarts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "LISTEN_SECONDS", 0.2)
    restarts.stop()
    async with Page(administrator) as page:
        await page.follow()
        assert page.rows == [f"container-{container.pk}"]
        assert page.late


class Wire:
    """The way to a Redis, which can die as a network does: nothing comes, nothing ends."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.alive: list[asyncio.Task[None]] = []

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways."""
        to, out = await asyncio.open_unix_connection(self.target)
        self.alive += [
            asyncio.create_task(carry(reader, out)),
            asyncio.create_task(carry(to, writer)),
        ]

    def die(self) -> None:
        """Carry nothing more, and tell nobody; who connects anew is served."""
        for task in self.alive:
            task.cancel()
        self.alive = []


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture
async def wire(restarts: Restarts, settings: Any) -> AsyncIterator[Wire]:
    """Reach Redis by a wire."""
    wire = Wire(restarts.folder / "redis.sock")
    path = restarts.folder.parent / "wire.sock"
    server = await asyncio.start_unix_server(wire.connect, path)
    settings.CHANNEL_LAYERS = layers(f"unix://{path}")
    yield wire
    server.close()
    wire.die()


async def test_it_listens_anew_when_its_connection_has_died_without_a_word(
    administrator: User, container: Container, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("BEAT_SECONDS", 0.1), ("ANEW_SECONDS", 1.0), ("RETRY_SECONDS", 0.05)):
        monkeypatch.setattr(listener_module, name, seconds, raising=False)
    async with Page(administrator) as page:
        await page.follow()
        wire.die()
        await page.shows(lambda page: page.late)
        await Container.objects.filter(pk=container.pk).aupdate(name="second")
        await page.shows(lambda page: "second" in page.html[page.rows[0]] and not page.late)
        await Container.objects.filter(pk=container.pk).aupdate(name="third")
        await publish_async(ContainersChanged(container.host_id, [container.pk], []))
        await page.shows(lambda page: "third" in page.html[page.rows[0]])


async def test_it_leaves_no_channel_behind_after_an_error(
    administrator: User, restarts: Restarts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "RETRY_SECONDS", 0.05, raising=False)
    async with Page(administrator) as page:
        await page.follow()
        before = set(members())
        with monkeypatch.context() as patch:
            patch.setattr(View, "hear", failing)
            await publish_async(ContainersChanged(1, [1], []))
            await eventually_async(lambda: set(members()) - before, "it listens anew")
        assert len(members()) == 1
        assert len(get_channel_layer().channels) == 1


def failing(_view: View, _hint: Hint) -> None:
    """Fail."""
    raise OSError("whatever it is")


def members() -> list[str]:
    """Return the channels that hear hints."""
    return [name for names in get_channel_layer().groups.values() for name in names]
