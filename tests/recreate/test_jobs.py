"""An update as a job on a fake engine: what becomes of it, and of the old one whatever happens."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone

from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.engine.client import Engine
from fleet.engine.errors import Unreachable
from fleet.engine.fake import FakeEngine
from fleet.engine.fake_networks import UNKNOWN
from fleet.engine.fake_state import FakeContainer, FakeState, Refusal
from fleet.engine.recreate import Aside
from fleet.jobs.dispatch import dispatch
from fleet.jobs.endings import end_job
from fleet.jobs.places import Place
from fleet.models import Container, Event, Host, Job, JobState, User
from fleet.operations.bulk import preview_many, request_many
from fleet.operations.jobs import job_cancel, job_retry
from fleet.selectors.container import container_fate
from tests.conftest import make_container
from tests.jobs.conftest import lines, ran
from tests.recreate.conftest import asked, names, the_old_one_is_back


def test_a_new_one_takes_the_place(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str
) -> None:
    job = ran(asked(actor, container))
    assert (job.state, job.message) == (JobState.SUCCEEDED, "Updated web-1."), lines(job)
    assert job.queue == "transfer"
    (new,) = fake.state.containers.values()
    assert (new.name, new.state, new.image_id) == ("web-1", "running", newer)
    assert new.id != old.id and new.env == ["A=1"]
    container.refresh_from_db()  # no watcher has seen the new one: the row of the old is its now
    assert container.engine_id == new.id


def test_what_runs_the_newest_is_left_as_it_is(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container
) -> None:
    job = ran(asked(actor, container))
    assert (job.state, job.progress) == (JobState.SUCCEEDED, 100)
    assert job.message == "It runs the newest already. Nothing was done."
    assert the_old_one_is_back(fake, old)


def test_without_a_pull_it_is_made_again_of_what_is_there(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str
) -> None:
    job = ran(asked(actor, container, pull=False))
    assert job.state == JobState.SUCCEEDED, lines(job)
    (new,) = fake.state.containers.values()
    assert new.id != old.id and new.image_id == old.image_id != newer


@pytest.mark.parametrize(
    ("state", "then"), [("paused", "paused"), ("exited", "created"), ("created", "created")]
)
def test_it_does_afterwards_what_it_did_before(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    state: str, then: str,
) -> None:  # fmt: skip
    old.state = state
    job = ran(asked(actor, container))
    assert job.state == JobState.SUCCEEDED, lines(job)
    (new,) = fake.state.containers.values()
    assert (new.state, new.image_id) == (then, newer)


def test_networks_come_along(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str
) -> None:
    old.host_config = {"NetworkMode": "front"}
    front = {"Aliases": ["web"], "IPAMConfig": {"IPv4Address": "10.9.1.50"}}
    old.networks = {"front": {**front, "IPAddress": "10.9.1.50"}, "back": {"Aliases": ["two"]}}
    assert ran(asked(actor, container)).state == JobState.SUCCEEDED
    (new,) = fake.state.containers.values()
    assert new.networks == {"front": front, "back": {"Aliases": ["two"]}}


# --- Back ------------------------------------------------------------------------------------


def test_one_that_ends_at_once_gives_the_place_back(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str
) -> None:
    fake.state.broken[newer] = 3
    job = ran(asked(actor, container))
    assert job.state == JobState.FAILED
    assert job.message == "The new one ended with code 3. The old one runs as before."
    assert "cannot go on" in lines(job)
    assert the_old_one_is_back(fake, old)


def test_one_that_ends_well_stays(
    actor: Actor, fake: FakeEngine, container: Container, newer: str
) -> None:
    fake.state.broken[newer] = 0
    assert ran(asked(actor, container)).state == JobState.SUCCEEDED
    assert names(fake)["web-1"].image_id == newer


def test_one_that_cannot_be_connected_does_not_even_stop_the_old_one(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str
) -> None:
    old.networks = {"bridge": {}, UNKNOWN: {}}
    began = old.started
    job = ran(asked(actor, container))
    assert job.state == JobState.FAILED and "The old one runs as before." in job.message
    assert the_old_one_is_back(fake, old) and old.started == began


@pytest.mark.parametrize("step", ["send", "stop", "rename", "start", "container"])
def test_a_cancellation_at_any_step_brings_the_old_one_back(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    step: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    job = asked(actor, container)
    real = getattr(Engine, step)

    def cancelling(*given: Any) -> Any:
        done = real(*given)
        Job.objects.filter(pk=job.pk).update(cancel_requested_at=timezone.now())
        return done

    monkeypatch.setattr(Engine, step, cancelling)
    ran(job)
    words = "Cancelled. The old one runs as before."
    assert (job.state, job.message) == (JobState.CANCELLED, words), lines(job)
    assert the_old_one_is_back(fake, old)


def test_a_pull_that_is_cancelled_changes_nothing(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str
) -> None:
    job = asked(actor, container)
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=timezone.now())
    assert ran(job).state == JobState.CANCELLED
    assert the_old_one_is_back(fake, old)


def test_what_stands_in_the_way_of_going_back_is_told(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def refuse(state: FakeState, it: FakeContainer) -> None:
        raise Refusal(500, "no space left on device")

    monkeypatch.setattr(FakeState, "start", refuse)
    job = ran(asked(actor, container))
    assert job.state == JobState.FAILED
    assert "could not be put back" in job.message and "no space" in job.error
    assert old.id in fake.state.containers


def test_a_stop_of_which_nobody_heard_is_waited_for_before_the_old_one_starts_again(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    real, told = Engine.stop, []

    def unheard(engine: Engine, ident: str) -> bool:
        told.append(ident)
        if len(told) == 1:  # the engine is still at it
            raise Unreachable("timeout")
        return real(engine, ident)

    monkeypatch.setattr(Engine, "stop", unheard)
    began = old.started
    job = ran(asked(actor, container))
    assert job.state == JobState.FAILED and "did not answer" in job.message
    assert the_old_one_is_back(fake, old) and told == [old.id] * 2 and old.started > began


# --- What is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"labels": {"com.docker.swarm.task.id": "x"}}, "swarm service"),
        ({"host_config": {"AutoRemove": True}}, "--rm"),
        ({"host_config": {"NetworkMode": "container:gone"}}, "network of a container that is gone"),
        ({"host_config": {"PidMode": "container:gone"}}, "processes of a container"),
        ({"image": f"app@sha256:{'0' * 64}"}, "by its digest or id"),
        ({"image": f"sha256:{'0' * 64}"}, "by its digest or id"),
    ],
)
def test_what_cannot_be_done_safely_is_refused_in_words(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    settings: dict[str, object], words: str,
) -> None:  # fmt: skip
    made_of = old.image_id
    for name, value in settings.items():
        setattr(old, name, value)
    old.made_of = made_of
    job = ran(asked(actor, container))
    assert job.state == JobState.FAILED and words in job.message, job.message
    assert "Nothing was done." in job.message
    assert the_old_one_is_back(fake, old)


@pytest.mark.parametrize("mode", ["NetworkMode", "PidMode", "IpcMode"])
def test_those_that_share_what_is_its_own_are_not_cut_off(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str, mode: str
) -> None:
    fake.state.add("side-car").host_config = {mode: f"container:{old.id}"}
    job = ran(asked(actor, container))
    assert job.state == JobState.FAILED and "side-car" in job.message
    assert old.state == "running"


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("known_by", ["row", "engine id", "name"])
def test_two_updates_of_one_do_not_meet(
    actor: Actor, fake: FakeEngine, old: FakeContainer, container: Container, newer: str,
    known_by: str, later: bool,
) -> None:  # fmt: skip
    first, second = asked(actor, container), asked(actor, container, pull=False)
    job, other = (first, second) if later else (second, first)
    aside = str(Aside("web-1", "old", "a" * 12, "running"))
    told: dict[str, dict[str, Any]] = {
        "row": {"target_engine_id": "f" * 64, "target_name": "was-renamed"},
        "engine id": {"target_id": 0, "target_name": "was-renamed"},
        "name": {"target_id": 0, "target_engine_id": "f" * 64, "target_name": aside},
    }
    Job.objects.filter(pk=other.pk).update(state=JobState.RUNNING, **told[known_by])
    assert ran(job).state == JobState.FAILED and f"job {other.pk}" in job.message
    assert the_old_one_is_back(fake, old)


def test_a_single_update_waits_for_the_one_of_many_before_it(
    actor: Actor, host: Host, container: Container
) -> None:
    """Else it would take what the other is about to make for what an earlier try has left."""
    rows = Container.objects.filter(pk=container.pk)
    child = request_many("container.recreate", actor=actor, containers=rows).children.get()
    Job.objects.filter(pk=child.pk).update(sent_at=None)  # as if no seat had been free
    single = asked(actor, container, pull=False)
    dispatch(Place(host.pk, "transfer"))
    sent = Job.objects.filter(children_count=0, sent_at__isnull=False)
    assert [job.pk for job in sent] == [child.pk]
    ran(child)
    single.refresh_from_db()
    assert single.sent_at is not None


def test_of_many_those_are_left_out_that_an_update_keeps_unless_it_is_tried_again(
    actor: Actor, host: Host, container: Container
) -> None:
    kept = make_container(host, str(Aside("web-2", "old", "a" * 12, "running")), state="exited")
    rows = Container.objects.all()
    plan = preview_many("container.recreate", actor=actor, containers=rows)
    assert plan.affected == [container]
    ((left, why),) = ((row.container, row.why) for row in plan.skipped)
    assert left == kept and "kept by an update" in why
    assert kept in preview_many("container.start", actor=actor, containers=rows).affected
    parent = request_many("container.recreate", actor=actor, containers=rows)
    Container.objects.filter(pk=container.pk).update(name=kept.name, state="exited")
    assert end_job(parent.children.get(), Q(), JobState.FAILED, "It could not be removed.")
    again = job_retry(actor=actor, job_id=parent.pk)
    assert again.children.get().target_id == container.pk


def test_an_operator_may_not(container: Container, operator: User) -> None:
    with pytest.raises(Refused):
        asked(actor_for(operator), container)


def test_a_queued_one_is_cancelled_at_once(actor: Actor, container: Container) -> None:
    job = asked(actor, container)
    assert job_cancel(actor=actor, job_id=job.pk).state == JobState.CANCELLED


def test_the_page_of_the_old_one_leads_to_the_new_one(
    actor: Actor, host: Host, container: Container
) -> None:
    heir = make_container(host, "web-2")
    Event.objects.create(
        host=host, at="2026-01-01T00:00Z", kind="destroy", object_kind="container",
        object_id=container.engine_id, object_name=str(Aside("web-2", "old", "a" * 12, "running")),
    )  # fmt: skip
    fate = container_fate(
        actor, host_id=host.pk, engine_id=container.engine_id, name=container.name
    )
    assert (fate.name, fate.successor) == ("web-2", heir)
