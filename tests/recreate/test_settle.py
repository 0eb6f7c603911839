"""What an earlier try has left, and who may take it away: a worker that died, a job long ago."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fleet.actor import Actor
from fleet.engine.client import Engine
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_state import FakeContainer
from fleet.engine.recreate import Aside
from fleet.models import Container, Host, Job, JobState
from tests.jobs.conftest import lines, ran
from tests.recreate.conftest import IMAGE, asked, names

# --- A worker that was killed -------------------------------------------------------------------


def left(fake: FakeEngine, old: FakeContainer) -> FakeContainer:
    """A new one that an earlier try pulled and made."""
    image = fake.images.add(IMAGE, id=fake.pulls.image_id(IMAGE))
    made = fake.state.add("new-one", IMAGE, state="created", made_of=image.id)
    made.name = str(Aside("web-1", "new", old.id, "running"))
    return made


def test_a_try_that_was_killed_before_the_exchange_is_taken_back_and_done(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str
) -> None:
    left(fake, old)
    fake.state.stop(old)
    job = ran(asked(actor, container))
    assert job.state == JobState.SUCCEEDED, lines(job)
    assert "was taken back" in lines(job)
    (new,) = fake.state.containers.values()
    assert (new.name, new.image_id, new.state) == ("web-1", newer, "running")


@pytest.mark.parametrize("started", [True, False])
def test_a_try_that_was_killed_after_the_exchange_is_brought_to_its_end(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    started: bool,
) -> None:  # fmt: skip
    new = left(fake, old)
    fake.state.stop(old)
    old.name, new.name = str(Aside("web-1", "old", new.id, "running")), "web-1"
    if started:
        fake.state.start(new)
    job = ran(asked(actor, container))
    assert job.state == JobState.SUCCEEDED, lines(job)
    assert ("by the earlier try" in job.message) == started
    assert {it.name: it.state for it in fake.state.containers.values()} == {"web-1": "running"}
    assert (new.id in fake.state.containers) == started


def test_a_try_that_was_killed_and_whose_new_one_is_gone_is_taken_back(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str
) -> None:
    fake.state.stop(old)
    old.name = str(Aside("web-1", "old", "f" * 64, "running"))
    assert ran(asked(actor, container)).state == JobState.SUCCEEDED
    assert names(fake)["web-1"].image_id == newer


def test_a_try_that_was_killed_at_the_very_end_succeeded(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container
) -> None:
    job = asked(actor, container)
    Job.objects.update(attempt=1)
    fake.state.remove(old, force=True)
    fake.state.add("web-1", IMAGE)
    assert ran(job).state == JobState.SUCCEEDED
    assert "by the earlier try" in job.message


def test_the_new_one_waits_for_what_the_old_one_has_left(
    actor: Actor, fake: FakeEngine, host: Host, old: FakeContainer, container: Container
) -> None:
    kept = fake.state.add("other", IMAGE, state="exited")
    kept.name = str(Aside("web-1", "old", old.id, "running"))
    job = ran(asked(actor, container))
    assert job.state == JobState.FAILED and kept.name in job.message
    assert set(names(fake)) == {"web-1", kept.name}


@pytest.mark.parametrize("step", ["send", "stop", "rename", "start", "container", "remove"])
def test_whoever_goes_on_after_a_loss_at_any_step_brings_it_to_an_end(
    actor: Actor, fake: FakeEngine, container: Container, newer: str,
    step: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    job = asked(actor, container)
    real = getattr(Engine, step)

    def losing(*given: Any, **more: Any) -> Any:
        done = real(*given, **more)
        Job.objects.filter(pk=job.pk).update(claim=Job.new_claim())
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Engine, step, losing)
        assert ran(job).state == JobState.RUNNING  # nobody has ended it
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED, claim=None)
    assert ran(job).state == JobState.SUCCEEDED, lines(job)
    (new,) = fake.state.containers.values()
    assert (new.name, new.image_id, new.state) == ("web-1", newer, "running")


# --- Another job's -----------------------------------------------------------------------------


def crashed(fake: FakeEngine, new: FakeContainer) -> None:
    new.restart_count = 3


def stopped(fake: FakeEngine, new: FakeContainer) -> None:
    fake.state.stop(new)


def is_unhealthy(fake: FakeEngine, new: FakeContainer) -> None:
    new.health = "unhealthy"


def renamed(fake: FakeEngine, new: FakeContainer) -> None:
    new.name = "web-live"


def both(fake: FakeEngine, old: FakeContainer, new: FakeContainer, was: str = "running") -> None:
    """The new one runs and the old one could not be removed, as an update of long ago left it."""
    fake.state.stop(old)
    old.name, new.name = str(Aside("web-1", "old", new.id, was)), "web-1"
    fake.state.start(new)


@pytest.mark.parametrize("life", [stopped, is_unhealthy])
def test_a_new_one_that_has_lived_is_never_taken_away(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    life: Callable[[FakeEngine, FakeContainer], None],
) -> None:  # fmt: skip
    new = left(fake, old)
    both(fake, old, new)
    life(fake, new)
    Container.objects.update(name=old.name)
    was = {it.name: (it.id, it.state) for it in fake.state.containers.values()}
    job = asked(actor, container)
    for attempt in (0, 1):  # a worker that dies meanwhile gives the job no right to it
        Job.objects.update(state=JobState.QUEUED, attempt=attempt)
        assert ran(job).state == JobState.FAILED, lines(job)
        assert "Look at web-1 yourself" in job.message and old.name in job.message
        assert {it.name: (it.id, it.state) for it in fake.state.containers.values()} == was


@pytest.mark.parametrize("life", [crashed, renamed])
def test_a_new_one_that_has_lived_and_is_well_stays(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    life: Callable[[FakeEngine, FakeContainer], None],
) -> None:  # fmt: skip
    new = left(fake, old)
    both(fake, old, new, was="paused")
    life(fake, new)
    job = ran(asked(actor, container))
    assert job.state == JobState.SUCCEEDED, lines(job)
    assert list(fake.state.containers.values()) == [new] and new.state == "running"
    assert job.message.startswith(f"{new.name} was made again by the earlier try")


def test_one_that_somebody_started_before_the_exchange_is_not_taken_away(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str
) -> None:
    new = left(fake, old)
    fake.state.start(new)
    job = ran(asked(actor, container))
    assert job.state == JobState.FAILED and new.name in job.message
    assert {old.id, new.id} == set(fake.state.containers)


def test_its_own_that_is_not_well_is_taken_back(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str
) -> None:
    new = left(fake, old)
    both(fake, old, new)
    fake.state.die(new, 3)
    job = asked(actor, container)
    Job.objects.update(attempt=1)
    assert ran(job).state == JobState.SUCCEEDED, lines(job)
    assert "was taken back" in lines(job) and new.id not in fake.state.containers


@pytest.mark.parametrize("exchanged", [False, True])
def test_one_that_was_not_to_run_is_finished_once_it_has_its_name(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    exchanged: bool,
) -> None:  # fmt: skip
    new = left(fake, old)
    fake.state.stop(old)
    new.name = str(Aside("web-1", "new", old.id, "stopped"))
    old.name = str(Aside("web-1", "old", new.id, "stopped"))
    if exchanged:
        new.name = "web-1"
    job = ran(asked(actor, container))
    assert job.state == JobState.SUCCEEDED, lines(job)
    assert {it.name: it.state for it in fake.state.containers.values()} == {"web-1": "created"}
    assert (new.id in fake.state.containers) == exchanged
