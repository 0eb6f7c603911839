"""The pages of jobs, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.live.topics.base import TOPICS
from dashboard.live.topics.jobs import JobToasts
from fleet.actor import Actor, actor_for
from fleet.models import Container, Host, Job, JobLine, JobState, Role, User
from fleet.publish import ContainersChanged, JobsChanged
from tests.conftest import make_container
from tests.jobs.conftest import make_jobs

SignIn = Callable[[User], Client]
JSON = {"Accept": "application/json"}


@pytest.fixture
def client(administrator: User, sign_in: SignIn) -> Client:
    """An administrator's browser."""
    return sign_in(administrator)


def failed_on(container: Container, **fields: Any) -> Job:
    """Make a restart of a container that failed."""
    (job,) = make_jobs(container.host, 1, state="failed", **fields)
    job.target_id, job.target_name = container.pk, container.name
    job.save()
    return job


def test_it_lists_single_jobs_and_parents_but_no_children(client: Client, host: Host) -> None:
    (parent,) = make_jobs(host, 1, children_count=1)
    (child,) = make_jobs(host, 1, parent=parent)
    page = client.get("/jobs/").content.decode()
    assert f'id="job-{parent.pk}"' in page
    assert f'id="job-{child.pk}"' not in page


def test_it_shows_names_as_data(client: Client, host: Host) -> None:
    (job,) = make_jobs(host, 1)
    evil = "<script>alert(1)</script>"
    Job.objects.update(target_name=evil, message=evil, error=evil, state="failed", actor_name=evil)
    JobLine.objects.create(job=job, number=1, text=evil)
    for address in ("/jobs/", f"/jobs/{job.pk}/"):
        page = client.get(address).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("?state=failed", 1),
        ("?state=failed&state=queued", 3),
        ("?operation=container.stop", 0),
        ("?host=stage-1", 3),
        ("?host=nowhere", 0),
        ("?actor=system", 3),
        ("?state=<script>", 3),
        ("?page=99", 3),
        ("?page=abc&state=%00", 3),
    ],
)
def test_it_filters_by_the_address(client: Client, host: Host, query: str, count: int) -> None:
    make_jobs(host, 2)
    make_jobs(host, 1, state="failed")
    response = client.get(f"/jobs/{query}")
    assert response.status_code == 200
    assert response.content.decode().count('<tr id="job-') == count


def test_it_finds_a_job_of_many_by_a_child_s_host(client: Client, host: Host) -> None:
    (parent,) = make_jobs(host, 1, children_count=1)
    Job.objects.update(host=None, host_name="3 hosts")
    make_jobs(host, 1, parent=parent)
    assert f'id="job-{parent.pk}"' in client.get("/jobs/?host=stage-1").content.decode()


def test_it_shows_a_job_with_its_lines_and_reason(client: Client, host: Host) -> None:
    fields = {"message": "It is in use.", "error": "raw: conflict"}
    job = failed_on(make_container(host, "web-0"), **fields)
    JobLine.objects.create(job=job, number=1, text="pulling layer")
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    for text in ("Restart web-0", "It is in use.", "raw: conflict", "pulling layer", "stage-1"):
        assert text in page
    assert f"/jobs/{job.pk}/retry/" in page


def test_it_tries_nothing_again_on_what_was_removed(client: Client, container: Container) -> None:
    job, kept = failed_on(container), failed_on(make_container(container.host, "web-2"))
    container.delete()
    page = client.get("/jobs/").content.decode()
    assert f"/jobs/{kept.pk}/retry/" in page and f"/jobs/{job.pk}/retry/" not in page
    assert f"/jobs/{job.pk}/retry/" not in client.get(f"/jobs/{job.pk}/").content.decode()


def test_it_tries_many_again_while_one_that_went_badly_is_there(
    client: Client, host: Host, container: Container
) -> None:
    (parent,) = make_jobs(host, 1, state="failed", children_count=2, children_failed=1)
    Job.objects.filter(pk=parent.pk).update(host=None)
    (child,) = make_jobs(host, 1, parent=parent, state="failed")
    Job.objects.filter(pk=child.pk).update(target_id=container.pk)
    make_jobs(host, 1, parent=parent, state="succeeded")
    address = f"/jobs/{parent.pk}/retry/"
    assert address in client.get("/jobs/").content.decode()
    container.delete()
    assert address not in client.get("/jobs/").content.decode()


