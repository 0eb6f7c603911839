"""Asking for one job: rights, parameters, one job for a double click."""

from __future__ import annotations

import pytest

from fleet.access import Refused, Unknown
from fleet.actor import Actor, actor_for
from fleet.models import AuditEntry, Container, Host, HostState, Job, JobState, User
from fleet.operations.errors import Invalid
from fleet.operations.requests import request
from tests.conftest import make_container
from tests.jobs.conftest import at_once


def test_it_makes_a_job_and_an_audit_entry(actor: Actor, container: Container, host: Host) -> None:
    job = request("container.stop", actor=actor, target_id=container.pk, params={"timeout": "5"})
    assert (job.operation, job.state, job.queue) == ("container.stop", JobState.QUEUED, "control")
    assert (job.host, job.target_name, job.target_engine_id) == (host, "web-1", container.engine_id)
    assert (job.actor, job.params) == (actor.user, {"timeout": 5})
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_name) == ("container.stop", "web-1")
    assert entry.detail == {"job": job.pk, "joined": False, "params": {"timeout": 5}}


def test_it_hides_what_the_actor_may_not_see(stranger: User, container: Container) -> None:
    with pytest.raises(Unknown):
        request("container.stop", actor=actor_for(stranger), target_id=container.pk)
    assert not Job.objects.exists()


def test_it_refuses_who_may_only_look(viewer: User, container: Container) -> None:
    with pytest.raises(Refused):
        request("container.stop", actor=actor_for(viewer), target_id=container.pk)
    assert not Job.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("name", ["container.explode", "", "container.exec", "host.create"])
def test_it_knows_no_other_operations(actor: Actor, container: Container, name: str) -> None:
    with pytest.raises(Unknown):
        request(name, actor=actor, target_id=container.pk)


@pytest.mark.parametrize(
    ("operation", "params", "field", "sentence"),
    [
        ("stop", {"timeout": "soon"}, "timeout", "Enter a whole number."),
        ("stop", {"timeout": -1}, "timeout", "Enter at least 0."),
        ("stop", {"timeout": 10**30}, "timeout", "Enter at most 600."),
        ("stop", {"timeout": "9" * 5000}, "timeout", "This number is too large."),
        ("stop", {"timeout": None}, "timeout", "Enter a whole number."),
        ("stop", {"force": True}, "force", "There is no parameter of this name."),
        ("start", {"<script>": 1}, "<script>", "There is no parameter of this name."),
        ("rename", {}, "name", "This is needed."),
        ("rename", {"name": 7}, "name", "Enter a text."),
        ("rename", {"name": "x" * 200}, "name", "Enter at most 128 characters."),
        ("rename", {"name": "<script>"}, "name", "Use at least two characters"),
        ("remove", {"force": "perhaps"}, "force", "Choose yes or no."),
        ("kill", {"signal": "SIGNOTHING"}, "signal", "Choose one of"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(
    actor: Actor,
    container: Container,
    operation: str,
    params: dict[str, object],
    field: str,
    sentence: str,
) -> None:
    with pytest.raises(Invalid) as caught:
        request(f"container.{operation}", actor=actor, target_id=container.pk, params=params)
    assert list(caught.value.fields) == [field]
    assert caught.value.fields[field][0].startswith(sentence)
    assert not Job.objects.exists()


def test_it_wants_parameters_with_names(actor: Actor, container: Container) -> None:
    with pytest.raises(Invalid):
        request("container.stop", actor=actor, target_id=container.pk, params=["timeout"])  # type: ignore[arg-type]


def test_it_does_nothing_on_a_host_that_is_off(actor: Actor, container: Container) -> None:
    Host.objects.update(state=HostState.DISABLED)
    with pytest.raises(Invalid, match="switched off"):
        request("container.stop", actor=actor, target_id=container.pk)


def test_it_makes_one_job_of_a_double_click(actor: Actor, container: Container) -> None:
    first = request("container.restart", actor=actor, target_id=container.pk)
    again = request("container.restart", actor=actor, target_id=container.pk)
    assert first == again
    assert [entry.detail["joined"] for entry in AuditEntry.objects.order_by("number")] == [
        False,
        True,
    ]


def test_it_makes_another_job_of_another_wish(actor: Actor, container: Container) -> None:
    jobs = {
        request("container.stop", actor=actor, target_id=container.pk, params={"timeout": n}).pk
        for n in (1, 2)
    }
    other = make_container(container.host, "web-2")
    jobs.add(request("container.stop", actor=actor, target_id=other.pk, params={"timeout": 1}).pk)
    assert len(jobs) == 3


def test_it_asks_again_when_the_first_has_ended(actor: Actor, container: Container) -> None:
    first = request("container.restart", actor=actor, target_id=container.pk)
    Job.objects.update(state=JobState.SUCCEEDED)
    assert request("container.restart", actor=actor, target_id=container.pk) != first


@pytest.mark.django_db(transaction=True)
def test_it_makes_one_job_of_clicks_at_the_same_time(actor: Actor, container: Container) -> None:
    def click() -> int:
        return request("container.restart", actor=actor, target_id=container.pk).pk

    assert len(set(at_once([click] * 6))) == 1
    assert Job.objects.count() == 1
