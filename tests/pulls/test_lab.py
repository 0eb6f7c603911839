"""Pulls on real engines from real registries: progress, refusals, cancel, a cut cable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from fleet.actor import Actor
from fleet.jobs.runner import run_job
from fleet.models import Environment, Host, Job, JobParts, JobState
from fleet.operations.jobs import job_cancel
from fleet.operations.requests import request
from tests.jobs.conftest import at_once, ran
from tests.lab.images import MIB, push_image
from tests.lab.lab import Lab
from tests.lab.rows import lab_row
from tests.waiting import eventually

pytestmark = pytest.mark.lab
RATE = "40mbit"  # the large image takes about four seconds


@pytest.fixture
def slow(lab: Lab) -> Iterator[Lab]:
    """A slow line to the registries."""
    lab.pace(RATE)
    yield lab
    lab.pace()


@pytest.fixture
def image(lab: Lab) -> str:
    """A new image with two large layers and a small one."""
    push_image(lab.registry, "app:1", [8 * MIB, 12 * MIB, 1000])
    return f"{lab.registry}/app:1"


def asked(actor: Actor, host: Host, reference: str) -> Job:
    return request("image.pull", actor=actor, target_id=host.pk, params={"reference": reference})


def flows(lab: Lab) -> bool:
    """Return whether the registries send more than a murmur."""
    before = lab.registry_bytes()
    time.sleep(0.5)
    return lab.registry_bytes() - before > 50_000


def test_it_pulls_with_progress_of_each_layer(
    actor: Actor, slow: Lab, image: str, staging: Environment
) -> None:
    job = asked(actor, lab_row(slow[1], staging, "tls"), image)
    seen: list[tuple[int, int, int]] = []

    def watch() -> None:
        def ended() -> bool:
            found = Job.objects.get(pk=job.pk)
            parts = JobParts.objects.filter(job=job).first()
            if parts and found.bytes_done and found.bytes_per_second:
                seen.append((found.progress, found.bytes_done, len(parts.parts)))
            return not found.is_open

        eventually(ended, "the pull ended", seconds=40)

    at_once([partial(run_job, job.pk), watch])
    job.refresh_from_db()
    assert (job.state, job.progress) == (JobState.SUCCEEDED, 100), job.error
    assert len({done for _percent, done, _parts in seen}) >= 3
    assert [percent for percent, *_ in seen] == sorted(percent for percent, *_ in seen)
    assert {count for *_, count in seen} == {3}
    assert job.bytes_done and job.bytes_done >= 20 * MIB
    parts = JobParts.objects.get(job=job).parts
    assert [part["state"] for part in parts] == ["done"] * 3
    assert image in slow[1].docker("images", "--format", "{{.Repository}}:{{.Tag}}")


def test_it_says_in_words_what_went_wrong(actor: Actor, lab: Lab, staging: Environment) -> None:
    push_image(lab.private_registry, "secret:1", [1000], auth="lab:labpass")
    host = lab_row(lab[1], staging)
    words = {
        f"{lab.registry}/nothing:1": "no such image or tag",
        f"{lab.private_registry}/secret:1": "wants a user name and a password",
        f"{lab.net}.5:9/app:1": "could not reach the registry",
        f"{lab[1].address}:2376/app:1": "does not trust the registry's certificate",
    }
    for reference, expected in words.items():
        job = ran(asked(actor, host, reference))
        assert job.state == JobState.FAILED
        assert expected in job.message
        assert job.error


def test_it_signs_in_or_says_that_it_could_not(
    actor: Actor, lab: Lab, staging: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = lab.private_registry
    push_image(address, "secret:2", [1000], auth="lab:labpass")
    host, reference = lab_row(lab[1], staging), f"{address}/secret:2"
    login = {"username": "lab", "password": "wrong-pass", "serveraddress": address}
    monkeypatch.setattr("fleet.operations.images.auth_for", lambda host, reference: login)
    refused = ran(asked(actor, host, reference))
    assert "did not accept the user name" in refused.message
    login["password"] = "labpass"
    assert ran(asked(actor, host, reference)).state == JobState.SUCCEEDED
    log = (lab.folder / "h1" / "log").read_text(errors="replace")
    assert "wrong-pass" not in log and "labpass" not in log


def cancel_when_running(actor: Actor, job: Job, lab: Lab) -> Callable[[], None]:
    def cancel() -> None:
        moving = Job.objects.filter(pk=job.pk, bytes_done__gt=MIB)
        eventually(moving.exists, "bytes come", seconds=20)
        assert flows(lab)
        job_cancel(actor=actor, job_id=job.pk)

    return cancel


@pytest.mark.parametrize("way", ["socket", "ssh"])
def test_cancel_stops_the_engine(
    actor: Actor, slow: Lab, image: str, staging: Environment, way: str
) -> None:
    job = asked(actor, lab_row(slow[2], staging, way), image)
    at_once([partial(run_job, job.pk), cancel_when_running(actor, job, slow)])
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert job.bytes_done and job.bytes_done < 20 * MIB
    # What was on its way may still come; then nothing does, and nothing has the name.
    eventually(lambda: not flows(slow), "the engine fetches no more", seconds=10)
    assert image not in slow[2].docker("images", "--format", "{{.Repository}}:{{.Tag}}")


def test_a_cut_cable_ends_it_in_words(
    actor: Actor, slow: Lab, image: str, staging: Environment
) -> None:
    job = asked(actor, lab_row(slow[3], staging, "tls"), image)

    def cut() -> None:
        moving = Job.objects.filter(pk=job.pk, bytes_done__gt=MIB)
        eventually(moving.exists, "bytes come", seconds=20)
        slow.cut(3)

    began = time.monotonic()
    try:
        at_once([partial(run_job, job.pk), cut])
    finally:
        slow.heal(3)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "connection to the host was lost" in job.message or "did not answer" in job.message
    assert time.monotonic() - began < 30