def test_it_tries_a_host_s_job_again(client: Client, host: Host) -> None:
    job = Job.objects.create(
        operation="host.refresh", host=host, target_kind="host", target_id=host.pk, state="failed"
    )
    assert f"/jobs/{job.pk}/retry/" in client.get("/jobs/").content.decode()


def test_it_names_the_newest_try(
    client: Client, container: Container, viewer: User, sign_in: SignIn
) -> None:
    job = failed_on(container)
    assert "Tried again" not in client.get(f"/jobs/{job.pk}/").content.decode()
    _first, newest = [failed_on(container, retry_of=job) for _ in range(2)]
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert f"Tried again as job {newest.pk}<" in page and f'"/jobs/{newest.pk}/"' in page
    Job.objects.filter(pk=newest.pk).update(host=None)
    page = sign_in(viewer).get(f"/jobs/{job.pk}/").content.decode()
    assert f"Tried again as job {_first.pk}<" in page


def test_it_says_ticked_parameters_in_words(client: Client, host: Host) -> None:
    job = Job.objects.create(
        operation="container.remove", host=host, params={"force": True, "volumes": False}
    )
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert '<dd class="mono">yes</dd>' in page and '<dd class="mono">no</dd>' in page


def test_it_gives_the_whole_output_as_text(client: Client, host: Host) -> None:
    (job,) = make_jobs(host, 1)
    JobLine.objects.create(job=job, number=1, text="<one>")
    response = client.get(f"/jobs/{job.pk}/lines.txt")
    assert response["Content-Type"].startswith("text/plain")
    assert response.content.decode().endswith("info <one>\n")


def test_it_shows_the_children_of_a_job_of_many(client: Client, host: Host) -> None:
    (parent,) = make_jobs(host, 1, children_count=2)
    make_jobs(host, 1, parent=parent, state="succeeded")
    (bad,) = make_jobs(host, 1, parent=parent, state="failed")
    page = client.get(f"/jobs/{parent.pk}/?state=failed").content.decode()
    assert page.count('<tr id="child-') == 1
    assert f'id="child-{bad.pk}"' in page


def test_it_hides_jobs_from_who_may_not_see_them(
    host: Host, stranger: User, sign_in: SignIn
) -> None:
    (job,) = make_jobs(host, 1)
    client = sign_in(stranger)
    assert f'id="job-{job.pk}"' not in client.get("/jobs/").content.decode()
    for address in (f"/jobs/{job.pk}/", f"/jobs/{job.pk}/lines.txt"):
        assert client.get(address).status_code == 404
    for address in (f"/jobs/{job.pk}/cancel/", f"/jobs/{job.pk}/retry/"):
        assert client.post(address).status_code == 404


def test_it_offers_a_viewer_nothing_to_do(host: Host, viewer: User, sign_in: SignIn) -> None:
    (job,) = make_jobs(host, 1)
    client = sign_in(viewer)
    assert "/cancel/" not in client.get(f"/jobs/{job.pk}/").content.decode()
    assert client.post(f"/jobs/{job.pk}/cancel/").status_code == 403


def test_it_cancels_and_tries_again(client: Client, queued: Job) -> None:
    address = f"/jobs/{queued.pk}/"
    assert client.post(f"{address}cancel/", headers=JSON).json() == {
        "message": "Cancelled: Restart web-1."
    }
    answer = client.post(f"{address}retry/", headers=JSON)
    assert answer.status_code == 202
    again = Job.objects.get(pk=answer.json()["job"]["id"])
    assert again.retry_of == queued
    assert client.post(f"{address}cancel/").headers["Location"] == address


def test_it_says_why_it_does_not_try_again(client: Client, queued: Job) -> None:
    answer = client.post(f"/jobs/{queued.pk}/retry/", headers=JSON)
    assert (answer.status_code, answer.json()["message"]) == (
        422,
        "The job has not ended yet. Cancel it first.",
    )
    assert client.post(f"/jobs/{queued.pk}/retry/").status_code == 302


