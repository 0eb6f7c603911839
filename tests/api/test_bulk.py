"""The API's bulk operations: which containers, nothing by mistake, one job for one request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fleet.models import Container, Host, Job, User
from tests.api.conftest import Caller
from tests.conftest import make_container

Call = Callable[..., Caller]


def test_it_does_something_to_many(operator: User, host: Host, call_as: Call) -> None:
    rows = [make_container(host, f"web-{i}") for i in range(3)]
    make_container(host, "down", state="exited")
    caller = call_as(operator)
    wanted = {"operation": "container.stop", "filter": {"host": host.name}}
    preview = caller.call("POST", "/containers/bulk/preview", wanted)[1]
    assert sorted(preview["affected"]) == [row.pk for row in rows]
    assert [skipped["name"] for skipped in preview["skipped"]] == ["down"]
    assert not Job.objects.exists()
    status, body = caller.call("POST", "/containers/bulk", wanted)
    assert status == 202
    children = caller.call("GET", f"/jobs?parent={body['id']}")[1]
    assert children["count"] == body["children_count"] == 3


def test_it_touches_nothing_when_one_id_is_not_to_be_seen(
    operator: User, container: Container, other_host: Host, call_as: Call
) -> None:
    hidden = make_container(other_host)
    caller = call_as(operator)
    wanted = {"operation": "container.restart", "ids": [container.pk, hidden.pk, 10**9]}
    for path in ("/containers/bulk/preview", "/containers/bulk"):
        status, problem = caller.call("POST", path, wanted)
        told = [f"There are no such containers: {hidden.pk}, {10**9}."]
        assert (status, problem["errors"]) == (422, {"ids": told})
    assert not Job.objects.exists()


def test_it_finds_a_job_of_many_by_the_name_or_id_of_a_host(
    administrator: User, container: Container, other_host: Host, call_as: Call
) -> None:
    caller = call_as(administrator)
    ids = [container.pk, make_container(other_host).pk]
    parent = caller.call("POST", "/containers/bulk", {"operation": "container.stop", "ids": ids})[1]
    for host in (other_host.name, other_host.pk, container.host.name):
        found = caller.call("GET", f"/jobs?host={host}")[1]
        assert [item["id"] for item in found["items"]] == [parent["id"]]
    assert caller.call("GET", "/jobs?host=nowhere")[1]["count"] == 0


def test_it_does_a_doubled_request_once(operator: User, host: Host, call_as: Call) -> None:
    one, two = (make_container(host, f"web-{number}") for number in range(2))
    caller = call_as(operator)
    wanted = {"operation": "container.stop", "ids": [one.pk], "params": {"timeout": 3}}
    first, again = (caller.call("POST", "/containers/bulk", wanted)[1] for _call in range(2))
    assert (first["joined"], again["joined"]) == (False, True)
    parent = first["id"]
    assert Job.objects.get(parent__isnull=True).pk == parent
    wanted["ids"] = [one.pk, two.pk]
    why = f"It is under way already, in job {parent}."
    left_out = [{"id": one.pk, "name": one.name, "why": why}]
    for path in ("/containers/bulk/preview", "/containers/bulk"):
        assert caller.call("POST", path, wanted)[1]["skipped"] == left_out


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"filter": {}}, "filter"),
        ({"filter": {"stak": "x"}}, "filter.stak"),
        ({"filter": {"stack": ""}}, "filter.stack"),
        ({"filter": {"service": ""}}, "filter.service"),
        ({"filter": {"stack": "", "host": "stage-1"}}, "filter.stack"),
        ({"filter": {"host": "  "}}, "filter.host"),
        ({"filter": {"host": "\u0000"}}, "filter.host"),
        ({"filter": {"host": "\u200b"}}, "filter.host"),
        ({"filter": {"q": " "}}, "filter.q"),
        ({"filter": {"q": "\u200b"}}, "filter.q"),
        ({"filter": {"q": "w " * 101}}, "filter.q"),
        ({"filter": {"state": "nope"}}, "filter.state"),
        ({"filter": None}, "ids"),
        ({"ids": []}, "ids"),
        ({"ids": [1], "filter": {"host": "stage-1"}}, "ids"),
        ({"ids": [1], "all": True}, "ids"),
        ({"filter": {"host": "stage-1"}, "all": True}, "all"),
        ({"filter": {"stack": ""}, "all": True}, "filter.stack"),
    ],
)
def test_it_never_acts_on_all_by_mistake(
    operator: User, host: Host, call_as: Call, wanted: dict[str, object], field: str
) -> None:
    make_container(host)
    caller = call_as(operator)
    for path in ("/containers/bulk/preview", "/containers/bulk"):
        status, problem = caller.call("POST", path, {"operation": "container.stop", **wanted})
        assert (status, list(problem["errors"])) == (422, [field])
    assert not Job.objects.exists()


@pytest.mark.parametrize("wanted", [{"all": True}, {"all": True, "filter": {}}])
def test_it_acts_on_all_when_told_so(
    operator: User, host: Host, call_as: Call, wanted: dict[str, object]
) -> None:
    rows = [make_container(host, f"web-{number}") for number in range(3)]
    body = {"operation": "container.stop", **wanted}
    preview = call_as(operator).call("POST", "/containers/bulk/preview", body)[1]
    assert sorted(preview["affected"]) == [row.pk for row in rows]


@pytest.mark.parametrize(
    "query", ["host=%00", "host=+", "q=%E2%80%8B", "state=nope", "health=nope", "stack=%E2%80%8B"]
)
def test_it_says_which_filter_can_match_nothing(
    operator: User, container: Container, call_as: Call, query: str
) -> None:
    status, problem = call_as(operator).call("GET", f"/containers?{query}")
    name = query.partition("=")[0]
    assert (status, list(problem["errors"])) == (422, [name])
    known = {"state": ("running", "failed", "unreachable"), "health": ("healthy", "none")}
    assert all(value in problem["errors"][name][0] for value in known.get(name, ()))
