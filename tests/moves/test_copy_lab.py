"""Images from one real engine to another: what is missing, names that move, cut cables, cancel."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from fleet.actor import Actor
from fleet.engine.saving import save_image
from fleet.jobs.runner import run_job
from fleet.models import Environment, Host, Image, Job, JobParts, JobState
from fleet.moves.tar import Sieve
from fleet.operations import image_copy
from fleet.operations.image_copy import copy_params
from fleet.operations.jobs import job_cancel
from fleet.operations.many_hosts import ask_on_hosts
from tests.conftest import make_host
from tests.jobs.conftest import at_once, broker, lines, ran
from tests.lab.images import MIB, push_image
from tests.lab.lab import Lab, LabError, LabHost
from tests.lab.rows import lab_row
from tests.waiting import eventually

__all__ = ["broker"]
pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("broker")]


@pytest.fixture(scope="module")
def base(lab: Lab) -> Iterator[str]:
    """An image of two layers that the first host has."""
    push_image(lab.registry, "moved:1", [12 * MIB, 1000])
    name = f"{lab.registry}/moved:1"
    lab[1].docker("pull", "-q", name)
    yield name
    for host in lab.hosts:
        for image in (name, "moved/extra:1", "moved/other:1"):
            try:
                host.docker("rmi", "-f", image)
            except LabError:
                continue


@pytest.fixture(autouse=True)
def free(lab: Lab, base: str) -> Iterator[None]:
    """The others have it not, whatever a test left there."""
    yield
    ident = id_of(lab[1], base)
    for host in (lab[2], lab[3]):
        if ident in host.docker("images", "-q", "--no-trunc"):
            host.docker("rmi", "-f", ident)


def id_of(host: LabHost, name: str) -> str:
    return host.docker("image", "inspect", "-f", "{{.Id}}", name)


def names_on(host: LabHost) -> list[str]:
    return host.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()


def image_row(host: Host, engine_id: str, *tags: str) -> Image:
    return Image.objects.create(
        host=host, engine_id=engine_id, tags=list(tags), size=1, seen_at=timezone.now()
    )


def asked(actor: Actor, image: Image, to: Host) -> Job:
    hosts = Host.objects.filter(pk=to.pk)
    params = copy_params(image)
    return ask_on_hosts("image.copy", actor=actor, hosts=hosts, params=params).job


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source gives its pieces so that there is time to do something in the middle."""

    def slowly(engine: Any, refs: list[str]) -> Generator[bytes]:
        for piece in save_image(engine, refs):
            time.sleep(0.05)
            yield piece

    monkeypatch.setattr(image_copy, "save_image", slowly)


@pytest.mark.parametrize(("one", "other"), [("tls", "ssh"), ("ssh", "tls")])
def test_it_comes_with_its_names_and_the_same_id(
    actor: Actor, lab: Lab, base: str, staging: Environment, one: str, other: str
) -> None:
    ident = id_of(lab[1], base)
    image = image_row(lab_row(lab[1], staging, one), ident, base)
    job = ran(asked(actor, image, lab_row(lab[2], staging, other)))
    assert job.state == JobState.SUCCEEDED, (job.message, job.error)
    assert id_of(lab[2], base) == ident
    assert job.bytes_done and job.bytes_done > 12 * MIB
    assert [part["state"] for part in JobParts.objects.get(job=job).parts] == ["done"]


