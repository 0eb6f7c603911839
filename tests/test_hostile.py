"""Nobody's input ends in a server error: lists and pages with what no page of ours sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client

from dashboard.api import api
from fleet.registries.hub import HubPage
from tests.test_walk import address, client_of
from tests.walk_people import PEOPLE
from tests.walk_routes import Route
from tests.walk_table import PAGES
from tests.world import World, world

__all__ = ["world"]

# What lists and pages read from their addresses.
NAMES = (
    "q", "host", "environment", "label", "state", "health", "image", "stack", "service", "sort",
    "page", "size", "kind", "object", "container", "since", "until", "before", "after", "operation",
    "actor", "action", "target", "result", "like", "who", "role", "where", "reference", "all",
)  # fmt: skip
NASTY = ("a\x00=b", '"=1', "9" * 30, "0001-01-01T00:00:00+14:00", "9" * 17 + "-" + "9" * 18)
COOKIE = 'quayside_session="\\000abcdefgh"'  # browsers write NUL so


def wrong(client: Client, path: str, query: str, **headers: Any) -> Iterator[str]:
    """Yield the request if it ends in an error of ours."""
    with transaction.atomic():
        status = client.get(path, QUERY_STRING=query, **headers).status_code
        if status >= 500:
            yield f"{status} {path}?{query}"
        transaction.set_rollback(True)


@pytest.mark.parametrize("value", NASTY)
def test_pages_bear_any_query(value: str, world: World) -> None:
    client = client_of(world.people["administrator"])
    lists: list[Route] = [
        route
        for route in [*PAGES, *PEOPLE]
        if route.get and "." not in route.route and not route.get.endswith("503")
    ]
    query = "&".join(f"{name}={quote(value)}" for name in NAMES)
    assert not [bad for route in lists for bad in wrong(client, address(route, world), query)]


@pytest.mark.parametrize("value", NASTY)
def test_the_api_bears_any_query(value: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody is asked: that Docker Hub cannot be reached is no fault of ours.
    nothing = HubPage((), 1, 0, more=False)
    monkeypatch.setattr("fleet.selectors.hub_search.search_hub", lambda words, page: nothing)
    client = client_of(world.people["administrator"])
    found: list[str] = []
    for path, methods in api.get_openapi_schema()["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", []):
            if parameter["in"] == "query" and "{" not in path:
                found += wrong(client, path, f"{parameter['name']}={quote(value)}")
    assert not found


def test_cookies_that_no_database_takes_are_refused(db: None) -> None:
    for path in ("/", "/healthz", "/api/v1/hosts", "/nowhere/"):
        assert Client().get(path, HTTP_COOKIE=COOKIE).status_code == 400
