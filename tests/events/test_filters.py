"""The list of events: filters of its own, what repeats in one line, who did it, in the API too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Q
from django.http import QueryDict
from django.test import Client

from dashboard.live.topics.base import TOPICS
from fleet.actor import Actor, actor_for
from fleet.jobs.endings import end_job
from fleet.models import Container, Event, Host, HostState, Job, JobState, User
from fleet.selectors.event_query import EventQuery, filter_events
from fleet.selectors.event_words import event_tone
from tests.api.conftest import Caller
from tests.events.test_folds import NOW, RESTART, STOP, died, kinds, rows, tell

pytestmark = pytest.mark.django_db


def names(actor: Actor, query: str) -> set[str]:
    found = filter_events(actor, EventQuery.parse(QueryDict(query)))
    return set(found.values_list("object_name", flat=True))


def add_job(container: Container, operation: str, **fields: Any) -> Job:
    known = {"state": "succeeded", "started_at": NOW, "finished_at": NOW, "actor_name": "olga"}
    return Job.objects.create(
        operation=operation, host=container.host, target_kind="container",
        target_id=container.pk, target_engine_id=container.engine_id,
        target_name=container.name, **{**known, **fields},
    )  # fmt: skip


# --- Filters -------------------------------------------------------------------------------


def test_it_filters_by_environment_stack_and_container(
    actor: Actor, host: Host, other_host: Host, container: Container
) -> None:
    tell(host, [("start", 0)], object_id=container.engine_id, object_name="web-1", stack="shop")
    tell(host, [("start", 0)], object_id="e" * 64, object_name="old", stack="shop")
    tell(other_host, [("start", 0)], object_name="far")
    assert names(actor, f"environment={host.environment_id}") == {"web-1", "old"}
    assert names(actor, "stack=shop") == {"web-1", "old"}
    assert names(actor, "stack=nonsense") == set()
    for text in (container.engine_id, container.engine_id[:12], "web-1", str(container.pk)):
        assert names(actor, f"container={text}") == {"web-1"}


def test_events_of_before_are_given_their_stacks(
    actor: Actor, host: Host, other_host: Host, container: Container
) -> None:
    Container.objects.update(compose_project="", swarm_stack="shop")
    tell(host, [("start", 0, {"detail": {"stack": "x" * 300}})], object_name="long")
    tell(host, [("job", 0)], object_id=container.engine_id, object_name="web-1")
    tell(host, [("start", 0)], object_id="e" * 64, object_name="alone")
    tell(other_host, [("start", 0)], object_id=container.engine_id, object_name="cloned")
    name_stacks = import_module("fleet.migrations.0008_events_by_stack_and_problem").name_stacks
    name_stacks(apps, SimpleNamespace(connection=connection))
    assert names(actor, "stack=shop") == {"web-1"}
    assert names(actor, f"stack={'x' * 200}") == {"long"}
    assert set(Event.objects.filter(stack=None).values_list("object_name", flat=True)) == {
        "alone", "cloned",
    }  # fmt: skip


def test_letters_of_an_id_find_nothing_beside_it(actor: Actor, host: Host) -> None:
    for ident in ("a" * 11 + "b" * 53, "a" * 12 + "0" * 52, "a" * 12 + "f" * 52, "b" * 64):
        tell(host, [("start", 0)], object_id=ident, object_name=ident[:14])
    assert names(actor, f"container={'a' * 12}") == {"a" * 12 + "00", "a" * 12 + "ff"}


def test_a_container_that_was_renamed_is_found_by_its_new_name(
    actor: Actor, host: Host, container: Container
) -> None:
    tell(host, [("start", 0)], object_id=container.engine_id, object_name="before")
    assert names(actor, f"container={container.name}") == {"before"}


def test_only_problems_are_those_that_lists_show_as_such(actor: Actor, host: Host) -> None:
    told: list[Any] = [
        *[died(code) for code in (0, 1, 130, 137, 139, 143)],
        ("die", 0),
        ("die", 0, {"detail": {"exit_code": 137, "signal": "9"}}),
        ("die", 0, {"detail": {"exit_code": 1, "signal": "15"}}),
        ("oom", 0), ("start", 0), ("kill", 0), ("unreachable", 0), ("reachable", 0),
        *[("health_status", 0, {"to_state": state}) for state in ("healthy", "unhealthy")],
        ("seen", 0, {"to_state": "dead"}), ("seen", 0, {"to_state": "exited"}),
        *[("job", 0, {"to_state": state}) for state in ("failed", "errored", "lost", "cancelled")],
    ]  # fmt: skip
    made = tell(host, told)
    found = filter_events(actor, EventQuery.parse(QueryDict("problem=1")))
    bad = {event.pk for event in made if event_tone(event) in {"bad", "warn"}}
    assert set(found.values_list("pk", flat=True)) == bad and len(bad) == 11


@pytest.mark.parametrize(
    ("query", "said"),
    [("environment=x", "no such environment"), ("host=x", "no such host")],
)
def test_a_wrong_place_is_told(query: str, said: str) -> None:
    (problem,) = EventQuery.parse(QueryDict(query)).problems
    assert said in problem


def test_the_api_has_the_same_filters(
    administrator: User, host: Host, other_host: Host, call_as: Callable[[User], Caller]
) -> None:
    tell(host, [died(1)], object_name="bad")
    tell(host, [died(0)], object_name="good")
    tell(other_host, [died(2)], object_name="far")
    ask = call_as(administrator)

    def found(query: str) -> set[str]:
        return {item["object_name"] for item in ask.call("GET", f"/events?{query}")[1]["items"]}

    assert found("problem=true") == {"bad", "far"}
    assert found(f"problem=true&environment={host.environment.name}") == {"bad"}
    assert found(f"host={other_host.name}") == found("container=far") == {"far"}
    assert found("q=oo") == {"good"}
    assert found("until=2026-03-01T11:59:59Z") == found("stack=none") == set()
    (item,) = ask.call("GET", "/events?container=bad")[1]["items"]
    assert (item["words"], item["problem"]) == ("exited with 1", True)


def test_a_viewer_filters_only_what_they_see(viewer: User, host: Host, other_host: Host) -> None:
    tell(host, [died(1)], object_name="mine")
    tell(other_host, [died(1)], object_name="theirs")
    actor = actor_for(viewer)
    assert names(actor, "problem=1") == {"mine"}
    for query in (f"environment={other_host.environment_id}", "container=theirs"):
        assert names(actor, query) == set()


# --- What repeats --------------------------------------------------------------------------


def crash(at: float, code: int = 1) -> list[Any]:
    return [died(code, at), ("start", at + 1)]


def test_what_comes_again_and_again_is_one_line(actor: Actor, host: Host) -> None:
    tell(host, [*crash(0), *crash(60), *crash(120), *crash(180, 2)])
    last, run = rows(actor)
    assert last.words == "exited with 2, started again" and not last.repeats
    assert (run.words, run.times) == ("exited with 1, started again", "3 times")
    assert [kinds(act) for act in run.repeats] == [["die", "start"]] * 3
    assert run.key == run.repeats[0].key and len(run.events) == 6


@pytest.mark.parametrize(
    "steps",
    [
        [*crash(0), *crash(60)],
        [*crash(0), *crash(60), ("rename", 90), *crash(120)],
        [*crash(0), *crash(60), *crash(1000)],
        [*STOP[:1], ("rename", 1), *STOP[:1], ("rename", 2), *STOP[:1]],
    ],
)
def test_what_is_rare_late_or_interrupted_stands_alone(
    actor: Actor, host: Host, steps: list[Any]
) -> None:
    tell(host, steps)
    assert not any(row.repeats for row in rows(actor))


# --- Who did it ----------------------------------------------------------------------------


def test_a_line_says_who_did_it(
    administrator: User, sign_in: Callable[[User], Client], actor: Actor, container: Container
) -> None:
    job = add_job(container, "container.restart", finished_at=NOW + timedelta(seconds=2))
    tell(container.host, RESTART, object_id=container.engine_id)
    (row,) = rows(actor)
    assert (row.lead, row.rest, row.job) == ("restarted", "", job)
    html = sign_in(administrator).get("/events/").content.decode()
    assert f'href="/jobs/{job.pk}/"' in html and ">by olga</a>" in html


def test_the_exit_follows_on_who_stopped_it(actor: Actor, container: Container) -> None:
    add_job(container, "container.stop")
    tell(container.host, STOP, object_id=container.engine_id)
    assert [(row.lead, row.rest) for row in rows(actor)] == [("stopped", "exit 0")]


def test_of_two_jobs_the_newer_leads_and_the_other_is_named_inside(
    administrator: User, sign_in: Callable[[User], Client], container: Container
) -> None:
    add_job(container, "container.stop", finished_at=NOW + timedelta(seconds=1))
    began = NOW + timedelta(seconds=4)
    add_job(container, "container.start", started_at=began, finished_at=began, actor_name="vera")
    tell(container.host, [*STOP, ("start", 4.1)], object_id=container.engine_id)
    html = sign_in(administrator).get("/events/").content.decode()
    line, inside = html.split('<tr id="event-')[1].split("<details")
    assert "stopped, exit 0, started again" in line and ">by vera</a>" in line
    assert ">by olga</a>" in inside and ">by vera</a>" not in inside


@pytest.mark.parametrize("operation", ["container.start", "container.restart"])
def test_a_crash_after_a_job_is_not_the_jobs_doing(
    actor: Actor, container: Container, operation: str
) -> None:
    add_job(container, operation)
    tell(container.host, [("oom", 0.9), died(137, 1)], object_id=container.engine_id)
    (row,) = rows(actor)
    assert row.job is None and row.words == "ran out of memory, exit 137"


def test_podman_tells_of_no_signal_but_the_job_did_it(actor: Actor, container: Container) -> None:
    Host.objects.update(product="Podman Engine")
    job = add_job(container, "container.stop")
    tell(container.host, [died(137), ("destroy", 1)], object_id=container.engine_id)
    (row,) = rows(actor)
    assert (row.lead, row.rest, row.job) == ("stopped", "exit 137, removed", job)


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.LOST, JobState.CANCELLED])
def test_a_job_that_did_not_succeed_is_an_event(
    actor: Actor, container: Container, state: JobState
) -> None:
    job = add_job(container, "container.stop", state="running", finished_at=None)
    assert end_job(job, Q(), state, "It did not answer.")
    (row,) = rows(actor)
    assert (row.job, row.container, row.event.kind) == (job, container.pk, "job")
    assert row.event.stack is None
    assert "Stop" in row.words and ("It did not answer." in row.words) == (state != "cancelled")


def test_a_failed_job_is_of_its_container_s_stack(actor: Actor, container: Container) -> None:
    Container.objects.update(swarm_stack="shop")
    job = add_job(container, "container.stop", state="running", finished_at=None)
    end_job(job, Q(), JobState.FAILED, "It did not answer.")
    assert names(actor, "stack=shop&problem=1") == {container.name}


def test_a_job_on_a_host_that_is_gone_ends_all_the_same(container: Container) -> None:
    job = add_job(container, "container.stop", state="running", finished_at=None)
    Host.objects.filter(pk=container.host_id).delete()
    assert end_job(job, Q(), JobState.LOST, "Its worker died.") and not Event.objects.exists()


def test_a_job_that_succeeded_is_none(container: Container) -> None:
    job = add_job(container, "container.stop", state="running", finished_at=None)
    assert end_job(job, Q(), JobState.SUCCEEDED, "Stopped.")
    assert not Event.objects.exists()


def test_a_failed_job_does_not_part_the_steps_of_an_act(actor: Actor, container: Container) -> None:
    told = [*STOP[:2], ("job", 1.005, {"to_state": "failed"}), STOP[2]]
    tell(container.host, told, object_id=container.engine_id)
    assert sorted(kinds(row) for row in rows(actor)) == [["job"], ["kill", "die", "stop"]]


# --- The page ------------------------------------------------------------------------------


def test_each_set_filter_is_a_chip_that_takes_it_away(
    administrator: User, sign_in: Callable[[User], Client], host: Host
) -> None:
    query = f"host={host.pk}&environment={host.environment_id}&stack=shop&kind=die&before=5-5"
    html = sign_in(administrator).get(f"/events/?{query}").content.decode()
    assert f'href="?host={host.pk}&amp;environment={host.environment_id}&amp;kind=die"' in html
    assert "<b>shop</b>" in html and f"<b>{host.name}</b>" in html


@pytest.mark.parametrize("query", ["", "host={away}", "environment={there}"])
def test_it_says_which_hosts_are_away_at_first_and_live(
    administrator: User, actor: Actor, sign_in: Callable[[User], Client], host: Host, query: str
) -> None:
    Host.objects.filter(pk=host.pk).update(state=HostState.UNREACHABLE)
    query = query.format(away=host.pk, there=host.environment_id)
    html = sign_in(administrator).get(f"/events/?{query}").content.decode()
    live = TOPICS["events"].load(actor, QueryDict(query)).parts["events-silent"]
    for said in (html, live.render()):
        assert "is away: what happens there is told when it is back" in said
        assert f'data-rev="{live.rev}"' in said


def test_it_says_nothing_of_hosts_that_answer_or_are_not_asked_for(
    administrator: User, sign_in: Callable[[User], Client], host: Host, other_host: Host
) -> None:
    Host.objects.filter(pk=host.pk).update(state=HostState.UNREACHABLE)
    html = sign_in(administrator).get(f"/events/?host={other_host.pk}").content.decode()
    assert "is away" not in html
