"""Versions, paths and log frames."""

from __future__ import annotations

import struct

import pytest

from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError, NotFound, Unsupported
from fleet.engine.protocol import FrameParser, VersionCache, container_path, negotiate
from fleet.engine.types import LogFrame


def frame(kind: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", kind, len(data)) + data


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


@pytest.mark.parametrize("size", [1, 3, 7, 8, 9, 1000])
def test_it_reads_frames_from_chunks_of_any_size(size: int) -> None:
    data = frame(1, b"one\n") + frame(2, b"") + frame(2, b"two\n") + frame(1, b"x" * 500)
    parser, found = FrameParser(), list[LogFrame]()
    for at in range(0, len(data), size):
        found += parser.feed(data[at : at + size])
    assert found == [
        LogFrame("stdout", b"one\n"),
        LogFrame("stderr", b""),
        LogFrame("stderr", b"two\n"),
        LogFrame("stdout", b"x" * 500),
    ]


@pytest.mark.parametrize("data", [b"hello world, no frames here", frame(1, b"")[:4] + b"\xff" * 4])
def test_it_refuses_what_are_no_frames(data: bytes) -> None:
    with pytest.raises(EngineError):
        FrameParser().feed(data)


def test_it_passes_on_the_engines_complaint() -> None:
    with pytest.raises(EngineError) as caught:
        FrameParser().feed(frame(3, b"log file is gone"))
    assert caught.value.raw == "log file is gone"
