"""Pulls on many hosts: one job with a child for each, by page and by API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from fleet.access import Refused, visible_hosts
from fleet.actor import Actor, actor_for
from fleet.engine.fake import FakeEngine
from fleet.jobs.runner import run_job
from fleet.models import AuditEntry, Environment, Host, HostState, Job, JobState, User
from fleet.operations.errors import Invalid
from fleet.operations.jobs import job_retry
from fleet.operations.many_hosts import ask_on_hosts, preview_on_hosts
from fleet.selectors.jobs import JobQuery, job_detail
from fleet.selectors.transfers import Transfer
from fleet.tokens import create_token
from tests.conftest import grant, make_host
from tests.pulls.conftest import IMAGE

PARAMS = {"reference": IMAGE}


@pytest.fixture
def hosts(
    host: Host, fake: FakeEngine, staging: Environment, production: Environment
) -> list[Host]:
    """Two hosts that are one fake engine, and two that are away or switched off."""
    return [
        host,
        make_host("stage-2", staging, url=fake.url),
        make_host("prod-1", production, state=HostState.UNREACHABLE),
        make_host("prod-2", production, state=HostState.DISABLED),
    ]


def run_all() -> None:
    for pk in Job.objects.filter(state=JobState.QUEUED, children_count=0).values_list(
        "pk", flat=True
    ):
        run_job(pk)


def test_it_tells_where_it_will_happen(actor: Actor, hosts: list[Host]) -> None:
    found = preview_on_hosts("image.pull", actor=actor, hosts=visible_hosts(actor), params=PARAMS)
    assert [host.name for host in found.affected] == ["prod-1", "stage-1", "stage-2"]
    assert [(row.host.name, row.why) for row in found.skipped] == [
        ("prod-2", "It is switched off.")
    ]
    assert [host.name for host in found.unreachable] == ["prod-1"]
    assert not Job.objects.exists()


def test_it_is_one_job_with_a_child_for_each_host(actor: Actor, hosts: list[Host]) -> None:
    asked = ask_on_hosts("image.pull", actor=actor, hosts=visible_hosts(actor), params=PARAMS)
    parent = asked.job
    assert (parent.target_name, parent.host_name, parent.children_count) == (IMAGE, "3 hosts", 3)
    again = ask_on_hosts("image.pull", actor=actor, hosts=visible_hosts(actor), params=PARAMS)
    assert again.joined and again.job == parent
    run_all()
    parent.refresh_from_db()
    assert (parent.state, parent.children_failed) == (JobState.FAILED, 1)
    detail = job_detail(actor, parent.pk, JobQuery())
    assert detail.row.transfer == Transfer(100, 5000, None, None)
    assert detail.row.may_retry
    states = {row.job.host_name: row.job.state for row in detail.children.rows}
    assert states == {"stage-1": "succeeded", "stage-2": "succeeded", "prod-1": "failed"}
    entries = AuditEntry.objects.filter(action="image.pull").order_by("number")
    assert [entry.detail["count"] for entry in entries] == [3, 3]
    assert entries[0].detail["hosts"] == ["prod-1", "stage-1", "stage-2"]
    retry = job_retry(actor=actor, job_id=parent.pk)
    assert (retry.host_name, retry.retry_of_id, retry.children_count) == ("prod-1", parent.pk, 0)
    assert job_retry(actor=actor, job_id=parent.pk) == retry


def test_on_one_host_it_is_a_single_job(actor: Actor, host: Host) -> None:
    asked = ask_on_hosts("image.pull", actor=actor, hosts=visible_hosts(actor), params=PARAMS)
    assert (asked.job.host_id, asked.job.children_count) == (host.pk, 0)


def test_a_job_of_many_shows_what_its_children_move(actor: Actor, hosts: list[Host]) -> None:
    parent = ask_on_hosts("image.pull", actor=actor, hosts=visible_hosts(actor), params=PARAMS).job
    Job.objects.filter(parent=parent).update(bytes_total=1000, state="running", progress=40)
    Job.objects.filter(parent=parent).update(bytes_done=250, bytes_per_second=50)
    Job.objects.filter(pk=parent.pk).update(state="running")
    found = job_detail(actor, parent.pk, JobQuery()).row.transfer
    assert found == Transfer(40, 750, 3000, 150) and found.seconds_left == 15


def test_there_must_be_something_to_do(actor: Actor, hosts: list[Host]) -> None:
    off = visible_hosts(actor).filter(name="prod-2")
    with pytest.raises(Invalid, match="prod-2: It is switched off"):
        ask_on_hosts("image.pull", actor=actor, hosts=off, params=PARAMS)
    with pytest.raises(Invalid, match="at least one host"):
        ask_on_hosts("image.pull", actor=actor, hosts=visible_hosts(actor).none(), params=PARAMS)
    assert not Job.objects.exists() and not AuditEntry.objects.exists()


def test_it_leaves_out_hosts_where_one_may_not(
    make_user: Callable[..., User], hosts: list[Host], production: Environment
) -> None:
    user = make_user("dora", role="deployer", on=hosts[0])
    grant(user, "viewer", production)
    mine = actor_for(user)
    asked = ask_on_hosts("image.pull", actor=mine, hosts=visible_hosts(mine), params=PARAMS)
    assert asked.job.host_name == "stage-1"
    assert {row.host.name for row in asked.skipped} == {"prod-1", "prod-2"}
    elsewhere = visible_hosts(mine).filter(name="prod-1")
    with pytest.raises(Refused):
        ask_on_hosts("image.pull", actor=mine, hosts=elsewhere, params=PARAMS)


# --- The page ------------------------------------------------------------------------------


@pytest.fixture
def client(administrator: User, sign_in: Callable[[User], Client]) -> Client:
    """An administrator's browser."""
    return sign_in(administrator)


