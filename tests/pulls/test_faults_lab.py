"""Registries that stop in the middle without a word, and a worker that is killed: real engines."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from fleet.actor import Actor
from fleet.jobs.reaper import reap
from fleet.jobs.runner import run_job
from fleet.models import Environment, Job, JobLine, JobState
from fleet.operations.jobs import job_cancel
from fleet.operations.requests import request
from tests.conftest import make_host, make_image
from tests.jobs.conftest import at_once
from tests.jobs.processes import Processes
from tests.lab.images import MIB, push_image
from tests.lab.lab import Lab
from tests.lab.own_registry import Own
from tests.services import redis_server
from tests.waiting import eventually

__all__ = ["redis_server"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]
SIZE = 10 * MIB
RATE = "25mbit"  # some seconds
BOUND = 3.0  # instead of minutes


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is told after a second, and given up after three."""
    monkeypatch.setattr("fleet.jobs.silence.MOMENTS", (1,))
    monkeypatch.setattr("fleet.engine.client.SILENCE_SECONDS", BOUND)


@pytest.fixture(scope="module")
def source(lab: Lab) -> str:
    """An image in the lab's registry."""
    push_image(lab.registry, "stalls:1", [SIZE])
    return f"{lab.registry}/stalls:1"


@pytest.fixture(scope="module")
def filled(lab: Lab, source: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    """A registry on the first host's loopback that has the image."""
    found = Own(lab[1].netns, tmp_path_factory.mktemp("filled"))
    found.start()
    lab[1].docker("pull", "-q", source)
    lab[1].docker("tag", source, found.reference)
    lab[1].docker("push", "-q", found.reference)
    lab[1].docker("rmi", "-f", source, found.reference)
    found.end()
    yield found


@pytest.fixture
def own(lab: Lab, filled: Own) -> Iterator[Own]:
    """That registry, slow; the host has nothing of it."""
    filled.start()
    filled.pace(RATE)
    yield filled
    filled.end()
    lab[1].docker("rmi", "-f", filled.reference)


@pytest.fixture
def empty(lab: Lab, source: str, tmp_path: Path) -> Iterator[Own]:
    """A slow registry that has nothing; the host has the image."""
    lab[1].docker("pull", "-q", source)
    found = Own(lab[1].netns, tmp_path)
    lab[1].docker("tag", source, found.reference)
    found.start()
    found.pace(RATE)
    yield found
    found.end()
    lab[1].docker("rmi", "-f", source, found.reference)


def pull_job(lab: Lab, own: Own, actor: Actor, environment: Environment) -> Job:
    host = make_host("lab", environment, url=lab[1].socket_url)
    params = {"reference": own.reference}
    return request("image.pull", actor=actor, target_id=host.pk, params=params)


def push_job(lab: Lab, own: Own, actor: Actor, environment: Environment) -> Job:
    ident = lab[1].docker("image", "inspect", "--format", "{{.Id}}", own.reference)
    host = make_host("lab", environment, url=lab[1].socket_url)
    row = make_image(host, ident, tags=[own.reference])
    params = {"reference": own.reference}
    return request("image.push", actor=actor, target_id=row.pk, params=params)


def has_tag(lab: Lab, own: Own) -> bool:
    return own.reference in lab[1].docker("images", "--format", "{{.Repository}}:{{.Tag}}")


def freeze_when_it_moves(job: Job, own: Own) -> None:
    moving = Job.objects.filter(pk=job.pk, bytes_done__gt=MIB)
    eventually(moving.exists, "bytes come", seconds=30)
    own.send(signal.SIGSTOP)


def is_told(job: Job) -> bool:
    return JobLine.objects.filter(job=job, text__startswith="Nothing has moved for").exists()


def test_a_pull_that_stalls_says_so_and_is_cancelled_at_once(
    lab: Lab, own: Own, actor: Actor, staging: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.engine.client.SILENCE_SECONDS", 300.0)
    job = pull_job(lab, own, actor, staging)

    def cancel() -> None:
        freeze_when_it_moves(job, own)
        eventually(partial(is_told, job), "it is told", seconds=30)
        job_cancel(actor=actor, job_id=job.pk)

    at_once([partial(run_job, job.pk), cancel])  # ends long before the five minutes
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert not has_tag(lab, own)


def test_a_push_that_stalls_is_given_up_in_words(
    lab: Lab, empty: Own, actor: Actor, staging: Environment
) -> None:
    job = push_job(lab, empty, actor, staging)
    at_once([partial(run_job, job.pk), partial(freeze_when_it_moves, job, empty)])
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "Nothing has moved" in job.message and "Try again" in job.message
    assert is_told(job)
    empty.send(signal.SIGCONT)
    assert not empty.has_tag()


def test_a_registry_that_never_answers_ends_it_in_words(
    lab: Lab, own: Own, actor: Actor, staging: Environment
) -> None:
    own.send(signal.SIGSTOP)
    job = pull_job(lab, own, actor, staging)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "Nothing has moved" in job.message or "could not reach the registry" in job.message
    assert is_told(job)


def test_a_pull_whose_worker_is_killed_runs_again(
    lab: Lab, own: Own, actor: Actor, staging: Environment, redis_server: str, tmp_path: Path
) -> None:
    folder = tmp_path / "worker"
    folder.mkdir()
    processes = Processes(redis_server, folder)
    job = pull_job(lab, own, actor, staging)
    Job.objects.update(sent_at=None)
    try:
        victim = processes.worker("victim")
        processes.manage("reap_jobs")
        moving = Job.objects.filter(pk=job.pk, bytes_done__gt=MIB)
        eventually(moving.exists, "bytes come", seconds=60)
        victim.kill()
        victim.wait()
        assert not has_tag(lab, own)
    finally:
        processes.close()
    Job.objects.update(heartbeat_at="2026-01-01T00:00:00Z")
    reap()
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    own.pace()
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2), job.message
    assert JobLine.objects.filter(job=job, text__contains="fell silent").exists()
    assert has_tag(lab, own)