def test_only_what_is_missing_goes_over(
    actor: Actor,
    lab: Lab,
    base: str,
    staging: Environment,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if lab[2].has_containerd_store:
        pytest.skip("containerd's store wants all layers.")
    lab[2].docker("pull", "-q", base)
    container = lab[1].docker("create", base, "x")
    made = lab[1].docker("commit", "-c", "CMD other", container, "moved/extra:1")
    lab[1].docker("rm", container)
    sieves = []

    class Watched(Sieve):
        def __init__(self, drop: Any) -> None:
            super().__init__(drop)
            sieves.append(self)

    monkeypatch.setattr(image_copy, "Sieve", Watched)
    source, target = lab_row(lab[1], staging), lab_row(lab[2], staging)
    job = ran(asked(actor, image_row(source, made, "moved/extra:1"), target))
    assert job.state == JobState.SUCCEEDED, (job.message, job.error)
    assert "2 of its 2 layers" in lines(job) or "2 of its 3 layers" in lines(job)
    assert len(sieves) == 1 and sieves[0].left_out > 12 * MIB
    assert id_of(lab[2], "moved/extra:1") == made
    # What was left out is there all the same.
    whole = tmp_path / "whole.tar"
    lab[2].docker("save", "moved/extra:1", "-o", str(whole))
    assert whole.stat().st_size > 12 * MIB


def test_an_engine_that_wants_all_gets_all(
    actor: Actor, lab: Lab, base: str, staging: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lab[3].has_containerd_store:
        pytest.skip("containerd's store is sent all layers at once.")
    monkeypatch.setattr(image_copy, "shared_layers", lambda layers, others: 1)
    ident = id_of(lab[1], base)
    job = ran(
        asked(actor, image_row(lab_row(lab[1], staging), ident, base), lab_row(lab[3], staging))
    )
    assert job.state == JobState.SUCCEEDED, (job.message, job.error)
    assert "wants all of them" in lines(job)
    assert id_of(lab[3], base) == ident


def test_what_is_there_only_gets_its_names_which_another_loses(
    actor: Actor, lab: Lab, base: str, staging: Environment
) -> None:
    ident = id_of(lab[1], base)
    lab[2].docker("pull", "-q", base)
    lab[2].docker("tag", "lab/busybox:1", "moved/other:1")
    lab[1].docker("tag", base, "moved/other:1")
    image = image_row(lab_row(lab[1], staging), ident, "moved/other:1", base)
    job = ran(asked(actor, image, lab_row(lab[2], staging)))
    assert job.state == JobState.SUCCEEDED, (job.message, job.error)
    assert id_of(lab[2], "moved/other:1") == ident
    assert "moved/other:1 meant another image here" in lines(job)
    assert "has this image already" in lines(job)
    assert not job.bytes_done


def begun(job: Job) -> None:
    eventually(Job.objects.filter(pk=job.pk, bytes_done__gt=MIB).exists, "bytes come", seconds=20)


def test_a_cut_cable_leaves_nothing_behind(
    actor: Actor, lab: Lab, base: str, staging: Environment, slow: None
) -> None:
    image = image_row(lab_row(lab[1], staging, "tls"), id_of(lab[1], base), base)
    job = asked(actor, image, lab_row(lab[3], staging, "tls"))

    def cut() -> None:
        begun(job)
        lab.cut(1)

    try:
        at_once([partial(run_job, job.pk), cut])
    finally:
        lab.heal(1)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "which has the image" in job.message
    assert base not in names_on(lab[3])
    assert lab[3].docker("images", "-q", "-f", "dangling=true") == ""


def test_cancel_stops_both_ends(
    actor: Actor, lab: Lab, base: str, staging: Environment, slow: None
) -> None:
    image = image_row(lab_row(lab[1], staging), id_of(lab[1], base), base)
    job = asked(actor, image, lab_row(lab[3], staging))

    def cancel() -> None:
        begun(job)
        job_cancel(actor=actor, job_id=job.pk)

    at_once([partial(run_job, job.pk), cancel])
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert job.bytes_done and job.bytes_done < 12 * MIB
    assert base not in names_on(lab[3])

    def is_done() -> bool:
        return not list((lab.folder / "h1/data/tmp").glob("docker-*"))

    eventually(is_done, "the source is done with it")


def test_podman_takes_and_gives(actor: Actor, lab: Lab, base: str, staging: Environment) -> None:
    if not lab.podman_socket.exists():
        pytest.skip("The lab has no Podman.")
    podman = make_host("podman", staging, url=f"unix://{lab.podman_socket}")
    image = image_row(lab_row(lab[1], staging), id_of(lab[1], base), base)
    there = ran(asked(actor, image, podman))
    assert there.state == JobState.SUCCEEDED, (there.message, there.error)
    ident = lab.podman("image", "inspect", "-f", "{{.Id}}", base)
    try:
        back = ran(asked(actor, image_row(podman, ident, base), lab_row(lab[3], staging)))
        assert back.state == JobState.SUCCEEDED, (back.message, back.error)
        assert base in names_on(lab[3])
    finally:
        lab.podman("rmi", "-f", base)
