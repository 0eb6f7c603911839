"""Engines to test against: a fake one always, real ones when there is a lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.engine.endpoint import Endpoint
from fleet.engine.fake import FakeEngine, fake_in_thread
from fleet.engine.protocol import versions
from tests.engine.pki import Authority
from tests.engine.target import Target, lab_endpoint, plain_client
from tests.lab.lab import Lab

LAB_KINDS = [pytest.param(kind, marks=pytest.mark.lab) for kind in ("unix", "tls", "ssh", "podman")]


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
def endpoint(fake: FakeEngine) -> Endpoint:
    """How to reach the fake."""
    return Endpoint(fake.url)


@pytest.fixture(params=["fake", *LAB_KINDS])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """An engine to set a scene on."""
    if request.param == "fake":
        with fake_in_thread(tmp_path / "fake.sock") as fake:
            yield Target("fake", Endpoint(fake.url), plain_client(tmp_path / "fake.sock"), [])
        return
    lab: Lab = request.getfixturevalue("lab")
    socket = lab.podman_socket if request.param == "podman" else lab[1].socket
    if not socket.exists():
        pytest.skip(f"The lab has no {request.param}.")
    found = Target(request.param, lab_endpoint(lab, request.param), plain_client(socket), [])
    yield found
    found.clear()
