"""Real engines and real registries: built on one host, pushed, pulled and restarted on another."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.actor import Actor
from fleet.jobs.runner import run_job
from fleet.models import BuildRun, Environment, Host, Job, JobLine, JobState
from fleet.operations.builds import build_create
from fleet.operations.release_plan import RECREATE
from fleet.operations.stages import run_go_on
from tests.conftest import make_container, make_host
from tests.lab.lab import Lab
from tests.lab.own_registry import PORT, Own
from tests.releases.conftest import jobs, last, stage, started, states

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]
FILE = 'FROM lab/busybox:1\nCOPY a /a\nCMD ["sleep", "100000"]\n'


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, settings: Any) -> None:
    settings.BUILD_DIR = tmp_path / "builds"


@pytest.fixture
def host(lab: Lab, staging: Environment) -> Host:
    return make_host("lab-1", staging, url=lab[1].socket_url)


@pytest.fixture
def second(lab: Lab, staging: Environment) -> Host:
    return make_host("lab-2", staging, url=lab[2].socket_url)


@pytest.fixture
def repository(lab: Lab) -> Iterator[str]:
    """A repository in the open registry; what the hosts keep of it goes afterwards."""
    name = f"{lab.registry}/release/app"
    yield name
    for number in (1, 2):
        lab[number].clear()
        for image in lab[number].docker("images", "--format", "{{.Repository}}:{{.Tag}}").split():
            if image.startswith((name, f"127.0.0.1:{PORT}")):
                lab[number].docker("rmi", "-f", image)


def work() -> None:
    """Do all that is queued, as workers would."""
    while job := Job.objects.filter(state=JobState.QUEUED, children_count=0).first():
        run_job(job.pk)


def ran(actor: Actor, host: Host, **data: Any) -> BuildRun:
    build = build_create(
        actor=actor,
        data={"name": "app", "host": host.pk, "dockerfile_text": FILE, "files": {"a": "A"}, **data},
    )
    run = started(actor, build)
    work()
    return BuildRun.objects.get(pk=run.pk)


def started_at(lab: Lab, number: int, name: str) -> str:
    return lab[number].docker("inspect", "--format", "{{.State.StartedAt}}", name).strip()


def text_of(job: Job) -> str:
    return "\n".join(JobLine.objects.filter(job=job).values_list("text", flat=True))


def test_it_is_built_pushed_and_pulled_where_it_is_used(
    lab: Lab, actor: Actor, host: Host, second: Host, repository: str
) -> None:
    live = f"{repository}:live"
    lab[2].docker("tag", "lab/busybox:1", live)
    ident = (
        lab[2]
        .docker("run", "-d", "--stop-signal", "KILL", "--name", "app", live, "sleep", "100000")
        .strip()
    )
    make_container(second, "app", engine_id=ident, image=live)
    before = started_at(lab, 2, "app")
    run = ran(
        actor, host, tags=[f"{repository}:{{n}}", live], push=True, deploy="restart",
        deploy_hosts=[second.pk],
    )  # fmt: skip
    assert states(run) == "push:succeeded deploy:succeeded", [s.why for s in run.stages.all()]
    assert jobs(run) == ["build.push", "image.pull", "container.restart"]
    found = json.loads(lab[2].docker("image", "inspect", live))[0]
    assert found["Id"] == run.image_id
    assert f"{repository}@{run.digests[live]}" in found["RepoDigests"]
    assert set(run.digests) == {f"{repository}:1", live}
    assert started_at(lab, 2, "app") > before
    push = Job.objects.get(operation="build.push")
    assert (push.progress, push.measured.parts != []) == (100, True)


def test_a_registry_that_is_away_is_told_and_gone_on_with(
    lab: Lab, actor: Actor, host: Host, second: Host, repository: str, tmp_path: Path
) -> None:
    own = Own(lab[1].netns, tmp_path)
    there, away = f"{repository}:a", f"127.0.0.1:{PORT}/app:1"
    run = ran(
        actor, host, tags=[there, away], push=True, deploy="pull", deploy_environments=[
            host.environment_id
        ],
    )  # fmt: skip
    assert states(run) == "push:failed deploy:skipped"
    why = stage(run, "push").why
    assert why.startswith(f"{away} was not pushed: The host could not reach the registry."), why
    assert f"Pushed before it: {there}." in why
    assert list(run.digests) == [there]
    own.start()
    try:
        run_go_on(actor=actor, build_id=run.build_id, number=1)
        push = last(run)
        run_job(push.pk)
        run.refresh_from_db()
        assert stage(run, "push").state == "succeeded"
        assert f"{there} is there already." in text_of(push)
        assert own.has_tag()
        assert set(run.digests) == {there, away}
        work()  # the second host reaches no registry on the first one's loopback
    finally:
        own.send(signal.SIGKILL)
    assert states(run) == "push:succeeded deploy:failed"
    assert Job.objects.filter(operation="image.pull", host=second, state="succeeded").count() == 1


def test_another_image_of_the_name_is_not_pushed(
    lab: Lab, actor: Actor, host: Host, repository: str
) -> None:
    name = f"{repository}:moved"
    run = ran(actor, host, tags=[name])
    run.stages.create(kind="push", plan={"push": True}, state="running", actor=actor.user)
    lab[1].docker("tag", "lab/busybox:1", name)
    from fleet.jobs.reaper import reap

    reap()
    work()
    assert states(run) == "push:failed"
    assert "is another image by now" in stage(run, "push").why


def test_what_uses_it_is_made_again(
    lab: Lab, actor: Actor, host: Host, second: Host, repository: str
) -> None:
    live = f"{repository}:live"
    lab[2].docker("tag", "lab/busybox:1", live)
    kill = ("--stop-signal", "KILL")
    ident = lab[2].docker("run", "-d", *kill, "--name", "app", live, "sleep", "100000").strip()
    make_container(second, "app", engine_id=ident, image=live)
    run = ran(actor, host, tags=[live], push=True, deploy="update", deploy_hosts=[second.pk])
    assert states(run) == "push:succeeded deploy:succeeded", [s.why for s in run.stages.all()]
    assert jobs(run) == ["build.push", RECREATE]
    found = json.loads(lab[2].docker("inspect", "app"))[0]
    assert (found["Image"], found["State"]["Status"]) == (run.image_id, "running")
