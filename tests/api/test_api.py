"""The API: names that stay, problems in words, tokens that only take away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from fleet.models import AuditEntry, Container, Environment, Host, Job, JobLine, User
from fleet.tokens import create_token
from tests.api.conftest import Caller
from tests.conftest import make_container, make_host

Call = Callable[..., Caller]


def test_it_adds_a_host_and_shows_it(administrator: User, call_as: Call) -> None:
    caller = call_as(administrator)
    body = {
        "name": "edge-1",
        "url": "tcp://192.0.2.1:2375",
        "environment": "edge",
        "insecure": True,
    }
    status, host = caller.call("POST", "/hosts", body)
    assert status == 201, host
    assert {"id", "name", "url", "environment", "state", "last_seen"} <= set(host)
    assert (host["name"], host["environment"], host["state"]) == ("edge-1", "edge", "unknown")
    assert caller.call("GET", f"/hosts/{host['id']}")[1] == host
    listed = caller.call("GET", "/hosts")[1]
    assert (listed["count"], [item["id"] for item in listed["items"]]) == (1, [host["id"]])


def test_it_never_shows_a_secret(administrator: User, host: Host, call_as: Call) -> None:
    host.ssh_key = host.tls_key = "TOP-SECRET"
    host.save()
    shown = str(call_as(administrator).call("GET", f"/hosts/{host.pk}")[1])
    assert "TOP-SECRET" not in shown
    assert host.tls_key_encrypted not in shown


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "tcp://u:hunter2@h:1"}, "url"),
        ({"url": "tcp://h:70000"}, "url"),
        ({"url": "gopher://h"}, "url"),
        ({"name": "<script>"}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"tls_cert": "not one"}, "tls_cert"),
        ({"tls_key": "x" * 70_000}, "tls_key"),
        ({"labels": ["a"]}, "labels"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_it_names_the_wrong_field(
    administrator: User, call_as: Call, change: dict[str, object], field: str
) -> None:
    body = {"name": "a-1", "url": "tcp://192.0.2.1:2376", "environment": "e", "insecure": True}
    status, problem = call_as(administrator).call("POST", "/hosts", {**body, **change})
    assert status == 422
    assert field in problem["errors"]
    assert "hunter2" not in str(problem)
    assert not Host.objects.exists()


def test_it_lists_and_filters_containers(operator: User, host: Host, call_as: Call) -> None:
    make_container(host, "web-1", labels={"tier": "front"})
    make_container(host, "db-1", state="exited", exit_code=1, compose_service="db")
    make_container(host, "ill-1", health="unhealthy")
    caller = call_as(operator)
    everything = caller.call("GET", "/containers?sort=name")[1]
    assert [item["name"] for item in everything["items"]] == ["db-1", "ill-1", "web-1"]
    assert {"id", "name", "host", "image", "state", "health"} <= set(everything["items"][0])
    for query, names in {
        "state=exited": ["db-1"],
        "state=failed": ["db-1"],
        f"host={host.name}": ["db-1", "ill-1", "web-1"],
        f"host={host.pk}": ["db-1", "ill-1", "web-1"],
        "host=nowhere": [],
        "q=WEB": ["web-1"],
        "label=tier=front": ["web-1"],
        "health=unhealthy": ["ill-1"],
        "service=db": ["db-1"],
        "service=d": [],
        "limit=1&offset=1": ["ill-1"],
    }.items():
        found = caller.call("GET", f"/containers?sort=name&{query}")[1]
        assert [item["name"] for item in found["items"]] == names, query


def test_it_hides_what_is_not_granted(
    operator: User, container: Container, other_host: Host, call_as: Call
) -> None:
    hidden = make_container(other_host)
    caller = call_as(operator)
    assert caller.call("GET", f"/containers/{hidden.pk}")[0] == 404
    assert caller.call("POST", f"/containers/{hidden.pk}/restart")[0] == 404
    assert caller.call("GET", f"/hosts/{other_host.pk}")[0] == 404
    assert [item["id"] for item in caller.call("GET", "/containers")[1]["items"]] == [container.pk]


def test_it_answers_202_with_the_job(operator: User, container: Container, call_as: Call) -> None:
    caller = call_as(operator)
    status, body = caller.call("POST", f"/containers/{container.pk}/restart", {"timeout": 3})
    assert status == 202
    job = body
    assert {"id", "operation", "target", "state", "progress"} <= set(job)
    assert {"created_at", "started_at", "finished_at"} <= set(job)
    assert (job["operation"], job["target"], job["state"]) == (
        "container.restart",
        container.name,
        "queued",
    )
    assert Job.objects.get(pk=job["id"]).params["timeout"] == 3
    assert caller.call("GET", f"/jobs/{job['id']}")[1]["id"] == job["id"]
    assert AuditEntry.objects.filter(action="container.restart", via="api").exists()


def test_it_refuses_a_viewer_and_writes_it_down(
    viewer: User, container: Container, call_as: Call
) -> None:
    status, problem = call_as(viewer).call("POST", f"/containers/{container.pk}/restart")
    assert (status, problem["status"]) == (403, 403)
    assert not Job.objects.exists()
    entry = AuditEntry.objects.get(action="container.restart")
    assert (entry.result, entry.actor_name) == ("refused", viewer.username)


@pytest.mark.parametrize(
    "body", [{"timeout": -1}, {"timeout": 10**30}, {"timeout": "soon"}, {"signal": "KILL"}]
)
def test_it_refuses_parameters_that_make_no_sense(
    operator: User, container: Container, call_as: Call, body: dict[str, object]
) -> None:
    status, problem = call_as(operator).call("POST", f"/containers/{container.pk}/stop", body)
    assert status == 422
    assert next(iter(body)) in problem["errors"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "sentence"),
    [
        ("GET", "/containers?limit=x", None, "limit", "Enter a whole number."),
        ("GET", "/containers?limit=0", None, "limit", "Enter at least 1."),
        ("GET", "/jobs?parent=x", None, "parent", "Enter a whole number."),
        ("GET", f"/jobs?parent={2**63}", None, "parent", f"Enter less than {2**63}."),
        ("GET", "/jobs?children=x", None, "children", "Choose yes or no."),
        ("GET", "/events?since=x", None, "since", "Enter a time such as 2026-03-01T14:00:00Z."),
        ("GET", "/audit?result=nope", None, "result", "Choose one of allowed, "),
        ("GET", "/audit?since=x", None, "since", "Enter a time such as 2026-03-01T14:00:00Z."),
        ("GET", "/hosts?state=nope", None, "state", "Choose one of unknown, reachable"),
        ("GET", "/jobs?state=nope", None, "state", "Choose one of queued, running"),
        ("GET", "/jobs?host=%00", None, "host", "This contains a character that is not allowed."),
        ("GET", f"/hosts?q={'x' * 201}", None, "q", "Enter at most 200 characters."),
        ("POST", "/containers/bulk", {}, "operation", "This is needed."),
        ("POST", "/containers/bulk", {"operation": 7}, "operation", "Enter a text."),
        ("POST", "/containers/bulk", {"operation": "x", "ids": 7}, "ids", "Send a list."),
        ("POST", "/containers/bulk", {"operation": "x", "ids": ["x"]}, "ids.0", "Enter a whole"),
        ("POST", "/containers/bulk", {"operation": "x", "filter": 7}, "filter", "Send an object"),
        ("POST", "/containers/bulk", {"operation": "x", "params": 7}, "params", "Send an object"),
        ("POST", "/containers/bulk", {"operation": "x", "a": 1}, "a", "There is no parameter of"),
        ("POST", "/containers/1/stop", {"timeout": "x"}, "timeout", "Enter a whole number."),
        ("POST", "/containers/1/kill", {"signal": "x"}, "signal", "Choose one of 'SIGKILL'"),
        ("POST", "/containers/1/rename", {"name": "?"}, "name", "Use at least two characters"),
    ],
)
def test_it_says_in_words_what_is_wrong_with_a_field(
    administrator: User, call_as: Call, method: str, path: str, body: Any, field: str, sentence: str
) -> None:
    status, problem = call_as(administrator).call(method, path, body)
    assert status == 422
    assert {name: text[0][: len(sentence)] for name, text in problem["errors"].items()} == {
        field: sentence
    }


def test_it_shows_a_jobs_lines(operator: User, container: Container, call_as: Call) -> None:
    caller = call_as(operator)
    job = caller.call("POST", f"/containers/{container.pk}/stop")[1]
    for number in (1, 2, 3):
        JobLine.objects.create(job_id=job["id"], number=number, text=f"line {number}")
    lines = caller.call("GET", f"/jobs/{job['id']}/lines?limit=2&offset=1")[1]
    assert lines["count"] == 3
    assert [line["text"] for line in lines["items"]] == ["line 2", "line 3"]


def test_it_filters_the_audit_log_by_result_and_time(administrator: User, call_as: Call) -> None:
    caller = call_as(administrator)
    caller.call("POST", "/teams", {"name": "Night"})
    made = caller.call("GET", "/audit?action=team&result=allowed")[1]["items"]
    assert [entry["target_name"] for entry in made] == ["Night"]
    at = quote(made[0]["at"])
    assert caller.call("GET", f"/audit?action=team&since={at}")[1]["count"] == 1
    assert caller.call("GET", f"/audit?action=team&until={at}")[1]["count"] == 0


def test_it_gives_and_takes_rights(
    administrator: User, viewer: User, host: Host, call_as: Call
) -> None:
    admin, caller = call_as(administrator), call_as(viewer)
    container = make_container(host)
    roles = {role["name"]: role["id"] for role in admin.call("GET", "/roles")[1]["items"]}
    given = {"user": viewer.pk, "role": roles["operator"], "host": host.pk}
    status, grant = admin.call("POST", "/grants", given)
    assert status == 201
    assert caller.call("POST", f"/containers/{container.pk}/stop")[0] == 202
    assert admin.call("DELETE", f"/grants/{grant['id']}")[0] == 204
    assert caller.call("POST", f"/containers/{container.pk}/kill")[0] == 403
    assert caller.call("GET", "/users")[0] == 403


def test_it_manages_users_and_teams(administrator: User, call_as: Call) -> None:
    admin = call_as(administrator)
    status, user = admin.call("POST", "/users", {"username": "nora", "password": "a long secret 7"})
    assert status == 201
    status, team = admin.call("POST", "/teams", {"name": "night", "members": [user["id"]]})
    assert (status, team["members"]) == (201, [user["id"]])
    assert admin.call("PUT", f"/teams/{team['id']}", {"name": "day"})[1]["members"] == []
    changed = admin.call("PATCH", f"/users/{user['id']}", {"is_active": False})
    assert (changed[0], changed[1]["is_active"]) == (200, False)
    assert admin.call("DELETE", f"/users/{user['id']}")[0] == 204
    assert admin.call("DELETE", f"/users/{administrator.pk}")[0] == 422


def test_it_manages_environments(administrator: User, call_as: Call) -> None:
    admin = call_as(administrator)
    made = admin.call("POST", "/environments", {"name": "lab", "careful": True})[1]
    assert admin.call("PATCH", f"/environments/{made['id']}", {"name": "lab 2"})[1]["careful"]
    make_host("x-1", Environment.objects.get(pk=made["id"]))
    status, problem = admin.call("DELETE", f"/environments/{made['id']}")
    assert status == 422
    assert "x-1" in str(problem)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Basic cm9vdDpyb290"])
def test_it_wants_a_token(db: None, header: str) -> None:
    response = Client().get("/api/v1/hosts", headers={"Authorization": header})
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"


def test_it_ends_with_the_token(administrator: User) -> None:
    row, secret = create_token(administrator, "old", timezone.now() + timedelta(hours=1))
    caller = Caller(secret)
    assert caller.call("GET", "/hosts")[0] == 200
    row.expires_at = timezone.now() - timedelta(seconds=1)
    row.save()
    assert caller.call("GET", "/hosts")[0] == 401
    row.expires_at, row.revoked_at = None, timezone.now()
    row.save()
    assert caller.call("GET", "/hosts")[0] == 401


def test_it_never_lets_a_token_do_more_than_its_role(
    administrator: User, container: Container, call_as: Call
) -> None:
    caller = call_as(administrator, role="viewer")
    assert caller.call("GET", "/containers")[0] == 200
    assert caller.call("POST", f"/containers/{container.pk}/stop")[0] == 403
    assert caller.call("GET", "/audit")[0] == 403


def test_it_takes_a_browsers_session_with_its_csrf_token_only(administrator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(administrator, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/api/v1/hosts").status_code == 200
    body = {"name": "x", "description": ""}
    refused = client.post("/api/v1/environments", body, content_type="application/json")
    assert refused.status_code == 403
    assert not Environment.objects.exists()


@pytest.mark.parametrize("sort", ["password", "host__tls_key_encrypted", "-", "name;drop"])
def test_it_sorts_by_known_names_only(administrator: User, call_as: Call, sort: str) -> None:
    assert call_as(administrator).call("GET", f"/hosts?sort={sort}")[0] == 422


def test_it_takes_bodies_that_are_no_json(administrator: User, call_as: Call) -> None:
    caller = call_as(administrator)
    response = caller.client.post(
        "/api/v1/hosts", b"\xff{", content_type="application/json",
        headers={"Authorization": f"Bearer {caller.secret}"},
    )  # fmt: skip
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_it_tells_cloned_machines_apart(
    administrator: User, host: Host, other_host: Host, call_as: Call
) -> None:
    Host.objects.update(engine_id="AB:CD")
    same = {"engine_id": "c" * 64, "search": "web-1 " + "c" * 12}
    rows = [make_container(on, "web-1", **same) for on in (host, other_host)]
    caller = call_as(administrator)
    assert [h["engine_id"] for h in caller.call("GET", "/hosts")[1]["items"]] == ["AB:CD"] * 2
    for query in ("", f"?q={'c' * 12}", "?q=web-1"):
        items = caller.call("GET", f"/containers{query}")[1]["items"]
        assert {(i["id"], i["host"]) for i in items} == {(r.pk, r.host.name) for r in rows}
    for row in rows:
        found = caller.call("GET", f"/containers?host={row.host.name}")[1]["items"]
        assert [item["id"] for item in found] == [row.pk]
