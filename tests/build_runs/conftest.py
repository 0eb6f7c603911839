"""Builds on real engines: an image that is called ubuntu:18.04, and folders of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.actor import Actor
from fleet.jobs.runner import run_job
from fleet.models import Build, BuildRun, Environment, Host, Job
from fleet.operations.builds import build_create
from fleet.operations.requests import request
from tests.conftest import make_host
from tests.jobs.conftest import broker
from tests.lab.lab import Lab

__all__ = ["broker"]

SEED = """FROM ubuntu:18.04
RUN apt-get update && apt-get install -y nginx
EXPOSE 80
CMD ["nginx", "-g", "daemon off;"]
"""
# No real Ubuntu: it has no mirror to be had here. What its apt-get is asked for is the same.
APT_GET = """#!/bin/sh
case $1 in
update) echo "Get:1 http://archive.ubuntu.com/ubuntu bionic InRelease [242 kB]" ;;
install) printf 'Selecting previously unselected package \\033[1;32mnginx\\033[0m.\\n'
  mkdir -p /usr/sbin && printf '#!/bin/sh\\nexec sleep 100000\\n' > /usr/sbin/nginx
  chmod +x /usr/sbin/nginx ;;
esac
"""


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, settings: Any) -> Path:
    """Contexts and archives of this test alone."""
    settings.BUILD_DIR = tmp_path / "builds"
    settings.BUILD_ARCHIVE_DIR = tmp_path / "archives"
    return tmp_path / "builds"


def make_base(lab: Lab, folder: Path, number: int = 1) -> None:
    """Give a lab's host an image of the name ubuntu:18.04."""
    folder.mkdir(exist_ok=True)
    (folder / "apt-get").write_text(APT_GET)
    (folder / "apt-get").chmod(0o755)
    (folder / "Dockerfile").write_text("FROM lab/busybox:1\nCOPY apt-get /bin/apt-get\n")
    subprocess.run(
        ["/usr/bin/docker", "build", "-q", "-t", "ubuntu:18.04", str(folder)],
        env={"DOCKER_HOST": lab[number].socket_url, "DOCKER_BUILDKIT": "0", "PATH": "/usr/bin"},
        check=True,
        capture_output=True,
    )


@pytest.fixture
def engine_host(lab: Lab, staging: Environment, tmp_path: Path) -> Iterator[Host]:
    """A real host with the base image; tags that tests gave are taken away."""
    make_base(lab, tmp_path / "base")
    yield make_host("lab", staging, url=lab[1].socket_url)
    for name in tags_on(lab):
        if name.startswith("built/"):
            lab[1].docker("rmi", "-f", name)


def tags_on(lab: Lab, number: int = 1) -> list[str]:
    """Return the names of the images that a lab's host has."""
    return lab[number].docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()


@pytest.fixture
def define(actor: Actor, engine_host: Host) -> Callable[..., Build]:
    """define(dockerfile_text=…) -> a build on the real host."""

    def make(**data: Any) -> Build:
        given = {"name": "web", "host": engine_host.pk, "tags": ["built/web:{n}"], **data}
        return build_create(actor=actor, data=given)

    return make


def asked(actor: Actor, build: Build, **params: str) -> Job:
    """Ask for a run."""
    return request("build.run", actor=actor, target_id=build.pk, params=params)


def ran(actor: Actor, build: Build, **params: str) -> BuildRun:
    """Run a build in this thread; return its run."""
    job = asked(actor, build, **params)
    run_job(job.pk)
    return run_of(job)


def run_of(job: Job) -> BuildRun:
    """Return a job's run, read anew."""
    return BuildRun.objects.select_related("job", "build").get(job=job)
