"""Saved filters by the API."""

from __future__ import annotations

from collections.abc import Callable

from fleet.models import Host, User
from tests.api.conftest import Caller
from tests.conftest import make_container

Call = Callable[..., Caller]
WEB = {"name": "Web", "query": "state=running&q=web&sort=-name"}


def test_it_saves_shows_changes_and_deletes(viewer: User, call_as: Call) -> None:
    call = call_as(viewer).call
    status, made = call("POST", "/saved-filters", WEB)
    assert status == 201
    assert (made["query"], made["shared"], made["owner"]) == ("q=web&state=running", False, "vera")
    where = f"/saved-filters/{made['id']}"
    assert call("GET", where) == (200, made)
    status, changed = call("PATCH", where, {"shared": True})
    assert (status, changed["shared"], changed["name"]) == (200, True, "Web")
    assert call("DELETE", where) == (204, None)
    assert call("GET", where)[1]["detail"] == "There is no such saved filter."


def test_it_says_what_is_wrong_at_its_field(viewer: User, call_as: Call) -> None:
    call = call_as(viewer).call
    call("POST", "/saved-filters", WEB)
    status, body = call("POST", "/saved-filters", {"name": "web", "query": "hots=a"})
    assert status == 422 and sorted(body["errors"]) == ["name", "query"]
    assert call("POST", "/saved-filters", {"name": "x" * 61, "query": "q=a"})[0] == 422


def test_it_lists_own_ones_and_those_that_are_shared(
    viewer: User, operator: User, call_as: Call
) -> None:
    call_as(operator).call("POST", "/saved-filters", {**WEB, "shared": True})
    call_as(operator).call("POST", "/saved-filters", {**WEB, "name": "Private"})
    call = call_as(viewer).call
    call("POST", "/saved-filters", {**WEB, "name": "Mine"})
    assert [item["name"] for item in call("GET", "/saved-filters")[1]["items"]] == ["Mine", "Web"]
    status, body = call("GET", "/saved-filters?owner=olga&name=WEB&sort=-name")
    assert (status, [item["owner"] for item in body["items"]]) == (200, ["olga"])
    narrow = call_as(viewer, role="viewer").call
    assert [item["name"] for item in narrow("GET", "/saved-filters")[1]["items"]] == ["Web"]
    status, body = narrow("POST", "/saved-filters", {**WEB, "name": "New"})
    assert status == 403 and "cannot save filters" in body["detail"]


def test_it_finds_for_each_what_they_may_see(
    host: Host, other_host: Host, administrator: User, viewer: User, call_as: Call
) -> None:
    for on in (host, other_host):
        make_container(on, "web-1")
        make_container(on, "web-2", state="paused")
    web = {"name": "Web", "query": "q=web&state=running&state=dead", "shared": True}
    _, made = call_as(administrator).call("POST", "/saved-filters", web)
    call, where = call_as(viewer).call, f"/containers?saved_filter={made['id']}"
    found = call("GET", where)[1]["items"]
    assert [(item["host"], item["name"]) for item in found] == [("stage-1", "web-1")]
    assert call("GET", f"{where}&q=web-2")[1]["count"] == 0
    assert call_as(administrator).call("GET", where)[1]["count"] == 2
    call_as(administrator).call("PATCH", f"/saved-filters/{made['id']}", {"shared": False})
    assert call("GET", where)[0] == 404
