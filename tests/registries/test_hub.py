"""Searching Docker Hub, by a server that answers as the Hub does, and by others that do not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django import Settings

from fleet.registries.errors import RegistryError
from fleet.registries.hub import HubImage, search_hub
from tests.httpd import Reply, serve

JSON = {"Content-Type": "application/json"}
ROW: dict[str, Any] = {
    "repo_name": "nginx", "short_description": " Official build of Nginx. ", "star_count": 20_000,
    "pull_count": 12_000_000_000, "repo_owner": "", "is_automated": False, "is_official": True,
}  # fmt: skip


def reply(*rows: Any, **other: Any) -> Reply:
    data = {"count": 41, "next": None, "previous": "", "results": list(rows), **other}
    return Reply(200, json.dumps(data).encode(), JSON)


def test_it_finds_images(settings: Settings) -> None:
    other = {**ROW, "repo_name": "bitnami/redis", "is_official": False}
    with serve(lambda _: reply(ROW, other, next="https://hub/2")) as server:
        settings.HUB_URL = server.url
        found = search_hub("  web   server ", page=2, count=30)
    assert server.asked[0].path == "/v2/search/repositories/"
    assert server.asked[0].query == {
        "query": ["web server"], "page": ["2"], "page_size": ["30"],
    }  # fmt: skip
    assert found.images[0] == HubImage(
        "nginx", "Official build of Nginx.", 20_000, 12_000_000_000, True
    )
    assert found.images[1].name == "bitnami/redis"
    assert (found.page, found.total, found.more) == (2, 41, True)


def test_it_asks_only_for_something_and_within_bounds(settings: Settings) -> None:
    with serve(lambda _: reply()) as server:
        settings.HUB_URL = server.url
        assert search_hub("  ").images == ()
        assert server.asked == []
        assert not search_hub("x" * 5000, page=10**9, count=10**9).more
    assert len(server.asked[0].query["query"][0]) == 200
    assert (server.asked[0].query["page"], server.asked[0].query["page_size"]) == (["100"], ["100"])


def test_odd_rows_are_left_out(settings: Settings) -> None:
    rows: list[Any] = [
        None, 5, {}, {"repo_name": "UPPER"}, {"repo_name": "evil.example/app"},
        {"repo_name": "a:tag"}, {"repo_name": "library/redis", "star_count": "many"},
        {"repo_name": "ok", "short_description": "a\x00b", "is_official": "yes"},
    ]  # fmt: skip
    with serve(lambda _: reply(*rows, count="all")) as server:
        settings.HUB_URL = server.url
        found = search_hub("x")
    assert [image.name for image in found.images] == ["redis", "ok"]
    assert found.images[1] == HubImage("ok", "a\ufffdb", 0, 0, False)
    assert found.total == 0


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Reply(429, b"", {"Retry-After": "5"}), "rate_limited"),
        (Reply(500), "registry_error"),
        (Reply(200, b"<html>"), "bad_answer"),
        (Reply(200, b"x" * 2_000_000), "too_large"),
        (Reply(302, b"", {"Location": "http://10.0.0.1/"}), "address_refused"),
    ],
)
def test_a_hub_that_fails_is_told(settings: Settings, answer: Reply, code: str) -> None:
    with serve(lambda _: answer) as server:
        settings.HUB_URL = server.url
        with pytest.raises(RegistryError) as failed:
            search_hub("x")
    assert failed.value.code == code
    if code == "address_refused":
        assert "10.0.0.1" in str(failed.value)
