"""Copying and loading as jobs over fake engines: rights, words, and the file that goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from fleet.access import Refused, Unknown
from fleet.actor import Actor, actor_for
from fleet.engine.client import Engine
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_images import FakeImage
from fleet.models import AuditEntry, Grant, Host, Image, Job, JobState, User
from fleet.moves.store import keep
from fleet.operations.errors import Invalid
from fleet.operations.image_copy import copy_params
from fleet.operations.image_files import load_params
from fleet.operations.jobs import job_cancel, job_retry
from fleet.operations.many_hosts import ask_on_hosts
from tests.conftest import grant
from tests.jobs.conftest import lines, ran
from tests.moves.conftest import NAMES
from tests.moves.test_tar import tar_of


def ask(actor: Actor, name: str, params: dict[str, Any], *hosts: Host) -> Job:
    rows = Host.objects.filter(pk__in=[host.pk for host in hosts])
    return ask_on_hosts(name, actor=actor, hosts=rows, params=params).job


# --- Copy ----------------------------------------------------------------------------------


def test_it_copies_with_the_names_that_were_chosen(
    actor: Actor, image: Image, other: FakeEngine, target: Host
) -> None:
    job = ran(ask(actor, "image.copy", copy_params(image, [NAMES[1]]), target))
    assert (job.state, job.message) == (JobState.SUCCEEDED, f"Copied {NAMES[1]}.")
    assert (job.host, job.progress) == (target, 100)
    assert other.images.known[image.engine_id].tags == [NAMES[1]]
    assert job.bytes_done and job.bytes_done > 1_100_000
    entry = AuditEntry.objects.get(action="image.copy")
    assert entry.detail["params"]["source"] == image.host_id


def test_a_name_that_it_lost_is_left_out(
    actor: Actor, image: Image, held: FakeImage, other: FakeEngine, target: Host
) -> None:
    held.tags.remove(NAMES[0])
    job = ran(ask(actor, "image.copy", copy_params(image), target))
    assert job.state == JobState.SUCCEEDED
    assert other.images.known[image.engine_id].tags == [NAMES[1]]
    assert f"{NAMES[0]} is no name of it any more on stage-1" in lines()


def test_it_has_all_names_when_it_is_cancelled_while_it_gets_them(
    actor: Actor, image: Image, other: FakeEngine, target: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(actor, "image.copy", copy_params(image), target)
    at_the_first_name(monkeypatch, lambda: job_cancel(actor=actor, job_id=job.pk))
    assert ran(job).state == JobState.SUCCEEDED
    assert job.cancel_requested_at is not None
    assert other.images.known[image.engine_id].tags == NAMES
    assert f"It is called {', '.join(NAMES)}." in lines()


def test_who_loses_the_job_while_it_gives_names_neither_goes_on_nor_back(
    actor: Actor, image: Image, other: FakeEngine, target: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(actor, "image.copy", copy_params(image), target)
    taken = Job.objects.filter(pk=job.pk)
    at_the_first_name(monkeypatch, lambda: taken.update(claim=uuid4()))
    assert ran(job).state == JobState.RUNNING  # with whoever has it now
    assert other.images.known[image.engine_id].tags == NAMES[:1]
    assert "It is called" not in lines()


def at_the_first_name(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen once an engine has given an image its first name."""
    tag = Engine.tag

    def then(engine: Engine, image: str, reference: str) -> None:
        tag(engine, image, reference)
        if reference == NAMES[0]:
            happens()

    monkeypatch.setattr(Engine, "tag", then)


def test_it_says_which_end_failed(
    actor: Actor, image: Image, fake: FakeEngine, other: FakeEngine, target: Host
) -> None:
    other.moves.refuse = "write /layer.tar: no space left on device"
    full = ran(ask(actor, "image.copy", copy_params(image), target))
    assert full.state == JobState.FAILED and "disk is full" in full.message
    assert "stage-1" not in full.message
    fake.images.known.clear()
    gone = ran(ask(actor, "image.copy", copy_params(image), target))
    assert gone.message.startswith("stage-1, which has the image: It has no such image any more")
    assert not other.images.known


