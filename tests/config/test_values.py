"""What single settings must look like; what is wrong is named and never used."""

from __future__ import annotations

import pytest
from channels_redis.utils import create_pool

from config import values

NAME = "QUAYSIDE_X"


@pytest.fixture(autouse=True)
def problems(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(values, "problems", found)
    return found


@pytest.mark.parametrize("zone", ["Mars/Base", "Europe", "../../etc/passwd", "/etc/passwd", "1"])
def test_it_names_a_time_zone_that_is_none(
    monkeypatch: pytest.MonkeyPatch, problems: list[str], zone: str
) -> None:
    monkeypatch.setenv(NAME, zone)
    assert values.time_zone(NAME, "UTC") == "UTC"
    assert NAME in problems[0]


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("30", 30), ("", 10), ("2", 10)])
def test_it_takes_seconds_or_never(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: int
) -> None:
    monkeypatch.setattr("config.env.problems", [])
    monkeypatch.setenv(NAME, text)
    assert values.seconds_or_never(NAME, 10, low=5, high=300) == seconds


@pytest.mark.parametrize("code", ["xx", "e", "english", "en_GB", "../en"])
def test_it_names_a_language_that_it_does_not_speak(
    monkeypatch: pytest.MonkeyPatch, problems: list[str], code: str
) -> None:
    monkeypatch.setenv(NAME, code)
    assert values.language(NAME, "en", ["en"]) == "en"
    assert problems == ["QUAYSIDE_X must be one of the languages there are: en."]


def test_it_takes_a_time_zone_and_a_region(
    monkeypatch: pytest.MonkeyPatch, problems: list[str]
) -> None:
    monkeypatch.setenv(NAME, "Europe/Berlin")
    assert values.time_zone(NAME, "UTC") == "Europe/Berlin"
    monkeypatch.setenv(NAME, "en-GB")
    assert values.language(NAME, "en", ["en"]) == "en-gb"
    assert problems == []


@pytest.mark.parametrize(
    "hosts", ["http://x", "x:8000", "x/", "::1", "*.example.org", "ok.org, no no"]
)
def test_it_names_hosts_that_no_header_holds(
    monkeypatch: pytest.MonkeyPatch, problems: list[str], hosts: str
) -> None:
    monkeypatch.setenv(NAME, hosts)
    assert values.host_names(NAME, ["localhost"]) == ["localhost"]
    assert NAME in problems[0]


def test_it_takes_hosts(monkeypatch: pytest.MonkeyPatch, problems: list[str]) -> None:
    monkeypatch.setenv(NAME, "*, .example.org, quay_1.local, 10.0.0.1, [::1]")
    assert len(values.host_names(NAME, [])) == 5
    assert problems == []


def test_it_names_a_relative_path(monkeypatch: pytest.MonkeyPatch, problems: list[str]) -> None:
    monkeypatch.setenv(NAME, "docker.sock")
    assert values.absolute_path(NAME, "/run/docker.sock") == "/run/docker.sock"
    assert problems == ["QUAYSIDE_X must be an absolute path such as /run/docker.sock."]


@pytest.mark.parametrize("text", ["short", "x" * 31])
def test_it_refuses_a_key_that_can_be_guessed(problems: list[str], text: str) -> None:
    values.secret_key(NAME, text)
    assert problems == ["QUAYSIDE_X must have at least 32 letters, made at random."]


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@127.0.0.1:notaport/0",
        "redis://:hunter2@127.0.0.1:99999/0",
        "redis://:hunter2@[::1",
        "redis://:hunter2@host/first",
        "http://:hunter2@host",
        "unix://hunter2",
        "memory://hunter2",
        "hunter2",
    ],
)
def test_it_names_a_redis_that_is_none_and_never_tells_the_password(
    problems: list[str], url: str
) -> None:
    assert values.redis_url(NAME, url) == "redis://127.0.0.1:6379/0"
    assert NAME in problems[0]
    assert "hunter2" not in problems[0]


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "redis://:p%40ss@host:6379/1",
        "rediss://[::1]:6380",
        "unix:///run/r.sock?db=1",
        "unix://:secret@/run/r.sock",
        "memory://",
    ],
)
def test_it_takes_any_redis(problems: list[str], url: str) -> None:
    assert values.redis_url(NAME, url) == url
    assert problems == []


def test_it_takes_networks_and_names(monkeypatch: pytest.MonkeyPatch, problems: list[str]) -> None:
    monkeypatch.setenv(NAME, "10.0.0.0/8, 127.0.0.1, fd00::/8, git.example.org, .corp, localhost")
    assert len(values.networks_and_names(NAME)) == 6
    assert problems == []


@pytest.mark.parametrize(
    "entry", ["10.0.0.1/8", "10.0.0.0/33", "10.0.0", "*", "http://x", "x:80", "[::1]", "a b"]
)
def test_it_names_what_is_no_network(
    monkeypatch: pytest.MonkeyPatch, problems: list[str], entry: str
) -> None:
    monkeypatch.setenv(NAME, f"{entry}, ok.org")
    assert values.networks_and_names(NAME) == ["ok.org"]
    assert NAME in problems[0]
    assert entry in problems[0]


@pytest.mark.parametrize("url", ["hub", "ftp://hub", "https://", "https://u:p@hub", "http://h:x"])
def test_it_names_what_is_no_web_address(
    monkeypatch: pytest.MonkeyPatch, problems: list[str], url: str
) -> None:
    monkeypatch.setenv(NAME, url)
    assert values.web_address(NAME, "https://x.org") == "https://x.org"
    assert problems == ["QUAYSIDE_X must look like https://x.org."]


def test_it_takes_a_web_address(monkeypatch: pytest.MonkeyPatch, problems: list[str]) -> None:
    monkeypatch.setenv(NAME, "http://mirror:8080/")
    assert values.web_address(NAME, "https://x.org") == "http://mirror:8080"
    assert problems == []


@pytest.mark.parametrize(
    "url",
    ["redis://:hush@redis.example:6379/1", "rediss://redis.example", "unix:///run/redis.sock"],
)
def test_the_channel_layer_notices_a_redis_that_is_gone_without_a_word(url: str) -> None:
    connection = create_pool(values.channel_host(url)).make_connection()  # takes all of it
    assert connection.health_check_interval == 10
    assert connection.socket_timeout and connection.socket_connect_timeout
    assert url.startswith("unix") or connection.socket_keepalive
