"""A fake engine with a container of an image, of which its registry has another edition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fleet.actor import Actor
from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_pulls import FakeLayer
from fleet.engine.fake_state import FakeContainer
from fleet.models import Container, Environment, Host, Job
from fleet.operations.requests import request
from tests.conftest import make_container, make_host
from tests.jobs.conftest import broker

__all__ = ["broker"]

IMAGE = "registry.test/app:1"
LONG_AGO = "2026-01-01T00:00:00Z"
Settings = dict[str, Any]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the new one once, and go on."""
    monkeypatch.setattr("fleet.operations.recreate_swap.ALIVE_SECONDS", 0.0)
    monkeypatch.setattr("fleet.operations.recreate_swap.LOOK_EVERY", 0.01)
    monkeypatch.setattr("fleet.jobs.settling.PATIENCE_SECONDS", 20.0)
    monkeypatch.setattr("fleet.jobs.settling.PAUSE_SECONDS", 0.01)


@pytest.fixture
def host(fake: FakeEngine, staging: Environment) -> Host:
    """The fake engine's row."""
    fake.pulls.registry = {IMAGE: [FakeLayer(1000)]}
    return make_host("stage-1", staging, url=fake.url)


@pytest.fixture
def old(fake: FakeEngine, host: Host) -> FakeContainer:
    """The container, of the edition that its registry had first."""
    made: FakeContainer = in_fake(fake, lambda: fake.state.add("web-1", IMAGE, env=["A=1"]))
    return made


@pytest.fixture
def container(old: FakeContainer, host: Host) -> Container:
    """Its row."""
    return make_container(host, "web-1", engine_id=old.id, image=IMAGE)


@pytest.fixture
def newer(fake: FakeEngine, container: Container) -> str:
    """Another edition is pushed; the id of its image."""
    fake.pulls.editions[IMAGE] = 1
    return fake.pulls.image_id(IMAGE)


def asked(actor: Actor, container: Container, **params: Any) -> Job:
    """Ask for an update."""
    return request("container.recreate", actor=actor, target_id=container.pk, params=params)


def names(fake: FakeEngine) -> dict[str, FakeContainer]:
    """The containers by name."""
    return {it.name: it for it in fake.state.containers.values()}


def the_old_one_is_back(fake: FakeEngine, old: FakeContainer) -> bool:
    """Whether all is as before."""
    return names(fake) == {"web-1": old} and old.state == "running"


def lose(job: Job) -> None:
    """Its worker is not heard of any more."""
    Job.objects.filter(pk=job.pk).update(claim=Job.new_claim(), heartbeat_at=LONG_AGO)


def dying(job: Job, real: Callable[..., Any]) -> Callable[..., Any]:
    """A call after which its worker is lost."""

    def call(*given: Any, **more: Any) -> Any:
        done = real(*given, **more)
        lose(job)
        return done

    return call
