"""Pushes from real engines to real registries, one of which is ended in the middle."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from fleet.actor import Actor
from fleet.engine.client import open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError
from fleet.engine.progress import LayerProgress
from fleet.engine.pushes import Pushed
from fleet.jobs.runner import run_job
from fleet.models import Environment, Job, JobState, Registry
from fleet.operations.jobs import job_cancel
from fleet.operations.requests import request
from tests.conftest import make_host, make_image
from tests.jobs.conftest import at_once, broker, ran
from tests.lab.images import MIB, push_image
from tests.lab.lab import Lab
from tests.lab.own_registry import Own
from tests.waiting import eventually

__all__ = ["broker"]
pytestmark = pytest.mark.lab


@pytest.fixture
def own(lab: Lab, tmp_path: Path) -> Iterator[Own]:
    """A registry on the first host's loopback, and a large image there to push to it."""
    found = Own(lab[1].netns, tmp_path)
    push_image(lab.registry, "large:1", [24 * MIB])
    source = f"{lab.registry}/large:1"
    lab[1].docker("pull", "-q", source)
    lab[1].docker("tag", source, found.reference)
    found.start()
    yield found
    found.end()
    lab[1].docker("rmi", "-f", source, found.reference)


def test_a_registry_that_dies_in_the_middle_has_no_tag(lab: Lab, own: Own) -> None:
    with open_engine(Endpoint(lab[1].socket_url), timeout=20) as engine:
        news = engine.push(own.reference)
        first = next(
            item for item in news if isinstance(item, LayerProgress) and item.state == "uploading"
        )
        assert first.total >= 24 * MIB
        own.send(signal.SIGKILL)
        if lab[1].has_containerd_store:  # it tries nothing a second time
            with pytest.raises(EngineError) as broke:
                list(news)
            assert broke.value.code == "push_broke_off", broke.value.raw
            assert not own.has_tag()
            return
        states = (item.state for item in news if isinstance(item, LayerProgress))
        assert "retrying" in states
        assert not own.has_tag()
        own.start()  # the engine goes on by itself
        (pushed,) = [item for item in news if isinstance(item, Pushed)]
        assert pushed.digest.startswith("sha256:")
    assert own.has_tag()


def image_job(lab: Lab, own: Own, actor: Actor, environment: Environment) -> Job:
    ident = lab[1].docker("image", "inspect", "--format", "{{.Id}}", own.reference)
    host = make_host("lab", environment, url=lab[1].socket_url)
    row = make_image(host, ident, tags=[own.reference])
    params = {"reference": own.reference}
    return request("image.push", actor=actor, target_id=row.pk, params=params)


def test_cancel_stops_the_engine_and_leaves_no_tag(
    lab: Lab, own: Own, actor: Actor, staging: Environment
) -> None:
    job = image_job(lab, own, actor, staging)
    own.send(signal.SIGSTOP)  # takes what fits into the socket, and no more

    def cancel() -> None:
        eventually(Job.objects.filter(pk=job.pk, state="running").exists, "it runs", seconds=20)
        own.send(signal.SIGCONT)
        eventually(own.uploads, "bytes come", seconds=20)
        own.send(signal.SIGSTOP)
        job_cancel(actor=actor, job_id=job.pk)

    at_once([partial(run_job, job.pk), cancel])
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    own.send(signal.SIGCONT)
    # A new push goes through: the engine let go of the old one.
    with open_engine(Endpoint(lab[1].socket_url), timeout=20) as engine:
        assert not own.has_tag()
        assert isinstance(list(engine.push(own.reference))[-1], Pushed)


def test_it_pushes_with_the_account_of_its_registry_and_another_host_pulls_it(
    lab: Lab, actor: Actor, staging: Environment
) -> None:
    address = lab.private_registry
    push_image(lab.registry, "small:1", [1000])
    reference = f"{address}/team/small:1"
    lab[1].docker("pull", "-q", f"{lab.registry}/small:1")
    lab[1].docker("tag", f"{lab.registry}/small:1", reference)
    first = make_host("lab-1", staging, url=lab[1].socket_url)
    second = make_host("lab-2", staging, url=lab[2].socket_url)
    ident = lab[1].docker("image", "inspect", "--format", "{{.Id}}", reference)
    row = make_image(first, ident, tags=[reference])

    def done(name: str, target: int) -> Job:
        params = {"reference": reference}
        return ran(request(name, actor=actor, target_id=target, params=params))

    refused = done("image.push", row.pk)
    assert "wants a user name" in refused.message
    account = Registry.objects.create(
        name="lab", kind="distribution", url=f"http://{address}", insecure=True, everywhere=True,
        username="lab",
    )  # fmt: skip
    account.password = "labpass"
    account.save()
    assert done("image.push", row.pk).state == JobState.SUCCEEDED
    assert done("image.pull", second.pk).state == JobState.SUCCEEDED
    assert ident == lab[2].docker("image", "inspect", "--format", "{{.Id}}", reference)
