"""Who may do what to builds, and what is refused with which sentence."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Q

from fleet.access import Refused, Unknown, access_build
from fleet.actor import Actor, actor_for
from fleet.jobs.claims import claim_job
from fleet.jobs.endings import end_job
from fleet.jobs.retention import purge_jobs
from fleet.models import (
    AuditEntry,
    Build,
    BuildRun,
    Environment,
    Host,
    Job,
    JobLine,
    JobState,
    RunStage,
    StageKind,
    StageState,
)  # fmt: skip
from fleet.operations import build_run
from fleet.operations.build_run import RUNS_KEPT
from fleet.operations.builds import build_archive, build_create, build_remove, build_update
from fleet.operations.errors import Invalid
from fleet.operations.hosts import host_remove
from fleet.operations.requests import request
from tests.build_runs.conftest import asked
from tests.conftest import make_host

GIT = {"source": "git", "git_url": "https://git.test/app.git", "git_token": "t0ken-of-mine"}


@pytest.fixture
def host(staging: Environment) -> Host:
    return make_host("stage-1", staging)


def made(actor: Actor, host: Host, **data: Any) -> Build:
    given = {"name": "web", "host": host.pk, "dockerfile_text": "FROM scratch\n", **data}
    if given.get("source", "dockerfile") != "dockerfile":
        del given["dockerfile_text"]
    return build_create(actor=actor, data=given)


def why(actor: Actor, host: Host, **data: Any) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as refused:
        made(actor, host, **data)
    assert not Build.objects.exists()
    return refused.value.fields


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        ({"dockerfile_text": "x" * 5_000_000}, "dockerfile_text", "too long: at most 256 KB"),
        ({"dockerfile_text": "  "}, "dockerfile_text", "Write a Dockerfile"),
        ({"files": {"../../etc/passwd": "x"}}, "files", "stay inside"),
        ({"files": {"/etc/passwd": "x"}}, "files", "stay inside"),
        ({"source": "git", "git_url": "--upload-pack=touch /x"}, "git_url", "option for Git"),
        ({"source": "git", "git_url": "file:///etc"}, "git_url", "no way to a repository"),
        ({"source": "git", "git_url": "ext::sh -c id"}, "git_url", "no way to a repository"),
        ({**GIT, "git_ref": "--help"}, "git_ref", "cannot be the name"),
        ({**GIT, "git_folder": "../x"}, "git_folder", "stay inside"),
        ({**GIT, "dockerfile": "-x"}, "dockerfile", "stay inside"),
        ({"target": "--output=/x"}, "target", "dash"),
        ({"platform": "linux"}, "platform", "linux/amd64"),
        ({"platform": "linux/amd64,,linux/arm64"}, "platform", "several with commas"),
        ({"network": "container:web"}, "network", "none, host"),
        ({"args": {"A B": "x"}}, "args", "cannot be a name"),
        ({"labels": {"--x": "y"}}, "labels", "cannot be a name"),
        ({"secrets": {"a,src=/etc/shadow": "x"}}, "secrets", "name has letters"),
        ({"tags": ["Bad Name"]}, "tags", "spaces"),
        ({"tags": ["web:{branch}"]}, "tags", "only of builds from Git"),
        ({"memory": 5}, "memory", "at least 4 MB"),
        ({"nothing": 1}, "nothing", "no such field"),
        ({"git_url": "https://git.test/app.git"}, "git_url", "does not use this"),
    ],
)
def test_it_refuses_with_reasons(
    actor: Actor, host: Host, data: dict[str, Any], field: str, words: str
) -> None:
    assert words in " ".join(why(actor, host, **data)[field])


def test_several_platforms_are_one_list(actor: Actor, host: Host) -> None:
    build = made(actor, host, platform="linux/amd64, linux/arm64/v8,linux/amd64")
    assert build.platform == "linux/amd64,linux/arm64/v8"


def test_who_may(host: Host, other_host: Host, make_user: Any) -> None:
    deployer = actor_for(make_user("dora", role="deployer", on=host.environment))
    viewer = actor_for(make_user("vic", role="viewer", on=host))
    build = made(deployer, host)
    assert access_build(viewer, build.pk) == build
    for call in (
        lambda: made(viewer, host, name="other"),
        lambda: build_update(actor=viewer, build_id=build.pk, data={"pull": True}),
        lambda: request("build.run", actor=viewer, target_id=build.pk),
        lambda: build_remove(actor=viewer, build_id=build.pk),
    ):
        with pytest.raises(Refused):
            call()
    with pytest.raises(Unknown):  # nobody moves a build to where they may not build
        build_update(actor=deployer, build_id=build.pk, data={"host": other_host.pk})
    with pytest.raises(Invalid, match="its own network"):
        build_update(actor=deployer, build_id=build.pk, data={"network": "host"})


def test_secrets_are_kept_encrypted_and_told_nowhere(actor: Actor, host: Host) -> None:
    build = made(actor, host, secrets={"npm": "hunter2-hunter2", "pip": "other-secret"})
    build = build_update(actor=actor, build_id=build.pk, data={"secrets": {"npm": None}})
    build.refresh_from_db()
    assert (build.secrets, build.secret_names) == ({"npm": "hunter2-hunter2"}, ["npm"])
    rows = str([*Build.objects.values(), *AuditEntry.objects.values()])
    assert "hunter2" not in rows
    assert "other-secret" not in rows


def test_a_stored_token_goes_to_no_other_host(actor: Actor, host: Host) -> None:
    build = made(actor, host, **GIT)
    Build.objects.update(git_host_key="ssh-ed25519 AAAA")
    moved = {"git_url": "https://evil.test/app.git"}
    with pytest.raises(Invalid, match="given for another address"):
        build_update(actor=actor, build_id=build.pk, data=moved)
    same = build_update(
        actor=actor, build_id=build.pk, data={"git_url": "https://git.test/other.git"}
    )
    assert (same.git_token, same.git_host_key) == ("t0ken-of-mine", "ssh-ed25519 AAAA")
    again = build_update(actor=actor, build_id=build.pk, data={**moved, "git_token": "another"})
    assert (again.git_token, again.git_host_key) == ("another", "")


def packed(**files: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return data.getvalue()


def test_archives_are_kept_by_names_of_ours(actor: Actor, host: Host, settings: Any) -> None:
    build = made(actor, host, source="archive")
    folder = Path(settings.BUILD_ARCHIVE_DIR)
    for data in (packed(a="1"), packed(a="2")):
        build = build_archive(
            actor=actor, build_id=build.pk, name="../../evil\n.tar", pieces=[data]
        )
    assert [place.name for place in folder.iterdir()] == [build.archive]
    assert build.archive_name == "../../evil.tar"  # shown, never a path
    with pytest.raises(Invalid, match=r"no tar, tar\.gz or zip"):
        build_archive(actor=actor, build_id=build.pk, name="x", pieces=[b"#!/bin/sh"])
    settings.BUILD_CONTEXT_BYTES = 100
    with pytest.raises(Invalid, match="larger than"):
        build_archive(actor=actor, build_id=build.pk, name="x", pieces=[packed(a="3")])
    assert [place.name for place in folder.iterdir()] == [build.archive]
    build_remove(actor=actor, build_id=build.pk)
    assert not list(folder.iterdir())


# --- Runs ----------------------------------------------------------------------------------


def end(job: Job, state: JobState = JobState.SUCCEEDED) -> None:
    assert end_job(job, Q(), state, "Done.")


def sent() -> list[int]:
    jobs = Job.objects.filter(sent_at__isnull=False, state=JobState.QUEUED)
    return list(jobs.order_by("pk").values_list("pk", flat=True))


def test_runs_of_one_build_wait_for_each_other(actor: Actor, host: Host) -> None:
    build, other = made(actor, host, **GIT), made(actor, host, name="other")
    first = asked(actor, build)
    assert asked(actor, build).pk == first.pk  # it has read nothing yet
    assert claim_job(first.pk)
    BuildRun.objects.filter(job=first).update(revision=build.revision)
    second = asked(actor, build)  # the branch may have moved
    assert second.pk != first.pk
    third = asked(actor, other)
    assert sent() == [third.pk]  # of another build: side by side
    end(first)
    assert sent() == [second.pk, third.pk]
    numbers = BuildRun.objects.filter(build=build).values_list("number", flat=True)
    assert sorted(numbers) == [1, 2]


def test_what_cannot_have_changed_is_one_run(actor: Actor, host: Host) -> None:
    build = made(actor, host)
    first = asked(actor, build)
    assert claim_job(first.pk)
    BuildRun.objects.filter(job=first).update(revision=build.revision)
    assert asked(actor, build).pk == first.pk
    build_update(actor=actor, build_id=build.pk, data={"no_cache": True})
    assert asked(actor, build).pk != first.pk
    with pytest.raises(Invalid, match="has not ended yet"):
        build_remove(actor=actor, build_id=build.pk)


def test_the_last_runs_are_kept(actor: Actor, host: Host) -> None:
    build = made(actor, host)
    old = asked(actor, build)
    end(old)
    Build.objects.update(next_number=RUNS_KEPT + 1)
    end(asked(actor, build))
    assert [run.number for run in BuildRun.objects.all()] == [RUNS_KEPT + 1]
    assert Job.objects.filter(pk=old.pk).exists()


def test_runs_that_have_not_ended_are_kept_and_bounded(
    actor: Actor, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = made(actor, host, **GIT)
    waiting = asked(actor, build, ref="one")
    pushing = asked(actor, build, ref="two")
    end(pushing)
    run = BuildRun.objects.get(job=pushing)
    RunStage.objects.create(run=run, kind=StageKind.PUSH, state=StageState.RUNNING)
    Build.objects.update(next_number=RUNS_KEPT + 3)
    end(asked(actor, build, ref="three"))
    kept = set(BuildRun.objects.values_list("job", flat=True))
    assert {waiting.pk, pushing.pk} < kept
    end(waiting)
    with pytest.raises(Invalid, match="has not ended yet"):  # its push has not
        build_remove(actor=actor, build_id=build.pk)
    monkeypatch.setattr(build_run, "OPEN_LIMIT", 1)
    with pytest.raises(Invalid, match="1 runs of it have not ended"):
        asked(actor, build, ref="four")


def test_history_outlives_old_jobs_without_their_lines(actor: Actor, host: Host) -> None:
    job = asked(actor, made(actor, host))
    JobLine.objects.create(job=job, number=1, text="old")
    end(job)
    Job.objects.update(finished_at="2020-01-01T00:00:00Z")
    purge_jobs()
    assert BuildRun.objects.get().job.pk == job.pk
    assert not JobLine.objects.exists()


def test_a_host_with_builds_is_not_removed(actor: Actor, host: Host) -> None:
    made(actor, host)
    with pytest.raises(Invalid, match="web"):
        host_remove(actor=actor, host_id=host.pk)
