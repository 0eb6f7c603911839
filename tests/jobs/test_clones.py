"""Jobs on cloned machines, whose engines and containers have equal ids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.actor import Actor
from fleet.engine.fake import FakeEngine, fake_in_thread, in_fake
from fleet.jobs.runner import run_job
from fleet.models import Container, Environment, Job, JobState
from fleet.operations.requests import request
from tests.conftest import make_container, make_host


@pytest.fixture
def clone(fake: FakeEngine, container: Container, tmp_path: Path) -> Iterator[FakeEngine]:
    """An engine that runs on a copy of the disk of `fake`."""
    with fake_in_thread(tmp_path / "clone.sock", name="clone") as engine:
        in_fake(engine, lambda: engine.state.become_clone_of(fake.state))
        yield engine


@pytest.fixture
def copy(clone: FakeEngine, container: Container, production: Environment) -> Container:
    """The clone's container: it has the id and the name of `container`."""
    host = make_host("prod-1", production, url=clone.url)
    return make_container(host, container.name, engine_id=container.engine_id)


def state_in(fake: FakeEngine, row: Container) -> str:
    return str(in_fake(fake, lambda: fake.state.find(row.engine_id).state))


def test_it_acts_on_the_engine_of_its_host_only(
    actor: Actor, container: Container, copy: Container, fake: FakeEngine, clone: FakeEngine
) -> None:
    run_job(request("container.stop", actor=actor, target_id=copy.pk).pk)
    assert (state_in(fake, container), state_in(clone, copy)) == ("running", "exited")
    assert fake.requests == []
    run_job(request("container.pause", actor=actor, target_id=container.pk).pk)
    assert (state_in(fake, container), state_in(clone, copy)) == ("paused", "exited")


def test_asking_for_both_is_not_asking_twice(
    actor: Actor, container: Container, copy: Container, fake: FakeEngine, clone: FakeEngine
) -> None:
    asked = [request("container.stop", actor=actor, target_id=row.pk) for row in (container, copy)]
    assert asked[0].pk != asked[1].pk
    for job in asked:
        run_job(job.pk)
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.SUCCEEDED}
    assert (state_in(fake, container), state_in(clone, copy)) == ("exited", "exited")
