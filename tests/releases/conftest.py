"""Runs with stages after them: rows, and jobs that end as a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Q

from fleet.actor import Actor
from fleet.jobs.endings import end_job
from fleet.models import Build, BuildRun, Environment, Host, Job, JobState, RunStage
from fleet.operations.builds import build_create
from fleet.operations.requests import request
from tests.conftest import make_host
from tests.jobs.conftest import broker

__all__ = ["broker"]
TAG = "registry.test/team/web:{n}"
Define = Callable[..., Build]


@pytest.fixture
def host(staging: Environment) -> Host:
    """Where it is built."""
    return make_host("stage-1", staging)


@pytest.fixture
def second(staging: Environment) -> Host:
    """Where it goes."""
    return make_host("stage-2", staging)


@pytest.fixture
def define(actor: Actor, host: Host) -> Define:
    """define(push=True, …) -> a build on the host."""

    def make(by: Actor = actor, **data: Any) -> Build:
        given = {"name": "web", "host": host.pk, "dockerfile_text": "FROM scratch\n",
                 "tags": [TAG], **data}  # fmt: skip
        return build_create(actor=by, data=given)

    return make


def started(actor: Actor, build: Build) -> BuildRun:
    """Ask for a run of a build."""
    job = request("build.run", actor=actor, target_id=build.pk)
    return BuildRun.objects.select_related("job").get(job=job)


def built(actor: Actor, build: Build) -> BuildRun:
    """Ask for a run, and let its build succeed."""
    run = started(actor, build)
    tags = [tag.replace("{n}", str(run.number)) for tag in build.tags]
    BuildRun.objects.filter(pk=run.pk).update(tags=tags, image_id=f"sha256:{7:064x}")
    end(run.job)
    return run


def end(job: Job | None, state: JobState = JobState.SUCCEEDED, why: str = "Done.") -> None:
    """End a job; of a job of many, its children."""
    assert job is not None
    for one in job.children.all() if job.children_count else [job]:
        assert end_job(one, Q(), state, why)


def states(run: BuildRun) -> str:
    """Return kind and state of each stage."""
    return " ".join(f"{stage.kind}:{stage.state}" for stage in run.stages.all())


def stage(run: BuildRun, kind: str) -> RunStage:
    """Return a stage of a run, read anew."""
    return run.stages.get(kind=kind)


def jobs(run: BuildRun) -> list[str]:
    """Return the jobs of all stages of a run, in order."""
    names = Job.objects.filter(stage_links__stage__run=run).order_by("pk")
    return list(names.values_list("operation", flat=True))


def last(run: BuildRun) -> Job:
    """Return the newest job of a run's stages."""
    job = Job.objects.filter(stage_links__stage__run=run).order_by("pk").last()
    assert job is not None
    return job
