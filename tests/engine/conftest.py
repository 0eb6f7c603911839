"""Engines to test against: a fake one always, real ones when there is a lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.engine.endpoint import Endpoint
from fleet.engine.fake import FakeEngine, fake_in_thread
from fleet.engine.fake_pulls import FakeLayer
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
            fake.pulls.registry = {
                "registry.test/contract:1": [FakeLayer(1000), FakeLayer(5000)],
                "private.test/contract:1": [FakeLayer(1000)],
            }
            fake.pulls.private = {"private.test": ("lab", "labpass")}
            client = plain_client(tmp_path / "fake.sock")
            found = Target("fake", Endpoint(fake.url), client, [], "registry.test", "private.test")
            yield found
        return
    lab: Lab = request.getfixturevalue("lab")
    socket = lab.podman_socket if request.param == "podman" else lab[1].socket
    if not socket.exists():
        pytest.skip(f"The lab has no {request.param}.")
    endpoint = lab_endpoint(lab, request.param)
    registries = (lab.registry, lab.private_registry)
    found = Target(request.param, endpoint, plain_client(socket), [], *registries)
    yield found
    found.clear()
