"""Advice beside the editor: who gets it, what it says, and how much it may cost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.builds import lint
from fleet.models import Environment, User
from fleet.selectors import build_advice as selector
from fleet.selectors.build_advice import build_advice
from fleet.selectors.places import Places
from tests.programs import program

HADOLINT = program("hadolint")
hadolint = pytest.mark.skipif(not HADOLINT, reason="There is no hadolint here.")
SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def fresh(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hadolint of the tests, nothing kept, nobody waiting."""
    settings.HADOLINT = HADOLINT
    selector.KEPT.clear()
    monkeypatch.setattr(selector, "PLACES", Places(threads=2, each=1, name="test-lint"))


def stand_in(folder: Path, settings: Any, script: str) -> None:
    place = folder / "hadolint"
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    settings.HADOLINT = str(place)


def posted(client: Client, text: str) -> str:
    answer = client.post("/builds/lint/", {"dockerfile_text": text})
    assert answer.status_code == 200
    return answer.content.decode()


@hadolint
def test_the_list_names_line_level_code_and_why(administrator: User, sign_in: SignIn) -> None:
    client = sign_in(administrator)
    html = posted(client, "FROM debian:latest\r\nRUN cd /x; echo $A\r\nCMD ['a']\r\n")
    assert 'data-line="1"' in html and 'data-line="2"' in html
    assert "https://github.com/hadolint/hadolint/wiki/DL3007" in html
    assert "https://www.shellcheck.net/wiki/SC2086" in html
    assert "qi-alert-triangle tone-warn" in html and "warnings" in html
    assert "No advice." in posted(client, "FROM scratch\nCOPY a /\n")
    assert "as you type" in posted(client, " \n")


@hadolint
def test_our_sentence_stands_for_what_hadolint_cannot_read(actor: Actor) -> None:
    (found,) = build_advice(actor, "FROM a:1\nFOO <b>\n").advice
    assert (found.line, found.code) == (2, "")
    assert "“FOO” is no instruction" in found.text
    (found,) = build_advice(actor, "FROM a:1\nCOPY --from\n").advice
    assert (found.line, found.code) == (2, "DL1000")  # hadolint's own, where we see nothing


def test_what_is_said_is_data(
    administrator: User, sign_in: SignIn, settings: Any, tmp_path: Path
) -> None:
    said = '[{"line": 1, "level": "info", "code": "<i>", "message": "<script>1</script>"}]'
    stand_in(tmp_path, settings, f"echo '{said}'")
    html = posted(sign_in(administrator), "FROM a\n<b>FOO</b> x\n")
    assert "<script>" not in html and "<b>" not in html and "&lt;script&gt;" in html


def test_without_hadolint_it_says_how_to_have_it(
    administrator: User, sign_in: SignIn, settings: Any
) -> None:
    settings.HADOLINT = "/nowhere/hadolint"
    html = posted(sign_in(administrator), "FRO a\n")
    assert "QUAYSIDE_HADOLINT" in html and "is no instruction" in html
    assert "No advice." not in posted(sign_in(administrator), "FROM a\n")


def test_one_that_fails_costs_only_its_advice(actor: Actor, settings: Any, tmp_path: Path) -> None:
    stand_in(tmp_path, settings, "exit 1")
    found = build_advice(actor, "FRO a\n")
    assert [one.line for one in found.advice] == [1]
    assert "did not answer" in found.note


def test_long_texts_are_not_looked_at(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "lint", lambda text: pytest.fail("it was asked"))
    found = build_advice(actor, "FROM a\n" * 10_000)
    assert found.advice == [] and "up to 64 KB" in found.note


def test_the_same_is_not_asked_again(actor: Actor, settings: Any, tmp_path: Path) -> None:
    stand_in(tmp_path, settings, f"echo . >> {tmp_path}/asked; echo '[]'")
    build_advice(actor, "FROM a\n")
    build_advice(actor, "FROM a\r\n")
    assert (tmp_path / "asked").read_text() == ".\n"


def test_one_person_has_one_place(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selector, "SECONDS", 0.2)
    inside, go = threading.Event(), threading.Event()

    def waits(text: str) -> list[Any]:
        inside.set()
        go.wait(20)
        return []

    monkeypatch.setattr(lint, "lint", waits)
    assert build_advice(actor, "FROM a\n").note  # began, and has not ended
    assert inside.is_set()
    inside.clear()
    assert build_advice(actor, "FROM b\n").note
    assert not inside.is_set()  # never began
    go.set()


def test_who_may_write_no_build_gets_none(operator: User, stranger: User, viewer: User) -> None:
    for user in (operator, stranger, viewer):
        with pytest.raises(Refused):
            build_advice(actor_for(user), "FROM a\n")


def test_who_may_write_one_somewhere_does(
    make_user: Callable[..., User], staging: Environment, settings: Any
) -> None:
    settings.HADOLINT = "/nowhere/hadolint"
    deployer = make_user("dora", role="deployer", on=staging)
    assert len(build_advice(actor_for(deployer), "FRO a\n").advice) == 1


@hadolint
def test_the_api_tells_the_same(administrator: User, sign_in: SignIn) -> None:
    client = sign_in(administrator)
    body = {"dockerfile_text": "FROM debian:latest\n"}
    path = "/api/v1/builds/lint"
    told = client.post(path, body, content_type="application/json").json()
    (one,) = told["advice"]
    assert (one["line"], one["level"], one["code"]) == (1, "warning", "DL3007")
    assert one["url"].endswith("DL3007") and told["note"] == ""
    assert client.post(
        path, '{"dockerfile_text": "FROM \\ud800\\u0000"}', content_type="application/json"
    ).status_code in (200, 422)
    body = {"dockerfile_text": "x" * 300_000}
    assert client.post(path, body, content_type="application/json").status_code == 422
