"""A host whose disk is full, for real: what is said, what to do, and that nothing is half there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from fleet.actor import Actor
from fleet.models import Environment, Host, JobState, User
from fleet.operations.builds import build_create
from fleet.operations.requests import request
from tests.conftest import make_host
from tests.jobs.conftest import broker, ran
from tests.lab.images import MIB
from tests.lab.lab import Lab
from tests.lab.own_registry import Own
from tests.lab.small_disk import SmallHost, small_host

__all__ = ["broker"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]
DISK_MB, LARGE = 48, 30 * MIB
SENTENCE = "The host's disk is full. Remove images or containers that nobody needs"
ROOT = Path(__file__).resolve().parents[2]
PUSH = "from tests.lab.images import push_image; push_image(*{!r})"
FILL = "FROM lab/busybox:1\nRUN dd if=/dev/zero of=/large bs=1M count=100\n"


@pytest.fixture(scope="module")
def small(lab: Lab) -> Iterator[SmallHost]:
    """An engine with a small disk."""
    with small_host(lab, DISK_MB) as host:
        yield host


@pytest.fixture
def row(small: SmallHost, staging: Environment) -> Host:
    return make_host("small", staging, url=small.socket_url)


@pytest.fixture
def large(small: SmallHost, tmp_path: Path) -> Iterator[str]:
    """The name of an image too large for it, in a registry whose data is elsewhere."""
    own = Own(small.netns, tmp_path)
    own.start()
    name, _, tag = own.reference.partition("/")
    inside = ["nsenter", f"--net={small.netns}", sys.executable, "-c"]
    subprocess.run([*inside, PUSH.format((name, tag, [1000, LARGE]))], cwd=ROOT, check=True)
    yield own.reference
    own.end()


def names(small: SmallHost) -> list[str]:
    return small.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()


def test_a_pull_says_that_the_disk_is_full_and_leads_on(
    small: SmallHost, row: Host, large: str, actor: Actor, administrator: User,
    sign_in: Callable[[User], Client],
) -> None:  # fmt: skip
    job = ran(request("image.pull", actor=actor, target_id=row.pk, params={"reference": large}))
    assert job.state == JobState.FAILED
    assert SENTENCE in job.message
    assert "no space left on device" in job.error
    assert names(small) == ["lab/busybox:1"]
    html = sign_in(administrator).get(f"/jobs/{job.pk}/").content.decode()
    assert "/images/?host=small&amp;state=unused" in html
    # What came of it is gone: the disk has room again.
    assert shutil.disk_usage(small.disk).free > LARGE


def test_a_build_says_so_with_its_line(
    small: SmallHost, row: Host, actor: Actor, administrator: User,
    sign_in: Callable[[User], Client], settings: Any, tmp_path: Path,
) -> None:  # fmt: skip
    settings.BUILD_DIR = tmp_path / "builds"
    data = {"name": "fill", "host": row.pk, "dockerfile_text": FILL, "tags": ["built/fill:{n}"],
            "network": "none"}  # fmt: skip
    build = build_create(actor=actor, data=data)
    job = ran(request("build.run", actor=actor, target_id=build.pk))
    assert job.state == JobState.FAILED, job.error
    assert job.message.startswith(SENTENCE)
    assert "Line 2 of the Dockerfile failed: " in job.message
    assert names(small) == ["lab/busybox:1"]
    html = sign_in(administrator).get(f"/builds/{build.pk}/runs/1/").content.decode()
    assert "/images/?host=small&amp;state=unused" in html
