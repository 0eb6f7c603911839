"""Questions to registries that hang, lie or are away: an end in time, words, nobody else waits."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client

from fleet.models import Environment, Registry
from fleet.registries.client import RegistryClient
from fleet.selectors import registry_asking
from fleet.selectors.registry_asking import ask, ask_many
from tests.httpd import Asked, Reply, serve
from tests.lab.registry import RegistryServer
from tests.registry.conftest import make_registry
from tests.registry.real import row_of
from tests.waiting import eventually

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.fixture
def answering(staging: Environment) -> Iterator[Callable[[Callable[[Asked], Reply]], Registry]]:
    """answering(how) -> the row of a registry that answers so."""
    ends = []

    def make(how: Callable[[Asked], Reply]) -> Registry:
        manager = serve(how)
        ends.append(manager)
        url = manager.__enter__().url
        fields = {"kind": "distribution", "url": url, "insecure": True, "username": ""}
        return make_registry("Odd", staging, **fields, password="")

    yield make
    for manager in ends:
        manager.__exit__(None, None, None)


def names(client: RegistryClient) -> tuple[str, ...]:
    return client.repositories().names


def test_one_that_hangs_holds_nobody_else(
    answering: Callable[..., Registry],
    open_registry_server: RegistryServer,
    staging: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, came = threading.Event(), []

    def hang(asked: Asked) -> Reply:
        came.append(asked)
        gate.wait(30)
        return Reply(200, b'{"repositories": []}')

    slow, quick = answering(hang), row_of(open_registry_server, staging)
    monkeypatch.setattr(registry_asking, "SECONDS", 20.0)
    with ThreadPoolExecutor(24) as visitors:
        for _ in range(24):
            visitors.submit(ask, slow, "names", names, keep=False)
        eventually(lambda: len(came) == 4, "as many questions as one registry gets")
        assert ask(quick, "names", names).value is not None
        monkeypatch.setattr(registry_asking, "SECONDS", 0.1)
        said = ask(slow, "names", names)
        assert said.code == "busy" and "Odd is busy" in said.problem
        gate.set()


def test_silence_has_an_end_and_words(
    answering: Callable[..., Registry], browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def hang(asked: Asked) -> Reply:
        gate.wait(30)
        return Reply(200, b"{}")

    row = answering(hang)
    monkeypatch.setattr(registry_asking, "SECONDS", 0.2)
    base = f"/registries/{row.pk}"
    for path in ("repositories/", "repositories/a/", "images/a/1/", "same/a/1/"):
        said = text(browser.get(f"{base}/{path}", headers=PART))
        assert "Odd did not answer within" in said
    said = text(browser.get(f"{base}/rows/a/?tag=1&tag=2", headers=PART))
    assert said.count("Odd did not answer within") == 4  # in words, and on hover
    answer = browser.get(f"/api/v1/registries/{row.pk}/repositories")
    assert answer.status_code == 504 and "did not answer" in json.loads(answer.content)["detail"]
    gate.set()


def test_what_came_in_time_is_kept_of_many(
    answering: Callable[..., Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def how(asked: Asked) -> Reply:
        if asked.path.endswith("/slow"):
            gate.wait(30)
        return Reply(200, headers={"Docker-Content-Digest": f"sha256:{'a' * 64}"})

    row = answering(how)
    monkeypatch.setattr(registry_asking, "SECONDS", 1.0)
    found = ask_many(row, "head", ["1", "slow", "2"], lambda client, tag: client.head("a", tag))
    assert found["1"].value == found["2"].value == f"sha256:{'a' * 64}"
    assert found["slow"].code == "timeout" and list(found) == ["1", "slow", "2"]
    gate.set()


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(200, b"<html>"), "cannot be understood"),
        (Reply(200, b'{"repositories": 7, "tags": {"a": 1}}'), ""),
        (Reply(500, b"oops"), "a fault of its own"),
        (Reply(200, b"[" * 100_000), "cannot be understood"),
        (Reply(200, json.dumps({"repositories": ["../x", "", "A\x00", 5, "<b>"]}).encode()), ""),
        (Reply(429, b"", {"Retry-After": "120"}), "in 2 minutes"),
    ],
)
def test_nonsense_is_told_in_words(
    answering: Callable[..., Registry], browser: Client, reply: Reply, words: str
) -> None:
    row = answering(lambda asked: reply)
    base = f"/registries/{row.pk}"
    said = text(browser.get(f"{base}/repositories/", headers=PART))
    assert words in said and "<b>" not in said and "../x" not in said
    for path in ("repositories/a/", "rows/a/?tag=1", "images/a/1/", "same/a/1/", "delete/a/1/"):
        assert browser.get(f"{base}/{path}", headers=PART).status_code == 200
    api = browser.get(f"/api/v1/registries/{row.pk}/manifest?name=a&reference=1")
    assert api.status_code == (429 if reply.status == 429 else 502)
    assert api.get("Retry-After", "") == ("120" if reply.status == 429 else "")


def test_html_in_tags_and_kinds_is_data(
    answering: Callable[..., Registry], browser: Client
) -> None:
    evil = "<img src=x>"
    manifest = {
        "schemaVersion": 2, "artifactType": evil,
        "config": {"mediaType": evil, "digest": f"sha256:{'b' * 64}", "size": 1},
        "layers": [{"mediaType": evil, "digest": f"sha256:{'c' * 64}", "size": "x"}],
    }  # fmt: skip

    def how(asked: Asked) -> Reply:
        body = {"tags": [evil, "1", "../2"]} if "tags" in asked.path else manifest
        return Reply(200, json.dumps(body).encode())

    base = f"/registries/{answering(how).pk}"
    for path in ("repositories/a/", "rows/a/?tag=1", "images/a/1/"):
        said = text(browser.get(f"{base}/{path}", headers=PART))
        assert "<img" not in said and "../2" not in said
    assert "This is no image" in text(browser.get(f"{base}/images/a/1/", headers=PART))


def test_a_registry_without_a_list_is_opened_by_name(
    answering: Callable[..., Registry], browser: Client
) -> None:
    def how(asked: Asked) -> Reply:
        return Reply(200 if asked.path == "/v2/" else 404, b"{}")

    row = answering(how)
    said = text(browser.get(f"/registries/{row.pk}/repositories/", headers=PART))
    assert "does not list its repositories" in said
    api = browser.get(f"/api/v1/registries/{row.pk}/repositories")
    assert api.status_code == 409
    Registry.objects.update(kind="ghcr")
    page = text(browser.get(f"/registries/{row.pk}/"))
    assert "GitHub lists no repositories" in page and "Asking" not in page


def test_its_own_words_are_for_who_may_test_it(
    answering: Callable[..., Registry],
    browser: Client,
    sign_in: Callable[..., Client],
    viewer: Any,
    host: Any,
) -> None:
    row = answering(lambda asked: Reply(500, b"user robot$ci is unwell"))
    path = f"/registries/{row.pk}/repositories/"
    assert "robot$ci is unwell" in text(browser.get(path, headers=PART))
    assert "robot$ci" not in text(sign_in(viewer).get(path, headers=PART))
