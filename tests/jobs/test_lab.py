"""Every operation on containers against real engines: by socket, TLS and ssh."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from fleet.actor import Actor
from fleet.jobs.runner import run_job
from fleet.models import Container, Environment, Host, Job, JobState
from fleet.operations.jobs import job_cancel
from fleet.operations.requests import request
from tests.conftest import make_container, make_host
from tests.jobs.conftest import at_once
from tests.lab.lab import Lab, LabHost
from tests.lab.rows import lab_row
from tests.waiting import eventually

pytestmark = pytest.mark.lab


@pytest.fixture
def engine(lab: Lab) -> Iterator[LabHost]:
    """A real engine, without containers."""
    lab[1].clear()
    yield lab[1]
    lab[1].clear()


@pytest.fixture(params=["socket", "tls", "ssh"])
def way(request: pytest.FixtureRequest, engine: LabHost, staging: Environment) -> Host:
    """The engine's row, by one of the ways that lead to it."""
    return lab_row(engine, staging, request.param)


def state(engine: LabHost, name: str) -> str:
    return engine.docker("inspect", "-f", "{{.State.Status}}", name)


def done(actor: Actor, container: Container, operation: str, **params: object) -> Job:
    """Ask for it, run it, and return how it went."""
    job = request(f"container.{operation}", actor=actor, target_id=container.pk, params=params)
    run_job(job.pk)
    job.refresh_from_db()
    return job


def test_it_does_to_a_real_container_what_was_asked(
    actor: Actor, engine: LabHost, way: Host
) -> None:
    container = make_container(way, "web-1", engine_id=engine.run("--name", "web-1"))
    steps: list[tuple[str, dict[str, object], str]] = [
        ("pause", {}, "paused"),
        ("unpause", {}, "running"),
        ("restart", {"timeout": 1}, "running"),
        ("kill", {"signal": "SIGKILL"}, "exited"),
        ("start", {}, "running"),
        ("stop", {"timeout": 1}, "exited"),
    ]
    for operation, params, expected in steps:
        job = done(actor, container, operation, **params)
        assert (job.state, job.error) == (JobState.SUCCEEDED, "")
        assert state(engine, "web-1") == expected
    assert done(actor, container, "rename", name="web-2").state == JobState.SUCCEEDED
    assert state(engine, "web-2") == "exited"
    assert done(actor, container, "remove").state == JobState.SUCCEEDED
    assert engine.docker("ps", "-aq") == ""


def test_it_says_in_words_what_a_real_engine_refuses(
    actor: Actor, engine: LabHost, staging: Environment
) -> None:
    host = make_host("lab", staging, url=engine.socket_url)
    container = make_container(host, "web-1", engine_id=engine.run("--name", "web-1"))
    kept = done(actor, container, "remove")
    assert kept.state == JobState.FAILED
    assert "running" in kept.error  # each version has its own words
    assert kept.message
    assert "already" in done(actor, container, "start").lines.order_by("-number")[0].text
    assert done(actor, container, "unpause").state == JobState.FAILED


def test_it_hangs_up_on_a_real_engine_when_cancelled(
    actor: Actor, engine: LabHost, staging: Environment
) -> None:
    host = make_host("lab", staging, url=engine.socket_url)
    # As the first process of its container, sleep ignores SIGTERM: the engine waits.
    stubborn = engine.run("--name", "web-1", "--stop-signal", "TERM")
    container = make_container(host, "web-1", engine_id=stubborn)
    job = request("container.stop", actor=actor, target_id=container.pk, params={"timeout": 60})

    def cancel() -> None:
        running = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, message__gt="")
        eventually(running.exists, "it runs")
        job_cancel(actor=actor, job_id=job.pk)

    at_once([partial(run_job, job.pk), cancel])
    job.refresh_from_db()
    assert (job.state, state(engine, "web-1")) == (JobState.CANCELLED, "running")
