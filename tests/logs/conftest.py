"""Logs of containers on a fake engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from fleet.engine.endpoint import Endpoint
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_state import FakeContainer
from fleet.logs import shared, upstream
from fleet.logs.hub import LogHub
from fleet.logs.reader import Item, Reader
from fleet.logs.target import LogTarget
from tests.logs.blocks import lines_of, texts


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon, and look at no database: the target stays as it is."""
    monkeypatch.setattr(shared, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(shared, "LONGEST_WAIT", 0.2)
    monkeypatch.setattr(upstream, "FIRST_LOOK", 0.05)
    monkeypatch.setattr("fleet.logs.target.read_target", lambda old: old)


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeEngine]:
    """A fake engine in the test's own loop."""
    async with FakeEngine(tmp_path / "logs.sock") as engine:
        yield engine


@pytest.fixture
def web(fake: FakeEngine) -> FakeContainer:
    """A running container."""
    return fake.state.add("web-1")


@pytest.fixture
def target(fake: FakeEngine, web: FakeContainer) -> LogTarget:
    """Its log."""
    return LogTarget(1, web.id, Endpoint(fake.url))


@pytest.fixture
def hub() -> LogHub:
    """A hub of this test's loop."""
    return LogHub()


Read = Callable[[Reader, str], object]


async def read_until(reader: Reader, wanted: Callable[[list[Item]], bool]) -> list[Item]:
    """Return what came, once it is what was wanted."""
    found: list[Item] = []
    while not wanted(found):
        found += (await reader.next()).items
    return found


__all__ = ["lines_of", "read_until", "texts"]
