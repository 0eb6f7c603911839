"""One operation on many containers."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from fleet.access import Refused, Unknown, visible_containers
from fleet.actor import Actor, actor_for
from fleet.jobs import roster
from fleet.jobs.claims import claim_job
from fleet.jobs.reporter import JobReporter
from fleet.models import AuditEntry, Container, Environment, Host, HostState, Job, JobState, User
from fleet.operations.bulk import ask_many, preview_many, request_many
from fleet.operations.errors import Invalid
from fleet.operations.jobs import job_cancel, job_retry
from fleet.operations.registry import REGISTRY
from fleet.operations.requests import request
from tests.conftest import grant, make_container, make_host
from tests.jobs.conftest import at_once
from tests.operations.conftest import end, make_many


@pytest.fixture
def fleet(staging: Environment) -> list[Host]:
    """Three hosts with a hundred running containers each."""
    hosts = [make_host(f"h{number}", staging) for number in (1, 2, 3)]
    for host in hosts:
        make_many(host, 100)
    return hosts


def test_it_says_what_would_happen(actor: Actor, host: Host, other_host: Host) -> None:
    make_many(host, 12)
    make_container(host, "down", state="exited")
    make_many(other_host, 2)
    plan = preview_many("container.stop", actor=actor, containers=visible_containers(actor))
    assert (len(plan.affected), plan.total, plan.at_once) == (14, 15, 10)
    assert [(row.container.name, row.why) for row in plan.skipped] == [("down", "It is exited.")]
    assert plan.hosts == [other_host, host]
    assert plan.careful


@pytest.mark.parametrize(
    ("concurrencies", "expected"),
    [
        ([], 10),
        ([("control", 4)], 4),
        ([("control", 4), ("control", 3), ("transfer", 2)], 7),
        ([("control", 99)], 10),
        ([("transfer", 2)], 10),  # nobody who does it is known: so many once somebody is
    ],
)
def test_it_says_no_more_at_once_than_the_workers_do(
    actor: Actor,
    host: Host,
    other_host: Host,
    monkeypatch: pytest.MonkeyPatch,
    concurrencies: list[tuple[str, int]],
    expected: int,
) -> None:
    make_many(host, 12)
    make_many(other_host, 2)
    known = [worker(queue, count) for queue, count in concurrencies]
    monkeypatch.setattr(roster, "workers", lambda: known)
    plan = preview_many("container.stop", actor=actor, containers=visible_containers(actor))
    assert plan.at_once == expected


def worker(queue: str, concurrency: int) -> roster.WorkerFacts:
    now = timezone.now()
    return roster.WorkerFacts(
        id=f"{queue}-{concurrency}",
        queues=[queue, "upkeep"],
        concurrency=concurrency,
        busy=0,
        started_at=now,
        seen_at=now,
        **roster.common_facts(),
    )


def test_it_previews_while_redis_is_away(
    actor: Actor, host: Host, settings: Settings, tmp_path: Path
) -> None:
    make_many(host, 12)
    settings.IN_MEMORY, settings.REDIS_URL = False, f"unix://{tmp_path}/nowhere.sock"
    plan = preview_many("container.stop", actor=actor, containers=visible_containers(actor))
    assert plan.at_once == 8


def test_it_tells_which_hosts_do_not_answer(actor: Actor, host: Host) -> None:
    make_many(host, 1)
    Host.objects.update(state=HostState.UNREACHABLE)
    plan = preview_many("container.stop", actor=actor, containers=visible_containers(actor))
    assert (len(plan.affected), plan.unreachable) == (1, [host])


def test_it_leaves_out_where_the_actor_may_not(
    operator: User, host: Host, other_host: Host
) -> None:

    grant(operator, "viewer", other_host)
    make_many(host, 1)
    make_many(other_host, 1)
    actor = actor_for(operator)
    job = request_many("container.stop", actor=actor, containers=visible_containers(actor))
    assert [child.host for child in job.children.all()] == [host]


def test_it_refuses_who_may_do_it_nowhere(viewer: User, container: Container) -> None:
    actor = actor_for(viewer)
    with pytest.raises(Refused):
        request_many("container.stop", actor=actor, containers=visible_containers(actor))


def test_it_knows_only_operations_on_containers(actor: Actor) -> None:
    with pytest.raises(Unknown):
        preview_many("host.refresh", actor=actor, containers=Container.objects.all())


def test_it_asks_first_what_one_alone_is_asked(
    actor: Actor, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(who: Actor, values: dict[str, Any]) -> None:
        raise Refused(f"{who.name} {values}")

    make_many(host, 2)
    known = REGISTRY["container.pause"]
    monkeypatch.setitem(REGISTRY, known.name, replace(known, missing=lambda: "No fridge."))
    for ask in (preview_many, request_many):
        with pytest.raises(Invalid, match="No fridge"):
            ask(known.name, actor=actor, containers=Container.objects.all())
    monkeypatch.setitem(REGISTRY, known.name, replace(known, checked=refuse))
    for ask in (preview_many, request_many):
        with pytest.raises(Refused):
            ask(known.name, actor=actor, containers=Container.objects.all())
    assert not Job.objects.exists()


def test_it_makes_nothing_when_there_is_nothing_to_do(actor: Actor, host: Host) -> None:
    make_many(host, 3, state="exited")
    with pytest.raises(Invalid, match="nothing to do"):
        request_many("container.stop", actor=actor, containers=Container.objects.all())
    assert not Job.objects.exists()


def test_it_makes_a_parent_with_a_child_for_each(actor: Actor, fleet: list[Host]) -> None:
    job = request_many("container.stop", actor=actor, containers=Container.objects.all())
    assert (job.children_count, job.children.count()) == (300, 300)
    assert (job.target_name, job.host_name, job.host) == ("300 containers", "3 hosts", None)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.detail["count"]) == ("container.stop", 300)
    assert len(entry.detail["containers"]) == 200


def test_it_asks_for_many_with_few_queries(
    actor: Actor, fleet: list[Host], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(20):
        request_many("container.stop", actor=actor, containers=Container.objects.all())


@pytest.mark.django_db(transaction=True)
def test_it_counts_as_children_end(actor: Actor, host: Host) -> None:
    make_many(host, 3)
    parent = request_many("container.stop", actor=actor, containers=Container.objects.all())
    first, second, third = parent.children.order_by("pk")
    end(first, JobState.SUCCEEDED)
    parent.refresh_from_db()
    assert (parent.state, parent.progress, parent.children_ended) == (JobState.RUNNING, 33, 1)
    end(second, JobState.FAILED)
    end(third, JobState.SUCCEEDED)
    parent.refresh_from_db()
    assert (parent.state, parent.progress) == (JobState.FAILED, 100)
    assert (parent.children_ended, parent.children_failed) == (3, 1)
    assert parent.message == "1 of 3 did not succeed."
    assert parent.finished_at is not None


@pytest.mark.django_db(transaction=True)
def test_it_succeeds_when_all_children_do(actor: Actor, host: Host) -> None:
    make_many(host, 2)
    parent = request_many("container.stop", actor=actor, containers=Container.objects.all())
    for child in parent.children.all():
        end(child, JobState.SUCCEEDED)
    parent.refresh_from_db()
    assert (parent.state, parent.message) == (JobState.SUCCEEDED, "All 2 succeeded.")


@pytest.mark.django_db(transaction=True)
def test_it_cancels_what_has_not_begun(actor: Actor, fleet: list[Host]) -> None:
    parent = request_many("container.stop", actor=actor, containers=Container.objects.all())
    first = parent.children.order_by("pk")[0]
    claimed = claim_job(first.pk)
    assert claimed is not None
    parent = job_cancel(actor=actor, job_id=parent.pk)
    assert (parent.state, parent.children_ended) == (JobState.RUNNING, 299)
    first.refresh_from_db()
    assert first.cancel_requested_at is not None
    JobReporter(claimed).finish(JobState.CANCELLED, "Cancelled.")
    parent.refresh_from_db()
    assert (parent.state, parent.message) == (
        JobState.CANCELLED,
        "Cancelled: 0 of 300 were done.",
    )


@pytest.mark.django_db(transaction=True)
def test_it_tries_only_the_bad_ones_again(actor: Actor, host: Host) -> None:
    make_many(host, 4)
    parent = request_many(
        "container.stop", actor=actor, containers=Container.objects.all(), params={"timeout": 3}
    )
    states = [JobState.SUCCEEDED, JobState.FAILED, JobState.SUCCEEDED, JobState.ERRORED]
    for child, state in zip(parent.children.order_by("pk"), states, strict=True):
        end(child, state)
    again = job_retry(actor=actor, job_id=parent.pk)
    bad = parent.children.exclude(state=JobState.SUCCEEDED)
    assert set(again.children.values_list("target_id", flat=True)) == set(
        bad.values_list("target_id", flat=True)
    )
    assert (again.retry_of, again.params) == (parent, {"timeout": 3})


@pytest.mark.django_db(transaction=True)
def test_it_cancels_only_what_the_actor_may(
    actor: Actor, operator: User, host: Host, other_host: Host
) -> None:
    grant(operator, "viewer")  # sees all of it, and may change a part
    make_many(host, 1)
    make_many(other_host, 1)
    parent = request_many("container.stop", actor=actor, containers=Container.objects.all())
    job_cancel(actor=actor_for(operator), job_id=parent.pk)
    states = dict(parent.children.values_list("host", "state"))
    assert states == {host.pk: JobState.CANCELLED, other_host.pk: JobState.QUEUED}
    parent.refresh_from_db()
    assert parent.is_open
    assert parent.cancel_requested_at is None


# --- Twice ---------------------------------------------------------------------------------


def test_it_makes_one_job_of_a_double_click(actor: Actor, host: Host) -> None:
    make_many(host, 3)
    make_container(host, "down", state="exited")
    everything = visible_containers(actor)
    first = ask_many("container.stop", actor=actor, containers=everything)
    again = ask_many("container.stop", actor=actor, containers=everything)
    assert (first.joined, again.joined, again.job) == (False, True, first.job)
    assert [row.container.name for row in again.skipped] == ["down"]
    assert Job.objects.count() == 4
    last = AuditEntry.objects.order_by("number").last()
    assert last is not None
    assert (last.action, last.detail["job"], last.detail["joined"]) == (
        "container.stop",
        first.job.pk,
        True,
    )


def test_it_leaves_out_what_is_under_way_already(actor: Actor, host: Host) -> None:
    make_many(host, 3)
    one, two, three = Container.objects.order_by("pk")
    single = request("container.restart", actor=actor, target_id=one.pk)
    many = request_many(
        "container.restart", actor=actor, containers=Container.objects.filter(pk=two.pk)
    )
    everything = Container.objects.order_by("pk")
    plan = preview_many("container.restart", actor=actor, containers=everything)
    assert [row.pk for row in plan.affected] == [three.pk]
    assert [(row.container, row.why) for row in plan.under_way] == [
        (one, f"It is under way already, in job {single.pk}."),
        (two, f"It is under way already, in job {many.pk}."),
    ]
    asked = ask_many("container.restart", actor=actor, containers=everything)
    assert (asked.under_way, asked.job.children_count) == (2, 1)
    assert not asked.joined


def test_it_refuses_what_several_jobs_do_already(actor: Actor, host: Host) -> None:
    make_many(host, 2)
    for row in Container.objects.all():
        request("container.restart", actor=actor, target_id=row.pk)
    with pytest.raises(Invalid, match="nothing to do"):
        request_many("container.restart", actor=actor, containers=Container.objects.all())
    assert Job.objects.count() == 2


def test_it_joins_the_single_job_of_a_single_container(actor: Actor, host: Host) -> None:
    make_many(host, 1)
    job = request("container.restart", actor=actor, target_id=Container.objects.get().pk)
    assert request_many("container.restart", actor=actor, containers=Container.objects.all()) == job


@pytest.mark.parametrize(
    ("operation", "params", "changes"),
    [
        ("container.kill", {}, {}),
        ("container.stop", {"timeout": 0}, {}),
        ("container.stop", {}, {"state": JobState.SUCCEEDED}),
        ("container.stop", {}, {"cancel_requested_at": timezone.now()}),
    ],
)
def test_it_does_what_is_not_quite_the_same(
    actor: Actor, host: Host, operation: str, params: dict[str, int], changes: dict[str, object]
) -> None:
    make_many(host, 2)
    first = request_many("container.stop", actor=actor, containers=Container.objects.all())
    Job.objects.update(**changes)
    again = request_many(operation, actor=actor, containers=Container.objects.all(), params=params)
    assert again != first
    assert again.children_count == 2


@pytest.mark.django_db(transaction=True)
def test_it_makes_one_job_of_requests_at_the_same_time(actor: Actor, host: Host) -> None:
    make_many(host, 20)
    one = Container.objects.order_by("pk")[0]

    def many() -> None:
        with suppress(Invalid):  # when two other jobs do all of it
            request_many("container.restart", actor=actor, containers=visible_containers(actor))

    def single() -> None:
        request("container.restart", actor=actor, target_id=one.pk)

    at_once([many, single, many, single, many])
    targets = Job.objects.filter(children_count=0).values_list("target_id", flat=True)
    assert Counter(targets) == Counter(Container.objects.values_list("pk", flat=True))
