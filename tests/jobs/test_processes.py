"""Workers and beats as real processes that are killed, frozen and asked to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from fleet.actor import Actor
from fleet.engine.fake import FakeEngine, in_fake
from fleet.jobs import roster
from fleet.models import Host, Job, JobState
from fleet.operations.jobs import job_cancel
from tests.jobs.conftest import make_jobs
from tests.jobs.processes import Processes
from tests.services import redis_server
from tests.waiting import eventually

__all__ = ["redis_server"]


@pytest.fixture
def processes(redis_server: str, tmp_path: Path) -> Iterator[Processes]:
    """Starts processes; ends them with the test."""
    running = Processes(redis_server, tmp_path)
    yield running
    running.close()


@pytest.fixture
def in_redis(redis_server: str) -> Iterator[None]:
    """This process looks into the same Redis."""
    with override_settings(REDIS_URL=redis_server, IN_MEMORY=False):
        yield


def job_row(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def asked(fake: FakeEngine, what: str) -> int:
    return sum(what in request for request in fake.requests)


def slow_down(fake: FakeEngine, seconds: float) -> None:
    in_fake(fake, lambda: setattr(fake.faults, "stop_takes", seconds))


def one_job(host: Host, fake: FakeEngine, operation: str = "container.restart") -> Job:
    made = in_fake(fake, lambda: fake.state.add())
    (job,) = make_jobs(host, 1)
    Job.objects.update(operation=operation, target_engine_id=made.id)
    return job


def start_in_the_middle(processes: Processes, job: Job, fake: FakeEngine, what: str) -> None:
    processes.manage("reap_jobs")  # sends what was never sent
    eventually(lambda: asked(fake, what), "the engine is asked", seconds=60)


def test_it_runs_a_job_again_whose_worker_was_killed(
    processes: Processes, host: Host, fake: FakeEngine
) -> None:
    job = one_job(host, fake)
    slow_down(fake, 60)
    victim = processes.worker("victim")
    start_in_the_middle(processes, job, fake, "/restart")
    victim.kill()
    slow_down(fake, 0)
    processes.worker("other")
    processes.beat("beat")
    eventually(lambda: not job_row(job).is_open, "it ends", seconds=60)
    assert (job_row(job).state, job_row(job).attempt) == (JobState.SUCCEEDED, 2)
    assert asked(fake, "/restart") == 2


def test_it_ends_a_job_as_lost_whose_worker_was_killed(
    processes: Processes, host: Host, fake: FakeEngine
) -> None:
    job = one_job(host, fake, "container.pause")
    in_fake(fake, lambda: setattr(fake.faults, "slow", 4))
    victim = processes.worker("victim")
    start_in_the_middle(processes, job, fake, "/pause")
    victim.kill()
    processes.worker("other")
    processes.beat("beat")
    eventually(lambda: not job_row(job).is_open, "it ends", seconds=60)
    assert (job_row(job).state, job_row(job).attempt) == (JobState.LOST, 1)
    assert asked(fake, "/pause") == 1


def test_it_ignores_a_worker_that_comes_back_from_the_dead(
    processes: Processes, host: Host, fake: FakeEngine
) -> None:
    job = one_job(host, fake)
    slow_down(fake, 60)
    sleeper = processes.worker("sleeper")
    start_in_the_middle(processes, job, fake, "/restart")
    sleeper.send_signal(signal.SIGSTOP)
    slow_down(fake, 0)
    other = processes.worker("other")
    processes.beat("beat")
    eventually(lambda: not job_row(job).is_open, "another runs it", seconds=60)
    before = job_row(job)
    other.kill()
    sleeper.send_signal(signal.SIGCONT)
    # The sleeper is awake once it has done another job.
    second = one_job(host, fake)
    processes.manage("reap_jobs")
    eventually(lambda: not job_row(second).is_open, "it works again", seconds=60)
    after = job_row(job)
    assert (after.state, after.attempt, after.revision) == (
        JobState.SUCCEEDED,
        2,
        before.revision,
    )


def test_it_cancels_a_job_that_another_process_runs(
    processes: Processes, in_redis: None, actor: Actor, host: Host, fake: FakeEngine
) -> None:
    job = one_job(host, fake)
    slow_down(fake, 60)
    processes.worker("worker")
    start_in_the_middle(processes, job, fake, "/restart")
    job_cancel(actor=actor, job_id=job.pk)
    eventually(lambda: job_row(job).state == JobState.CANCELLED, "it is cancelled")


def test_it_shows_who_is_at_work(processes: Processes, in_redis: None) -> None:
    worker = processes.worker("one")
    eventually(roster.workers, "the worker is on the roster", seconds=60)
    (facts,) = roster.workers()
    assert (facts.queues, facts.concurrency, facts.pid) == (
        ["control", "transfer", "upkeep"],
        4,
        worker.pid,
    )
    worker.terminate()
    eventually(lambda: not roster.workers(), "it left the roster")


def test_it_lets_a_second_beat_take_over(processes: Processes, in_redis: None) -> None:
    first, second = processes.beat("first"), processes.beat("second")
    eventually(lambda: len(roster.beats()) == 2, "both are on the roster", seconds=60)
    eventually(lambda: roster.beats()[0].active, "one is active")
    active, waiting = roster.beats()
    assert (active.active, waiting.active) == (True, False)
    {first.pid: first, second.pid: second}[active.pid].kill()
    eventually(
        lambda: any(beat.active and beat.pid == waiting.pid for beat in roster.beats()),
        "the other takes over",
        seconds=15,
    )
