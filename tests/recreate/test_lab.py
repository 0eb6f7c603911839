"""Updates of real containers from a real registry: what stays, what comes, and the way back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from fleet.actor import Actor
from fleet.engine.client import Engine
from fleet.engine.types import parse_event
from fleet.jobs.reaper import reap
from fleet.models import Container, Environment, Event, Job, JobLine, JobState
from fleet.operations.jobs import job_cancel
from fleet.selectors.usage_marks import former_ids
from fleet.watch.story import Story
from tests.conftest import make_container, make_host
from tests.jobs.conftest import at_once, lines, ran
from tests.lab.lab import Lab, LabHost
from tests.recreate.conftest import asked, dying
from tests.waiting import eventually

pytestmark = pytest.mark.lab
SLEEP = 'CMD ["sleep", "100000"]'
V1 = ("ENV MODE=image", "ENV V=1", "VOLUME /anon", "EXPOSE 80", "WORKDIR /bin", SLEEP)
V2 = ("ENV MODE=image", "ENV V=2", "VOLUME /anon", "WORKDIR /tmp", SLEEP)
BROKEN = ("ENV V=2", 'CMD ["sh", "-c", "echo no config; exit 3"]')


@pytest.fixture
def engine(lab: Lab) -> Iterator[LabHost]:
    """A real engine, without containers."""
    engine = lab[1]
    engine.clear()
    networks = (
        engine.docker("network", "create", "--subnet", "10.99.77.0/24", "rec-front"),
        engine.docker("network", "create", "rec-back"),
    )
    yield engine
    engine.clear()
    engine.docker("network", "rm", *networks)
    engine.docker("volume", "prune", "-f")


def push(lab: Lab, engine: LabHost, *instructions: str) -> str:
    """Push an image as `app:1`, and forget it on the host again; its id."""
    name = image_name(lab)
    changes = [part for one in instructions for part in ("-c", one)]
    engine.docker("import", *changes, str(lab.folder / "busybox.tar"), name)
    ident = engine.docker("inspect", "-f", "{{.Id}}", name)
    engine.docker("push", name)
    engine.docker("rmi", name)
    return ident


def image_name(lab: Lab) -> str:
    return f"{lab.registry}/recreate/app:1"


@pytest.fixture
def web(lab: Lab, engine: LabHost, staging: Environment) -> Container:
    """A container of v1 with everything, that has written something; and its row."""
    push(lab, engine, *V1)
    ident = engine.docker(
        "run", "-d", "--name", "web", "--stop-signal", "KILL", "--restart", "always",
        "--network", "rec-front", "--ip", "10.99.77.50", "--network-alias", "www",
        "-e", "MODE=mine", "-p", "18080:80", "-v", "rec-named:/named", "--label", "a=b",
        image_name(lab),
    )  # fmt: skip
    engine.docker("network", "connect", "--alias", "two", "rec-back", "web")
    engine.docker("exec", "web", "sh", "-c", "echo 1 >/named/f; echo 2 >/anon/f; echo 3 >/lost")
    host = make_host("lab", staging, url=engine.socket_url)
    return make_container(host, "web", engine_id=ident, image=image_name(lab))


def inspect(engine: LabHost) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(engine.docker("inspect", "web"))[0]
    return found


def test_the_new_image_comes_and_what_was_given_stays(
    actor: Actor, lab: Lab, engine: LabHost, web: Container
) -> None:
    was = inspect(engine)
    image = push(lab, engine, *V2)
    job = ran(asked(actor, web))
    assert job.state == JobState.SUCCEEDED, lines(job)
    now = inspect(engine)
    assert (now["Image"], now["Config"]["Image"]) == (image, image_name(lab))
    assert now["Id"] != was["Id"] and now["State"]["Running"]
    assert now["Config"]["Hostname"] == now["Id"][:12]
    assert {"MODE=mine", "V=2"} <= set(now["Config"]["Env"])
    assert (now["Config"]["WorkingDir"], now["Config"]["Labels"]) == ("/tmp", {"a": "b"})
    for key in ("PortBindings", "RestartPolicy", "NetworkMode"):
        assert now["HostConfig"][key] == was["HostConfig"][key]
    read = engine.docker("exec", "web", "sh", "-c", "cat /named/f /anon/f; ls /lost || true")
    assert read.split() == ["1", "2"]
    networks = now["NetworkSettings"]["Networks"]
    assert networks["rec-front"]["IPAddress"] == "10.99.77.50"
    assert "www" in networks["rec-front"]["Aliases"] and "two" in networks["rec-back"]["Aliases"]
    assert was["Id"][:12] not in str(networks)
    assert now["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"] == "18080"
    assert engine.docker("ps", "-aq").count("\n") == 0
    web.refresh_from_db()
    assert web.engine_id == now["Id"]  # no watcher has seen the new one, so it has the row
    job = ran(asked(actor, web))
    assert job.message == "It runs the newest already. Nothing was done."
    # Once more, of what has been made again already.
    assert ran(asked(actor, web, pull=False)).state == JobState.SUCCEEDED
    read = engine.docker("exec", "web", "sh", "-c", "cat /named/f /anon/f")
    assert read.split() == ["1", "2"]
    tell_all(engine, web)
    web.refresh_from_db()
    assert former_ids(Event.objects.all(), web.engine_id) == [now["Id"], was["Id"]]


def tell_all(engine: LabHost, web: Container) -> None:
    """Write the engine's events of containers, as a watcher would."""
    until = str(int(time.time()) + 1)  # whole seconds: "now" would leave out those of this one
    said = engine.docker(
        "events", "--since", "5m", "--until", until, "--filter", "type=container",
        "--format", "{{json .}}",
    )  # fmt: skip
    story = Story(web.host_id)
    rows = [story.tell(parse_event(json.loads(line))) for line in said.splitlines()]
    Event.objects.bulk_create(row for row in rows if row is not None)