def test_it_is_not_copied_to_where_it_comes_from(actor: Actor, image: Image, host: Host) -> None:
    with pytest.raises(Invalid) as caught:
        ask(actor, "image.copy", copy_params(image), host)
    assert "It comes from there" in str(caught.value.fields)


def test_both_ends_need_the_right(
    user: User, image: Image, host: Host, target: Host, other: FakeEngine
) -> None:
    params = copy_params(image)
    there = grant(user, "deployer", target)
    with pytest.raises(Unknown):
        ask(actor_for(user), "image.copy", params, target)
    here = grant(user, "viewer", host)
    with pytest.raises(Refused):
        ask(actor_for(user), "image.copy", params, target)
    here.delete()
    here = grant(user, "deployer", host)
    there.delete()
    with pytest.raises(Refused):
        ask(actor_for(user), "image.copy", params, target)
    grant(user, "deployer", target)
    job = ask(actor_for(user), "image.copy", params, target)
    Grant.objects.filter(pk=here.pk).delete()  # while it waits
    assert "may not take images from stage-1 any more" in ran(job).message
    assert not other.images.known


@pytest.fixture
def user(make_user: Any) -> User:
    """Somebody who may nothing yet."""
    found: User = make_user("nina")
    return found


# --- Load ----------------------------------------------------------------------------------


def kept(tars: Path, data: bytes = b"") -> dict[str, Any]:
    return load_params(keep([data or tar_of("manifest.json")]), "../../shop.tar")


def saved(fake: FakeEngine, name: str) -> bytes:
    from fleet.engine.client import open_engine
    from fleet.engine.endpoint import Endpoint
    from fleet.engine.saving import save_image

    with open_engine(Endpoint(fake.url)) as engine:
        return b"".join(save_image(engine, [name]))


def test_it_loads_on_each_host_and_the_file_goes_with_the_last(
    actor: Actor, image: Image, fake: FakeEngine, other: FakeEngine, target: Host, host: Host,
    tars: Path,
) -> None:  # fmt: skip
    params = kept(tars, saved(fake, NAMES[0]))
    assert params["name"] == "shop.tar"
    fake.images.known.clear()
    parent = ask(actor, "image.load", params, host, target)
    first, second = parent.children.order_by("pk")
    assert ran(first).state == JobState.SUCCEEDED
    assert list(tars.iterdir())
    assert ran(second).state == JobState.SUCCEEDED
    assert not list(tars.iterdir())
    for engine in (fake, other):
        assert engine.images.known[image.engine_id].tags == [NAMES[0]]
    assert f"Loaded image: {NAMES[0]}" in lines()


def test_a_load_that_fails_says_why_and_the_file_goes(
    actor: Actor, other: FakeEngine, target: Host, tars: Path
) -> None:
    other.moves.refuse = "Error processing tar file(exit status 1): unexpected EOF"
    job = ran(ask(actor, "image.load", kept(tars), target))
    assert job.state == JobState.FAILED and "damaged" in job.message
    assert not list(tars.iterdir())
    with pytest.raises(Invalid) as caught:
        job_retry(actor=actor, job_id=job.pk)
    assert "Send it again" in str(caught.value.fields)


def test_a_tar_that_brings_nothing_is_a_failure(
    actor: Actor, other: FakeEngine, target: Host, tars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other.moves, "_load", lambda data: [])
    job = ran(ask(actor, "image.load", kept(tars), target))
    assert job.state == JobState.FAILED and "no image in it" in job.message


def test_what_was_cancelled_before_it_began_leaves_the_file_to_the_sweep(
    actor: Actor, other: FakeEngine, target: Host, tars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fleet.moves import store

    job = ask(actor, "image.load", kept(tars), target)
    job_cancel(actor=actor, job_id=job.pk)
    monkeypatch.setattr(store, "GRACE_SECONDS", -1)
    assert store.sweep() == 1
