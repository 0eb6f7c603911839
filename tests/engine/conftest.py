"""Engines to test against: a fake one always, real ones when there is a lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.engine.endpoint import Endpoint
from fleet.engine.fake import FakeEngine, fake_in_thread
from fleet.engine.protocol import versions
from tests.engine.pki import Authority


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own SSH agent takes part."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture(autouse=True)
def _fresh_versions() -> None:
    """What one test learned of a port is not true for the next."""
    versions._known.clear()


@pytest.fixture(scope="session")
def ca() -> Authority:
    """An authority."""
    return Authority()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeEngine]:
    """A fake engine on a Unix socket, on the background loop."""
    with fake_in_thread(tmp_path / "fake.sock") as engine:
        yield engine


@pytest.fixture
def endpoint(fake: FakeEngine) -> Endpoint:
    """How to reach the fake."""
    return Endpoint(fake.url)