@pytest.mark.parametrize("address", ["/jobs/1/cancel/", "/jobs/1/retry/"])
def test_it_changes_nothing_by_looking(client: Client, address: str) -> None:
    assert client.get(address).status_code == 405


def test_it_needs_as_many_queries_for_many_jobs_as_for_few(
    client: Client, host: Host, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(50):
        failed_on(make_container(host, f"web-{number}"))
    client.get("/jobs/")
    with django_assert_max_num_queries(10):
        client.get("/jobs/")
    assert client.get("/jobs/").content.decode().count("/retry/") == 50


def test_it_follows_the_list_live(actor: Actor, host: Host) -> None:
    (job,) = make_jobs(host, 1)
    topic = TOPICS["jobs"]
    before = topic.load(actor, QueryDict("")).parts[f"job-{job.pk}"]
    Job.objects.update(state=JobState.RUNNING, revision=1)
    after = topic.load(actor, QueryDict("")).parts[f"job-{job.pk}"]
    assert before.rev != after.rev
    assert 'data-rev="' + after.rev in after.render()
    assert topic.interested(JobsChanged(ids=[job.pk]), QueryDict(""))


def test_it_follows_the_removal_of_what_could_be_tried_again(
    actor: Actor, container: Container
) -> None:
    job = failed_on(container)
    topic = TOPICS["job"]
    args = QueryDict(f"id={job.pk}")
    before = topic.load(actor, args).parts["job-head"]
    went = ContainersChanged(host=container.host_id, ids=[], removed=[container.pk])
    container.delete()
    assert topic.load(actor, args).parts["job-head"].rev != before.rev
    for name, interested in {"jobs": True, "job": True, "host-jobs": True, "tray": False}.items():
        assert TOPICS[name].interested(went, args) == interested
    came = ContainersChanged(host=container.host_id, ids=[container.pk], removed=[])
    assert not topic.interested(came, args)


def test_it_follows_one_job_live(actor: Actor, host: Host) -> None:
    (job, other) = make_jobs(host, 2)
    topic, args = TOPICS["job"], QueryDict(f"id={job.pk}")
    assert topic.interested(JobsChanged(ids=[job.pk]), args)
    assert not topic.interested(JobsChanged(ids=[other.pk]), args)
    line = JobLine.objects.create(job=job, number=1, text="hello")
    found = topic.load(actor, args)
    assert found.lists["job-lines"] == [f"job-line-{line.pk}"]
    assert "hello" in found.parts[f"job-line-{line.pk}"].render()


def test_it_shows_in_the_tray_what_is_open(actor: Actor, host: Host) -> None:
    make_jobs(host, 1, state="succeeded")
    (job,) = make_jobs(host, 1)
    closed = TOPICS["tray"].load(actor, QueryDict(""))
    assert closed.lists == {"tray-jobs": []}
    assert ">1<" in closed.parts["tray-count"].render()
    opened = TOPICS["tray"].load(actor, QueryDict("open=1"))
    assert opened.lists == {"tray-jobs": [f"tray-job-{job.pk}"]}
    assert "web-0" in opened.parts[f"tray-job-{job.pk}"].render()


def test_it_tells_who_asked_how_it_ended(queued: Job, administrator: User, viewer: User) -> None:
    from fleet.jobs.runner import run_job

    run_job(queued.pk)
    hint = JobsChanged(ids=[queued.pk])
    (toast,) = JobToasts().toasts(hint, frozenset({administrator.pk}))
    assert str(toast.message).startswith("Restarted web-1 in ")
    assert (toast.level, toast.href) == ("success", f"/jobs/{queued.pk}/")
    assert JobToasts().toasts(hint, frozenset({viewer.pk})) == []


def test_it_shows_two_users_of_equal_rights_their_own_jobs(
    host: Host, make_user: Callable[..., User]
) -> None:
    Role.objects.create(name="warden", permissions=["host.view"])
    one, other = (make_user(name, role="warden", on=host) for name in ("ida", "otto"))
    make_jobs(host, 1, actor=one)
    topic = TOPICS["jobs"]
    assert topic.key(actor_for(one)) != topic.key(actor_for(other))
    assert topic.load(actor_for(one), QueryDict("")).lists["job-rows"]
    assert not topic.load(actor_for(other), QueryDict("")).lists["job-rows"]