def test_its_page_fills_itself_in(client: Client, hosts: list[Host]) -> None:
    page = client.get(f"/images/pull/?reference=a%22%3Cb%3E&host={hosts[1].pk}").content.decode()
    assert "a&quot;&lt;b&gt;" in page and "<b>&" not in page
    assert f'value="{hosts[1].pk}" checked' in page
    assert f'value="{hosts[0].pk}" checked' not in page
    assert f'value="{hosts[3].pk}" disabled' in page
    assert "Unreachable" in page or "unreachable" in page


def test_its_page_leads_to_the_job(client: Client, hosts: list[Host]) -> None:
    answer = client.post(
        "/images/pull/", {"reference": "nginx", "host": [hosts[0].pk, hosts[1].pk]}
    )
    job = Job.objects.get(parent=None)
    assert (answer.status_code, answer["Location"]) == (302, f"/jobs/{job.pk}/")
    assert (job.params, job.children_count) == ({"reference": "nginx:latest", "platform": ""}, 2)
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert "Pull nginx:latest" in page and "stage-2" in page


@pytest.mark.parametrize("sent", [{"all": "1"}, {"environment": "{production}", "host": "{host}"}])
def test_its_page_asks_first_where_it_is_not_plain(
    client: Client, hosts: list[Host], production: Environment, sent: dict[str, str]
) -> None:
    fill = {"{production}": production.pk, "{host}": hosts[0].pk}
    data = {"reference": "nginx", **{name: fill.get(value, value) for name, value in sent.items()}}
    page = client.post("/images/pull/", data).content.decode()
    assert "prod-2</b>: It is switched off." in page and "do not answer just now" in page
    assert not Job.objects.exists()
    assert client.post("/images/pull/", {**data, "confirmed": "1"}).status_code == 302
    assert "prod-1" in Job.objects.filter(children_count=0).values_list("host_name", flat=True)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"reference": "", "all": "1"}, "Enter the name of an image"),
        ({"reference": "NGINX", "all": "1"}, "lower case"),
        ({"reference": "nginx"}, "Choose at least one host"),
        ({"reference": "nginx", "host": "99999"}, "Choose at least one host"),
        ({"reference": "nginx", "host": "x", "platform": "\x00"}, "NUL|null|platform"),
        ({"reference": "nginx", "all": "1", "platform": "beos"}, "written like linux/amd64"),
    ],
)
def test_its_page_says_what_is_wrong(
    client: Client, hosts: list[Host], sent: dict[str, str], words: str
) -> None:
    answer = client.post("/images/pull/", sent)
    page = answer.content.decode()
    assert answer.status_code == 400 and any(word in page for word in words.split("|"))
    assert not Job.objects.exists()


def test_its_page_shows_only_hosts_on_which_one_may(
    make_user: Callable[..., User], sign_in: Callable[[User], Client], hosts: list[Host]
) -> None:
    user = make_user("dora", role="deployer", on=hosts[0])
    grant(user, "viewer", hosts[1])
    page = sign_in(user).get("/images/pull/").content.decode()
    assert "stage-1" in page and "stage-2" not in page
    assert sign_in(make_user("vic", role="viewer")).get("/images/pull/").status_code == 403


# --- The API -------------------------------------------------------------------------------


def call(user: User, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    secret = create_token(user, "test", None, None)[1]
    answer = Client(raise_request_exception=False).generic(
        method,
        f"/api/v1{path}",
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    return answer.status_code, json.loads(answer.content)


def test_the_api_pulls_and_tells_the_parts(administrator: User, hosts: list[Host]) -> None:
    ids = [host.pk for host in hosts]
    status, said = call(administrator, "POST", "/images/pull", {"reference": IMAGE, "hosts": ids})
    assert (status, said["children_count"], said["joined"]) == (202, 3, False)
    assert said["skipped"] == [{"id": ids[3], "name": "prod-2", "why": "It is switched off."}]
    run_all()
    whole = call(administrator, "GET", f"/jobs/{said['id']}")[1]
    assert (whole["bytes_done"], whole["parts"], whole["state"]) == (5000, [], "failed")
    children = call(administrator, "GET", f"/jobs?parent={said['id']}")[1]["items"]
    well = next(row for row in children if row["state"] == "succeeded")
    one = call(administrator, "GET", f"/jobs/{well['id']}")[1]
    assert (one["bytes_done"], one["bytes_total"], one["seconds_left"]) == (5000, 5000, None)
    assert [part["state"] for part in one["parts"]] == ["done", "done"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reference": "nginx", "hosts": [10**6]}, "hosts"),
        ({"reference": "nginx", "hosts": []}, "hosts"),
        ({"reference": "n ginx", "hosts": ["{host}"]}, "reference"),
        ({"reference": "nginx", "hosts": ["{host}"], "platform": "../x"}, "platform"),
        ({"reference": "nginx", "hosts": ["{host}"], "auth": {"password": "x"}}, "auth"),
        ({"hosts": ["{host}"]}, "reference"),
    ],
)
def test_the_api_says_what_is_wrong(
    administrator: User, host: Host, body: dict[str, Any], field: str
) -> None:
    sent = {**body, "hosts": [host.pk if pk == "{host}" else pk for pk in body["hosts"]]}
    status, said = call(administrator, "POST", "/images/pull", sent)
    assert status == 422 and field in json.dumps(said)
    assert not Job.objects.exists()
