"""Jobs in tests: a fake engine, its host's row, and a broker in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import current_app
from django.db import connection

from fleet.actor import Actor
from fleet.engine.fake import FakeEngine, in_fake
from fleet.jobs.pulse import pulse
from fleet.jobs.runner import run_job
from fleet.models import Container, Environment, Host, Job, JobLine
from fleet.operations.requests import request
from tests.conftest import make_container, make_host


@pytest.fixture(autouse=True)
def broker(transactional_db: None) -> Iterator[None]:
    """An empty broker, rows that other threads see, and no pulse left over."""
    current_app.control.purge()
    yield
    pulse.stop()
    current_app.control.purge()


@pytest.fixture
def host(fake: FakeEngine, staging: Environment) -> Host:
    """The fake engine's row."""
    return make_host("stage-1", staging, url=fake.url)


@pytest.fixture
def container(fake: FakeEngine, host: Host) -> Container:
    """A container that runs in the fake engine, and its row."""
    made = in_fake(fake, lambda: fake.state.add("web-1"))
    return make_container(host, "web-1", engine_id=made.id)


@pytest.fixture
def queued(actor: Actor, container: Container) -> Job:
    """A queued restart."""
    return request("container.restart", actor=actor, target_id=container.pk)


def ran(job: Job) -> Job:
    """Run a job here and now; how it went."""
    run_job(job.pk)
    job.refresh_from_db()
    return job


def lines(job: Job | None = None) -> str:
    """Return what a job has told, or all of them; a line for each."""
    rows = JobLine.objects.filter(job=job) if job else JobLine.objects.all()
    return "\n".join(rows.values_list("text", flat=True))


def messages(queue: str = "control") -> int:
    """Return how many messages wait in the broker."""
    with current_app.connection_for_read() as broker:
        channel: Any = broker.default_channel
        return int(channel._size(queue))


def make_jobs(host: Host, count: int, **fields: object) -> list[Job]:
    """Make queued restarts of containers that do not exist, without sending them."""
    return [
        Job.objects.create(
            operation="container.restart",
            actor_name="system",
            host=host,
            host_name=host.name,
            target_kind="container",
            target_id=number + 1,
            target_engine_id=f"{number:064x}",
            target_name=f"web-{number}",
            **fields,
        )
        for number in range(count)
    ]


def at_once(calls: list[Callable[[], object]]) -> list[object]:
    """Run calls in threads that begin together; return their results in order."""
    results: list[object] = [None] * len(calls)
    gate = threading.Barrier(len(calls))

    def run(index: int) -> None:
        gate.wait()
        try:
            results[index] = calls[index]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
