"""Versions and paths."""

from __future__ import annotations

import pytest

from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import NotFound, Unsupported
from fleet.engine.protocol import VersionCache, container_path, negotiate


@pytest.mark.parametrize(
    ("theirs", "lowest", "spoken"),
    [("1.41", "1.12", "1.41"), ("1.60", "1.44", "1.51"), ("1.47", "", "1.47")],
)
def test_it_speaks_the_newest_that_both_know(theirs: str, lowest: str, spoken: str) -> None:
    assert negotiate({"ApiVersion": theirs, "MinAPIVersion": lowest}) == spoken


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ({"ApiVersion": "1.40"}, "api_too_old"),
        ({"ApiVersion": "1.9"}, "api_too_old"),
        ({"ApiVersion": "1.99", "MinAPIVersion": "1.90"}, "api_too_new"),
        ({"ApiVersion": "new"}, "not_docker"),
        ({}, "not_docker"),
    ],
)
def test_it_refuses_versions(version: dict[str, str], code: str) -> None:
    with pytest.raises(Unsupported) as caught:
        negotiate(version)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "ref", ["", "..", "../x", "a/b", "a?b", "a b", "-a", "a\n", "é", "a" * 300]
)
def test_it_makes_no_path_of_a_bad_name(ref: str) -> None:
    with pytest.raises(NotFound):
        container_path(ref, "json")


def test_it_makes_paths() -> None:
    assert container_path("web-1_a.b", "json") == "/containers/web-1_a.b/json"
    assert container_path("abc", "") == "/containers/abc"


def test_it_forgets_a_version_when_told() -> None:
    cache, endpoint = VersionCache(), Endpoint("unix:///a")
    cache.put(endpoint, "1.44")
    assert cache.get(endpoint) == "1.44"
    cache.drop(endpoint)
    assert cache.get(endpoint) == ""