def test_one_that_ends_at_once_gives_the_place_back(
    actor: Actor, lab: Lab, engine: LabHost, web: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.operations.recreate_swap.ALIVE_SECONDS", 60.0)
    push(lab, engine, *BROKEN)
    job = ran(asked(actor, web))
    assert job.state == JobState.FAILED
    assert "The old one runs as before." in job.message and "no config" in lines(job)
    assert_back(engine, web)


def assert_back(engine: LabHost, web: Container) -> None:
    """The old one is the only one, and everything is as it was."""
    now = inspect(engine)
    assert (now["Id"], now["State"]["Running"]) == (web.engine_id, True)
    assert now["NetworkSettings"]["Networks"]["rec-front"]["IPAddress"] == "10.99.77.50"
    assert engine.docker("exec", "web", "cat", "/lost") == "3"
    assert engine.docker("ps", "-aq").count("\n") == 0


def test_a_cancellation_while_it_is_watched_brings_the_old_one_back(
    actor: Actor, lab: Lab, engine: LabHost, web: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.operations.recreate_swap.ALIVE_SECONDS", 60.0)
    push(lab, engine, *V2)
    job = asked(actor, web)

    def cancel() -> None:
        lines = JobLine.objects.filter(job=job, text__startswith="Looking")
        eventually(lines.exists, "it is watched", seconds=30)
        assert inspect(engine)["Id"] != web.engine_id
        job_cancel(actor=actor, job_id=job.pk)

    at_once([partial(ran, job), cancel])
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert job.message == "Cancelled. The old one runs as before."
    assert_back(engine, web)


def test_a_try_whose_worker_was_lost_is_brought_to_its_end(
    actor: Actor, lab: Lab, engine: LabHost, web: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = push(lab, engine, *V2)
    job = asked(actor, web)

    def lost(*_given: object) -> None:
        Job.objects.filter(pk=job.pk).update(claim=Job.new_claim())

    with monkeypatch.context() as patch:
        patch.setattr("fleet.operations.recreate_swap._watch", lost)
        assert ran(job).state == JobState.RUNNING
    assert engine.docker("ps", "-aq").count("\n") == 1  # both are there
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED, claim=None)
    assert ran(job).state == JobState.SUCCEEDED, lines(job)
    assert inspect(engine)["Image"] == image
    assert engine.docker("ps", "-aq").count("\n") == 0


def test_an_exchange_that_stopped_half_way_and_was_cancelled_is_taken_back(
    actor: Actor, lab: Lab, engine: LabHost, web: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(lab, engine, *V2)
    job = asked(actor, web)
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "rename", dying(job, Engine.rename))
        assert ran(job).state == JobState.RUNNING
    kept = engine.docker("ps", "-a", "--filter", "name=quayside-old", "--format", "{{.State}}")
    assert kept == "exited"
    job_cancel(actor=actor, job_id=job.pk)
    assert reap().requeued == 1
    assert ran(job).state == JobState.CANCELLED, lines(job)
    assert_back(engine, web)
