"""Who sees which part of many jobs: a parent with all of its children or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.live.topics.jobs import JobToasts
from fleet.access import Unknown, access_job, listed_jobs, visible_jobs
from fleet.actor import actor_for
from fleet.models import Environment, Grant, Host, Job, Role, User
from fleet.publish import JobsChanged
from fleet.selectors.fleet import fleet_page
from fleet.selectors.jobs import JobQuery, count_open, job_detail, job_page
from tests.conftest import grant
from tests.jobs.conftest import make_jobs


@pytest.fixture
def bulk(host: Host, other_host: Host, administrator: User) -> tuple[Job, Job, Job]:
    """A parent of an administrator with a child on each of two hosts, queued."""
    (parent,) = make_jobs(host, 1, children_count=2, actor=administrator)
    Job.objects.filter(pk=parent.pk).update(host=None, host_name="", target_name="2 containers")
    parent.refresh_from_db()
    (here,) = make_jobs(host, 1, parent=parent, actor=administrator)
    (there,) = make_jobs(other_host, 1, parent=parent, actor=administrator)
    return parent, here, there


def test_who_sees_all_children_sees_the_parent(
    bulk: tuple[Job, Job, Job], viewer: User, production: Environment
) -> None:
    parent, here, there = bulk
    grant(viewer, "viewer", production)
    actor = actor_for(viewer)
    assert set(visible_jobs(actor)) == {parent, here, there}
    assert list(listed_jobs(actor)) == [parent]


def test_who_sees_some_children_sees_those_alone(bulk: tuple[Job, Job, Job], viewer: User) -> None:
    parent, here, _there = bulk
    actor = actor_for(viewer)
    assert list(visible_jobs(actor)) == [here]
    assert list(listed_jobs(actor)) == [here]
    page = job_page(actor, JobQuery())
    assert [row.job for row in page.rows] == [here]
    assert (page.total, dict(page.states)) == (1, {"queued": 1})
    assert count_open(actor) == 1
    assert fleet_page(actor).jobs == [here]
    with pytest.raises(Unknown):
        access_job(actor, parent.pk)


def test_the_page_of_such_a_child_names_no_parent(
    bulk: tuple[Job, Job, Job], viewer: User, administrator: User, client: Client
) -> None:
    parent, here, _there = bulk
    assert job_detail(actor_for(viewer), here.pk, JobQuery()).row.related == frozenset()
    link = f'href="/jobs/{parent.pk}/"'
    client.force_login(viewer)
    assert link not in client.get(f"/jobs/{here.pk}/").content.decode()
    for address in (f"/jobs/{parent.pk}/", f"/jobs/{parent.pk}/lines.txt"):
        assert client.get(address).status_code == 404
    client.force_login(administrator)
    assert link in client.get(f"/jobs/{here.pk}/").content.decode()


def test_the_fleet_wide_see_parents_in_lists(
    bulk: tuple[Job, Job, Job], administrator: User, staging: Environment
) -> None:
    parent, _here, _there = bulk
    actor = actor_for(administrator)
    assert list(listed_jobs(actor)) == [parent]
    assert fleet_page(actor, staging.name).jobs == [parent]


def test_own_jobs_go_with_the_grant(operator: User, host: Host) -> None:
    (job,) = make_jobs(host, 1, actor=operator)
    assert list(visible_jobs(actor_for(operator))) == [job]
    Grant.objects.filter(user=operator).delete()
    assert not visible_jobs(actor_for(operator)).exists()


def test_own_jobs_need_only_that_one_sees_the_host(
    make_user: Callable[..., User], host: Host
) -> None:
    Role.objects.create(name="warden", permissions=["host.view", "host.refresh"])
    user = make_user("hal", role="warden", on=host)
    (job,) = make_jobs(host, 1, actor=user)
    (_foreign,) = make_jobs(host, 1)
    assert list(visible_jobs(actor_for(user))) == [job]


def test_own_jobs_stay_when_their_host_is_removed(operator: User, host: Host) -> None:
    (job,) = make_jobs(host, 1, actor=operator)
    host.delete()
    assert list(visible_jobs(actor_for(operator))) == [job]


def test_no_toast_tells_of_what_one_lost(operator: User, host: Host) -> None:
    (job,) = make_jobs(host, 1, actor=operator, state="succeeded", finished_at=timezone.now())
    hint, users = JobsChanged(ids=[job.pk]), frozenset({operator.pk})
    assert len(JobToasts().toasts(hint, users)) == 1
    Grant.objects.filter(user=operator).delete()
    assert JobToasts().toasts(hint, users) == []


def test_the_api_lists_the_same(bulk: tuple[Job, Job, Job], viewer: User, client: Client) -> None:
    parent, here, _there = bulk
    client.force_login(viewer)
    listed = client.get("/api/v1/jobs").json()
    assert [item["id"] for item in listed["items"]] == [here.pk]
    assert client.get(f"/api/v1/jobs/{parent.pk}").status_code == 404
    assert client.get(f"/api/v1/jobs/{parent.pk}/lines").status_code == 404
    children = client.get(f"/api/v1/jobs?parent={parent.pk}").json()
    assert [item["id"] for item in children["items"]] == [here.pk]
