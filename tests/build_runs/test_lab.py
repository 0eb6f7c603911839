"""Builds on a real engine, from the definition to the tagged image."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from functools import partial
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from fleet.actor import Actor
from fleet.builds.folders import sweep
from fleet.jobs.reaper import reap
from fleet.jobs.runner import run_job
from fleet.models import Build, BuildRun, Job, JobLine, JobState, Registry
from fleet.operations.builds import build_archive, build_update
from fleet.operations.jobs import job_cancel
from tests.build_runs.conftest import SEED, asked, ran, run_of, tags_on
from tests.builds.git_server import TOKEN, USER, Repository, serve_https
from tests.engine.pki import Authority
from tests.jobs.conftest import at_once
from tests.jobs.processes import Processes
from tests.lab.images import push_image
from tests.lab.lab import Lab
from tests.services import redis_server
from tests.waiting import eventually

__all__ = ["redis_server"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]
Define = Callable[..., Build]
SECRET = "correct horse battery"


def text_of(run: BuildRun) -> str:
    return "\n".join(JobLine.objects.filter(job=run.job).values_list("text", flat=True))


def test_the_seed_builds_as_typed(actor: Actor, define: Define, lab: Lab, folders: Path) -> None:
    tags = ["built/web:{n}", "built/web:latest"]
    more = {"no_cache": True, "memory": 2**30}
    run = ran(actor, define(dockerfile_text=SEED, tags=tags, **more))
    assert run.job.state == JobState.SUCCEEDED, (run.job.message, run.job.error)
    assert run.tags == ["built/web:1", "built/web:latest"]
    assert set(run.tags) <= set(tags_on(lab))
    image = json.loads(lab[1].docker("image", "inspect", "built/web:1"))[0]
    assert image["Id"] == run.image_id
    # Where containerd keeps it, this is what is packed alone.
    assert image["Size"] == run.size or (lab[1].has_containerd_store and image["Size"] < run.size)
    assert image["Config"]["Cmd"] == ["nginx", "-g", "daemon off;"]
    assert "80/tcp" in image["Config"]["ExposedPorts"]
    assert run.builder in ("buildkit", "buildx")
    assert "BuildKit keeps to no memory limit: the 1024 MB" in text_of(run)
    assert run.seconds is not None
    step = next(step for step in run.steps if "apt-get update" in step["name"])
    assert step["state"] == "done"
    lines = JobLine.objects.filter(job=run.job, part=step["number"])
    assert any("package \x1b[1;32mnginx\x1b[0m" in line.text for line in lines)
    assert not list(folders.iterdir())


def test_a_failing_step_is_told_with_its_line(
    actor: Actor, define: Define, lab: Lab, folders: Path
) -> None:
    typed = "FROM ubuntu:18.04\n\n# why not\nRUN echo one && \\\n    echo why; exit 42\nRUN true\n"
    run = ran(actor, define(dockerfile_text=typed))
    assert run.job.state == JobState.FAILED
    assert run.job.message.startswith("Line 4 of the Dockerfile failed: ")
    assert "exit 42" in run.job.message
    failure = run.failure
    assert (failure["line"], failure["end"], failure["path"]) == (4, 5, "Dockerfile")
    assert failure["first"] == 1
    assert failure["excerpt"][3].startswith("RUN echo one")
    assert failure["lines"] == ["one", "why"]
    assert "42" in failure["text"]
    assert [s["state"] for s in run.steps if s["number"] == failure["step"]] == ["failed"]
    assert not [name for name in tags_on(lab) if name.startswith("built/")]
    assert not list(folders.iterdir())


def test_what_cannot_begin_points_at_the_line(actor: Actor, define: Define) -> None:
    run = ran(actor, define(dockerfile_text="FROM ubuntu:18.04\nWRONG words\n"))
    assert run.job.state == JobState.FAILED
    assert run.failure["line"] == 2
    assert "line 2 of the Dockerfile" in run.job.message


def test_a_secret_is_nowhere(actor: Actor, define: Define, lab: Lab) -> None:
    mount = "--mount=type=secret,id=token"
    typed = f"FROM ubuntu:18.04\nRUN {mount} md5sum /run/secrets/token; cat /run/secrets/token\n"
    build = define(dockerfile_text=typed, secrets={"token": SECRET}, no_cache=True)
    run = ran(actor, build)
    assert run.job.state == JobState.SUCCEEDED, run.job.error
    assert md5(SECRET.encode()).hexdigest() in text_of(run)  # noqa: S324
    assert "•••" in text_of(run)
    rows = [*Build.objects.values(), *BuildRun.objects.values(), *Job.objects.values()]
    assert SECRET not in str(rows) + text_of(run)
    assert SECRET not in lab[1].docker("history", "--no-trunc", "built/web:1")


def packed(**files: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return data.getvalue()


def stand_in(place: Path, said: str) -> str:
    """Make a hadolint that says always the same."""
    place.write_text(f"#!/bin/sh\necho '{said}'\n")
    place.chmod(0o755)
    return str(place)


def test_an_archive_builds(
    actor: Actor, define: Define, lab: Lab, folders: Path, settings: Any, tmp_path: Path
) -> None:
    said = '[{"line": 2, "level": "info", "code": "DL9", "message": "Do better"}]'
    settings.HADOLINT = stand_in(tmp_path / "hadolint", said)
    build = define(source="archive")
    assert "No archive was uploaded" in ran(actor, build).job.message
    good = packed(**{"app/Dockerfile": "FROM ubuntu:18.04\nCOPY a /a\n", "app/a": "A"})
    evil = packed(**{"../../evil": "x", "Dockerfile": "FROM ubuntu:18.04\n"})
    build_archive(actor=actor, build_id=build.pk, name="evil.tgz", pieces=[evil])
    assert "leads out of the archive" in ran(actor, build).job.message
    assert not list(folders.iterdir())
    build_archive(actor=actor, build_id=build.pk, name="app.tgz", pieces=[good])
    run = ran(actor, build)
    assert run.job.state == JobState.SUCCEEDED, run.job.message
    assert run.tags == ["built/web:3"]
    assert (run.steps[0]["name"], run.steps[0]["state"]) == (
        "1 piece of advice on the Dockerfile", "done",
    )  # fmt: skip
    lines = JobLine.objects.filter(job=run.job, part=run.steps[0]["number"])
    assert [line.text for line in lines] == ["Line 2, info DL9: Do better"]


def test_git_builds_where_the_policy_allows(
    actor: Actor, define: Define, lab: Lab, tmp_path: Path, settings: Any
) -> None:
    root = tmp_path / "git"
    root.mkdir()
    repository = Repository(root, "app")
    commit = repository.commit(
        "Serve it\x1b[31m", web__Dockerfile="FROM ubuntu:18.04\nCOPY a /a\n", web__a="A"
    )
    with serve_https(root, Authority()) as server:
        server.private.add("app")
        build = define(
            source="git", git_url=server.url("app"), git_folder="web", git_ca=server.ca,
            git_username=USER, git_token=TOKEN, tags=["built/app:{branch}-{short_sha}-{n}"],
        )  # fmt: skip
        refused = ran(actor, build)
        assert refused.job.state == JobState.FAILED
        assert "Quayside's own machine" in refused.job.message
        assert not server.asked
        settings.OUTBOUND_ALLOW = ["127.0.0.1"]
        run = ran(actor, build)
        repository.git("checkout", "-q", "-b", "release/1")
        other = repository.commit("Release it", web__a="B")
        released = ran(actor, build, ref="release/1")
    assert (released.commit, released.branch) == (other, "release/1"), released.job.message
    assert released.tags == [f"built/app:release-1-{other[:7]}-3"]
    assert Build.objects.get().git_ref == ""
    assert run.job.state == JobState.SUCCEEDED, (run.job.message, run.job.error)
    assert (run.commit, run.branch) == (commit, "main")
    assert run.tags == [f"built/app:main-{commit[:7]}-2"]
    assert {*run.tags, *released.tags} <= set(tags_on(lab))
    assert TOKEN not in text_of(run)


def test_a_killed_worker_leaves_nothing(
    actor: Actor, define: Define, lab: Lab, redis_server: str, tmp_path: Path, settings: Any
) -> None:
    folder = tmp_path / "worker"
    folder.mkdir()
    processes = Processes(redis_server, folder)
    job = asked(actor, define(dockerfile_text="FROM ubuntu:18.04\nRUN echo go; sleep 4141\n"))
    Job.objects.update(sent_at=None)
    try:
        worker = processes.worker("victim")
        processes.manage("reap_jobs")
        lines = JobLine.objects.filter(job=job, text="go")
        eventually(lines.exists, "the step runs", seconds=60)
        settings.BUILD_DIR = folder / "builds"
        assert sweep() == 0  # it lives
        assert builds_of(folder)
        worker.kill()
        worker.wait()
        eventually(lambda: not builds_of(folder), "its command went with it", seconds=20)
        Job.objects.update(heartbeat_at="2026-01-01T00:00:00Z")
        reap()
    finally:
        processes.close()
    assert run_of(job).job.state == JobState.LOST
    assert sweep() == 1
    assert not list((folder / "builds").iterdir())
    assert not [name for name in tags_on(lab) if name.startswith("built/")]


def builds_of(folder: Path) -> list[str]:
    """Return the commands that build from below a folder."""
    found = subprocess.run(["ps", "-wweo", "args="], capture_output=True, text=True, check=True)
    return [line for line in found.stdout.splitlines() if f"--file={folder}" in line]


def test_cancel_stops_it_and_tags_nothing(
    actor: Actor, define: Define, lab: Lab, folders: Path
) -> None:
    job = asked(actor, define(dockerfile_text="FROM ubuntu:18.04\nRUN echo go; sleep 4242\n"))

    def cancel() -> None:
        lines = JobLine.objects.filter(job=job, text="go")
        eventually(lines.exists, "the step runs", seconds=30)
        job_cancel(actor=actor, job_id=job.pk)

    at_once([partial(run_job, job.pk), cancel])
    run = run_of(job)
    assert run.job.state == JobState.CANCELLED
    assert "running" not in [step["state"] for step in run.steps]
    assert not [name for name in tags_on(lab) if name.startswith("built/")]
    assert not list(folders.iterdir())


def test_bases_of_an_insecure_registry_are_pulled_first(
    actor: Actor, define: Define, lab: Lab
) -> None:
    push_image(lab.registry, "base:1", [1000])
    push_image(lab.registry, "files:1", [1000])
    base, files = f"{lab.registry}/base:1", f"{lab.registry}/files:1"
    typed = f"FROM {files} AS one\nFROM {base}\nCOPY --from={files} / /files/\n"
    build = define(dockerfile_text=typed, pull=True)
    alone = ran(actor, build)
    # BuildKit of newer engines knows the engine's registries; that of 20.10 does not.
    known = not lab[1].docker("version", "-f", "{{.Server.Version}}").startswith("20.")
    assert known or "Add it under Registries" in alone.job.message
    Registry.objects.create(
        name="lab", kind="distribution", url=f"http://{lab.registry}", insecure=True,
        everywhere=True,
    )  # fmt: skip
    run = ran(actor, build)
    assert run.job.state == JobState.SUCCEEDED, (run.job.message, run.job.error)
    text = text_of(run)
    assert f"Pulling the base image {base} first" in text and files in text
    # What is there is not asked for again, unless newer ones are wanted.
    again = ran(actor, build_update(actor=actor, build_id=build.pk, data={"pull": False}))
    assert again.job.state == JobState.SUCCEEDED
    assert "Pulling the base image" not in text_of(again)
    lab[1].docker("rmi", "-f", base, files)


def test_several_platforms_are_one_image_or_refused_before_a_step(
    actor: Actor, define: Define, lab: Lab
) -> None:
    typed = "FROM scratch\nARG TARGETARCH\nCOPY file /$TARGETARCH\n"
    files, platform = {"file": "x"}, "linux/amd64,linux/arm64"
    run = ran(actor, define(dockerfile_text=typed, files=files, platform=platform))
    if run.builder == "buildx" and lab[1].has_containerd_store:
        assert run.job.state == JobState.SUCCEEDED, (run.job.message, run.job.error)
        assert "no programs for linux/arm64" in text_of(run)
        assert {"linux/amd64", "linux/arm64"} <= {
            word for step in run.steps for word in step["name"].strip("[").split()
        }
        return
    missing = "one platform in an image" if run.builder == "buildx" else "need docker buildx"
    assert missing in run.job.message
    assert run.job.state == JobState.FAILED and run.steps == []


def test_a_base_that_cannot_be_pulled_is_told_in_words(
    actor: Actor, define: Define, lab: Lab
) -> None:
    Registry.objects.create(
        name="lab", kind="distribution", url=f"http://{lab.registry}", insecure=True,
        everywhere=True,
    )  # fmt: skip
    run = ran(actor, define(dockerfile_text=f"FROM {lab.registry}/nothing:7\n"))
    assert run.job.state == JobState.FAILED
    assert f"The base image {lab.registry}/nothing:7 could not be pulled" in run.job.message
    assert "no such image or tag" in run.job.message
    run = ran(actor, define(name="odd", dockerfile_text="FROM NO/Name:1\n"))
    assert run.job.state == JobState.FAILED
