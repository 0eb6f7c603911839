"""An exchange that stopped half way is brought to an end, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from fleet.actor import Actor
from fleet.engine.client import Engine
from fleet.engine.errors import Unreachable
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_state import FakeContainer
from fleet.jobs.reaper import reap
from fleet.jobs.runner import run_job
from fleet.models import Container, Host, Job, JobState, User
from fleet.operations.bulk import request_many
from fleet.operations.jobs import job_cancel
from tests.jobs.conftest import lines, ran
from tests.recreate.conftest import asked, dying, lose, names, the_old_one_is_back


@pytest.fixture
def stuck(actor: Actor, container: Container, newer: str, monkeypatch: pytest.MonkeyPatch) -> Job:
    """An update whose worker died after it had stopped the old one and renamed it."""
    job = asked(actor, container)
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "rename", dying(job, Engine.rename))
        assert ran(job).state == JobState.RUNNING
    return job


def test_a_stuck_one_that_is_cancelled_puts_the_old_one_back(
    actor: Actor, fake: FakeEngine, old: FakeContainer, stuck: Job
) -> None:
    assert old.state == "exited" and old.name != "web-1"
    job_cancel(actor=actor, job_id=stuck.pk)
    assert reap().requeued == 1
    assert ran(stuck).state == JobState.CANCELLED, lines(stuck)
    assert stuck.message.endswith("web-1 is as before.")
    assert the_old_one_is_back(fake, old)


@pytest.mark.parametrize("many", [False, True])
def test_one_that_waits_to_run_again_is_not_over_by_a_cancellation(
    actor: Actor, fake: FakeEngine, old: FakeContainer, stuck: Job, many: bool
) -> None:
    top = stuck
    if many:
        Container.objects.update(state="exited")
        top = request_many("container.start", actor=actor, containers=Container.objects.all())
        top.children.all().delete()
        Job.objects.filter(pk=stuck.pk).update(parent=top)
    assert reap().requeued == 1
    job_cancel(actor=actor, job_id=top.pk)
    assert ran(stuck).state == JobState.CANCELLED, lines(stuck)
    assert the_old_one_is_back(fake, old)


def test_after_the_last_attempt_it_is_put_back_and_no_more(
    fake: FakeEngine, old: FakeContainer, stuck: Job
) -> None:
    Job.objects.update(attempt=3)
    assert reap().requeued == 1
    assert ran(stuck).state == JobState.FAILED
    assert "again and again" in stuck.message and "web-1 is as before." in stuck.message
    assert the_old_one_is_back(fake, old)


def test_who_has_lost_the_right_leaves_nothing_half_done(
    make_user: Callable[..., User], fake: FakeEngine, old: FakeContainer, stuck: Job
) -> None:
    Job.objects.update(actor=make_user("nina", role="viewer"), actor_name="nina")
    assert reap().requeued == 1
    assert ran(stuck).state == JobState.FAILED, lines(stuck)
    assert stuck.message == "nina may not do this any more. web-1 is as before."
    assert the_old_one_is_back(fake, old)


@pytest.mark.parametrize("cancelled", [False, True])
def test_given_up_it_says_what_is_where(
    container: Container, old: FakeContainer, stuck: Job, cancelled: bool
) -> None:
    Job.objects.update(attempt=5, cancel_requested_at=timezone.now() if cancelled else None)
    Container.objects.update(name=old.name)
    assert reap().ended == 1
    stuck.refresh_from_db()
    assert stuck.state == (JobState.CANCELLED if cancelled else JobState.LOST)
    assert old.name in stuck.message and "Update it" in stuck.message


def test_a_worker_that_is_stopped_in_the_middle_leaves_it_to_the_next(
    actor: Actor, fake: FakeEngine, container: Container, newer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def ending(*given: Any) -> None:
        raise SystemExit

    job = asked(actor, container)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Engine, "start", ending)
        run_job(job.pk)
    lose(job)
    assert reap().requeued == 1
    assert ran(job).state == JobState.SUCCEEDED, lines(job)
    assert {it.name: (it.state, it.image_id) for it in fake.state.containers.values()} == {
        "web-1": ("running", newer)
    }


@pytest.mark.parametrize("last", ["remove", "start", "rename"])
def test_a_worker_that_dies_while_it_goes_back_leaves_a_trace(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    last: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    fake.state.broken[newer] = 3
    job = asked(actor, container)
    real = Engine.remove

    def remove(*given: Any, **more: Any) -> None:  # the first of its steps
        real(*given, **more)
        lose(job) if last == "remove" else patch.setattr(
            Engine, last, dying(job, getattr(Engine, last))
        )

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "remove", remove)
        assert ran(job).state == JobState.RUNNING
    job_cancel(actor=actor, job_id=job.pk)
    reap()
    assert ran(job).state == JobState.CANCELLED, lines(job)
    assert the_old_one_is_back(fake, old)


@pytest.mark.parametrize("step", ["inspect", "remove", "rename", "start"])
def test_a_host_that_is_away_for_a_moment_is_waited_for(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    step: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Away while the new one starts, and three times more; somebody cancels meanwhile."""
    job = asked(actor, container)
    real, away = getattr(Engine, step), [True] * 3

    def flaky(*given: Any, **more: Any) -> Any:
        if away:
            away.pop()
            raise Unreachable("timeout")
        return real(*given, **more)

    def start(engine: Engine, ident: str) -> bool:
        Job.objects.filter(pk=job.pk).update(cancel_requested_at=timezone.now())
        patch.undo()
        monkeypatch.setattr(Engine, step, flaky)
        raise Unreachable("timeout")

    patch = pytest.MonkeyPatch()
    patch.setattr(Engine, "start", start)
    ran(job)
    assert job.state == JobState.FAILED and "The old one runs as before." in job.message, lines(job)
    assert the_old_one_is_back(fake, old) and not away


def test_a_host_that_stays_away_is_given_up_in_words(
    actor: Actor, fake: FakeEngine, old: FakeContainer, stuck: Job,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def away(*given: Any, **more: Any) -> None:
        raise Unreachable("timeout")

    Container.objects.update(name=old.name)
    reap()
    with monkeypatch.context() as patch:
        patch.setattr("fleet.jobs.settling.guarded_engine", away)
        patch.setattr("fleet.jobs.settling.PATIENCE_SECONDS", 0.0)
        job_cancel(actor=actor, job_id=stuck.pk)
        assert ran(stuck).state == JobState.FAILED
    assert "did not answer" in stuck.message and old.name in stuck.message
    assert names(fake)[old.name] is old


def test_a_host_that_is_switched_off_meanwhile_is_left_in_words(
    host: Host, old: FakeContainer, stuck: Job
) -> None:
    Container.objects.update(name=old.name)
    reap()
    Host.objects.update(state="disabled")
    assert ran(stuck).state == JobState.FAILED
    assert "switched off" in stuck.message and old.name in stuck.message
