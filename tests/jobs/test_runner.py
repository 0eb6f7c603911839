"""A job from its claim to its end, against a fake engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.utils import timezone

from fleet.actor import Actor, actor_for
from fleet.engine.fake import FakeEngine, in_fake
from fleet.jobs.runner import run_job
from fleet.models import Container, Grant, Host, HostState, Job, JobLine, JobState, User
from fleet.operations.jobs import job_cancel
from fleet.operations.requests import request
from tests.jobs.conftest import make_jobs, messages
from tests.waiting import eventually


@contextmanager
def running(job: Job) -> Iterator[None]:
    """Run a job in a thread; wait for its end when the block is left."""

    def work() -> None:
        try:
            run_job(job.pk)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    eventually(lambda: state_of(job) != JobState.QUEUED, "it runs")
    yield
    thread.join(30)
    assert not thread.is_alive()


def state_of(job: Job) -> str:
    return Job.objects.values_list("state", flat=True).get(pk=job.pk)


def calls(fake: FakeEngine, what: str) -> int:
    return sum(what in request for request in fake.requests)


def test_it_does_what_was_asked(queued: Job, fake: FakeEngine) -> None:
    run_job(queued.pk)
    queued.refresh_from_db()
    assert (queued.state, queued.progress) == (JobState.SUCCEEDED, 100)
    assert queued.message == "Restarted web-1."
    assert queued.started_at and queued.finished_at
    assert calls(fake, "/restart") == 1
    assert [line.text for line in queued.lines.all()] == ["Restarting web-1 on stage-1."]


def test_it_does_nothing_twice(queued: Job, fake: FakeEngine) -> None:
    run_job(queued.pk)
    run_job(queued.pk)
    assert calls(fake, "/restart") == 1


def test_it_hands_the_parameters_to_the_engine(
    actor: Actor, container: Container, fake: FakeEngine
) -> None:
    job = request("container.stop", actor=actor, target_id=container.pk, params={"timeout": 3})
    run_job(job.pk)
    assert calls(fake, "/stop?t=3") == 1


def test_it_fails_in_words_when_the_engine_says_no(host: Host, fake: FakeEngine) -> None:
    (job,) = make_jobs(host, 1)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "No such container" in job.message
    assert "No such container" in job.error


def test_it_fails_in_words_when_nobody_answers(queued: Job, host: Host) -> None:
    Host.objects.update(url="unix:///nowhere/at-all.sock")
    run_job(queued.pk)
    queued.refresh_from_db()
    assert (queued.state, queued.message) == (
        JobState.FAILED,
        "There is no socket at this path.",
    )


def test_it_calls_our_own_mistake_errored(queued: Job) -> None:
    Job.objects.update(params={"timeout": "not a number"})
    run_job(queued.pk)
    queued.refresh_from_db()
    assert queued.state == JobState.ERRORED
    assert "not a number" not in queued.message + queued.error


def test_it_fails_when_the_host_is_gone_or_off(queued: Job, host: Host, fake: FakeEngine) -> None:
    Host.objects.update(state=HostState.DISABLED)
    run_job(queued.pk)
    assert state_of(queued) == JobState.FAILED
    (other,) = make_jobs(host, 1)
    host.containers.all().delete()
    host.delete()
    run_job(other.pk)
    other.refresh_from_db()
    assert other.message == "The host was removed in the meantime."
    assert calls(fake, "/restart") == 0


def test_it_does_not_act_for_somebody_who_lost_the_right(
    operator: User, container: Container, fake: FakeEngine
) -> None:
    job = request("container.restart", actor=actor_for(operator), target_id=container.pk)
    Grant.objects.filter(user=operator).delete()
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.message) == (JobState.FAILED, "olga may not do this any more.")
    assert calls(fake, "/restart") == 0


def test_it_hangs_up_when_a_running_job_is_cancelled(
    actor: Actor, queued: Job, fake: FakeEngine
) -> None:
    in_fake(fake, lambda: setattr(fake.faults, "stop_takes", 60))
    with running(queued):
        eventually(lambda: calls(fake, "/restart"), "the engine is asked")
        job_cancel(actor=actor, job_id=queued.pk)
        eventually(lambda: state_of(queued) == JobState.CANCELLED, "it is cancelled", seconds=10)
    queued.refresh_from_db()
    assert "may still finish" in queued.message


def test_it_leaves_a_job_alone_that_was_taken_away(queued: Job, fake: FakeEngine) -> None:
    in_fake(fake, lambda: setattr(fake.faults, "stop_takes", 60))
    other = Job.new_claim()
    with running(queued):
        eventually(lambda: calls(fake, "/restart"), "the engine is asked")
        Job.objects.update(claim=other)
    queued.refresh_from_db()
    assert (queued.state, queued.claim) == (JobState.RUNNING, other)


def test_it_writes_heartbeats_while_the_engine_takes_its_time(
    queued: Job, fake: FakeEngine
) -> None:
    in_fake(fake, lambda: setattr(fake.faults, "stop_takes", 5))
    with running(queued):
        began = timezone.now()
        eventually(
            lambda: Job.objects.filter(heartbeat_at__gt=began).exists(), "a heartbeat", seconds=10
        )
    assert state_of(queued) == JobState.SUCCEEDED


def test_it_shows_lines_while_the_job_runs(queued: Job, fake: FakeEngine) -> None:
    in_fake(fake, lambda: setattr(fake.faults, "stop_takes", 60))
    with running(queued):
        eventually(lambda: JobLine.objects.filter(job=queued).exists(), "a line is saved")
        assert state_of(queued) == JobState.RUNNING
        Job.objects.update(cancel_requested_at=timezone.now())


def test_it_sends_the_next_job_of_the_host_at_its_end(queued: Job, host: Host) -> None:
    make_jobs(host, 12)
    before = messages()
    run_job(queued.pk)
    assert Job.objects.filter(sent_at__isnull=False, state=JobState.QUEUED).count() == 8
    assert messages() > before
