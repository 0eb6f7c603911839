"""Deleting an image in a real registry: what goes with it is said first, and it is gone then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.test import Client

from fleet.models import AuditEntry, AuditResult, Environment, Host, Registry, User
from fleet.registries.client import RegistryClient
from fleet.registries.types import TagPage
from fleet.selectors import registry_images
from tests.conftest import grant
from tests.httpd import Asked, Reply, serve
from tests.lab.registry import RegistryServer
from tests.registry.real import row_of

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}


def text(response: Any) -> str:
    return str(response.content.decode())


def tags_of(server: RegistryServer, name: str) -> list[str]:
    """Return the tags that a registry has, asked without any code of ours."""
    _status, _headers, body = server.call("GET", f"/v2/{name}/tags/list")
    return json.loads(body).get("tags") or []


@pytest.fixture
def shelf(open_registry_server: RegistryServer, staging: Environment) -> Registry:
    return row_of(open_registry_server, staging)


def test_tags_of_the_same_digest_are_named_and_go(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    for tag in ("1", "1.0"):
        made = open_registry_server.push("bin/app", tag)
    open_registry_server.push("bin/app", "2", files={"x": b"2"})
    page = f"/registries/{shelf.pk}/repositories/bin/app/"
    assert "/images/bin/app/1/" in text(browser.get(page, headers=PART))
    path = f"/registries/{shelf.pk}/delete/bin/app/1/"
    said = text(browser.get(path))
    assert "1 other tag stands for the same digest and goes, too." in said
    assert made.digest in said and 'name="tag" value="1.0"' in said and "id_typed" not in said
    assert "1" in tags_of(open_registry_server, "bin/app")
    answer = browser.post(path, {"digest": made.digest, "tag": ["1", "1.0"]}, follow=True)
    assert "was deleted." in text(answer) and answer.redirect_chain[-1][0] == page
    left = text(browser.get(page, headers=PART))
    assert "/images/bin/app/2/" in left and "/images/bin/app/1" not in left
    entry = AuditEntry.objects.get(action="registry.delete")
    assert entry.detail == {"image": "bin/app", "digest": made.digest, "tags": ["1", "1.0"]}


@pytest.mark.parametrize(("most", "whole"), [(3, True), (2, False)])
def test_more_tags_than_are_compared_are_told(
    browser: Client,
    shelf: Registry,
    open_registry_server: RegistryServer,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    whole: bool,
) -> None:
    monkeypatch.setattr(registry_images, "SAME", most)
    for tag in ("1", "2", "3"):
        open_registry_server.push(f"bin/many{most}", tag)
    said = text(browser.get(f"/registries/{shelf.pk}/delete/bin/many{most}/1/"))
    assert ("Not every tag could be compared" not in said) is whole
    # Of this one no other tag is known; there may be some among those that were not compared.
    open_registry_server.push(f"bin/many{most}", "0", files={"x": b"0"})
    alone = text(browser.get(f"/registries/{shelf.pk}/delete/bin/many{most}/0/"))
    assert "other tag" not in alone and 'name="only"' in alone


@pytest.mark.parametrize(("behind", "whole"), [((), True), (("4",), False)])
def test_an_empty_page_behind_a_full_one_is_no_more_tags(
    monkeypatch: pytest.MonkeyPatch, behind: tuple[str, ...], whole: bool
) -> None:
    monkeypatch.setattr(registry_images, "SAME", 3)
    pages = {"": TagPage(("1", "2", "3"), after="3"), "3": TagPage(behind)}
    client = Mock(spec=RegistryClient, tags=lambda _name, after="", count=0: pages[after])
    assert registry_images._first_tags(client, "app") == (("1", "2", "3"), whole)


def test_a_repository_without_tags_says_why_it_is_still_named(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    made = open_registry_server.push("bin/last", "only")
    browser.post(f"/registries/{shelf.pk}/delete/bin/last/only/", {"digest": made.digest})
    said = text(browser.get(f"/registries/{shelf.pk}/repositories/bin/last/", headers=PART))
    assert "No tags" in said and "stays named in the registry" in said
    listed = text(browser.get(f"/registries/{shelf.pk}/repositories/?q=bin/last", headers=PART))
    assert "bin/last" in listed


def test_a_careful_environment_wants_the_name_typed(
    browser: Client, production: Environment, open_registry_server: RegistryServer
) -> None:
    made = open_registry_server.push("bin/careful", "1")
    row = row_of(open_registry_server, production)
    path = f"/registries/{row.pk}/delete/bin/careful/1/"
    assert "Type bin/careful to confirm" in text(browser.get(path))
    answer = browser.post(path, {"digest": made.digest, "typed": "bin"})
    assert answer.status_code == 422 and "This is not the name" in text(answer)
    assert tags_of(open_registry_server, "bin/careful") == ["1"]
    everywhere = row_of(open_registry_server, name="Every", everywhere=True)
    assert "Type bin/careful" in text(
        browser.get(f"/registries/{everywhere.pk}/delete/bin/careful/1/")
    )
    browser.post(path, {"digest": made.digest, "typed": "bin/careful"})
    assert tags_of(open_registry_server, "bin/careful") == []


def test_a_registry_that_does_not_delete_says_so(
    browser: Client, locked_registry_server: RegistryServer, staging: Environment
) -> None:
    made = locked_registry_server.push("keep/app", "1")
    row = row_of(locked_registry_server, staging)
    answer = browser.post(f"/registries/{row.pk}/delete/keep/app/1/", {"digest": made.digest})
    assert answer.status_code == 409
    assert "This registry does not delete" in text(answer) and "delete.enabled" in text(answer)
    assert "Nothing was deleted." in text(answer)
    failed = AuditEntry.objects.get(action="registry.delete", result=AuditResult.FAILED)
    assert failed.detail["code"] == "delete_off"


def test_a_digest_that_is_none_deletes_nothing(browser: Client, shelf: Registry) -> None:
    answer = browser.post(f"/registries/{shelf.pk}/delete/bin/app/1/", {"digest": "../tags"})
    assert answer.status_code == 422 and "A digest looks like" in text(answer)
    assert not AuditEntry.objects.filter(action="registry.delete").exists()


def test_what_is_gone_already_is_told(browser: Client, shelf: Registry) -> None:
    said = text(browser.get(f"/registries/{shelf.pk}/delete/bin/nowhere/1/"))
    assert "has no such image" in said and 'name="digest"' not in said


def test_only_who_may_over_the_fleet_deletes(
    sign_in: Callable[[User], Client],
    make_user: Callable[..., User],
    shelf: Registry,
    host: Host,
    staging: Environment,
    open_registry_server: RegistryServer,
) -> None:
    open_registry_server.push("bin/rights", "1")
    local = make_user("stella", role="administrator", on=staging)
    client = sign_in(local)
    base = f"/registries/{shelf.pk}"
    assert client.get(f"{base}/delete/bin/rights/1/").status_code == 403
    for path in ("rows/bin/rights/?tag=1", "images/bin/rights/1/?now=1"):
        assert "/delete/" not in text(client.get(f"{base}/{path}"))
    grant(local, "administrator")
    assert "/delete/bin/rights/1/" in text(client.get(f"{base}/rows/bin/rights/?tag=1"))


def test_the_api_deletes_by_tag(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    for tag in ("x", "y"):
        made = open_registry_server.push("bin/api", tag)
    path = f"/api/v1/registries/{shelf.pk}"
    same = browser.get(f"{path}/repositories/tags?name=bin/api&digest={made.digest}")
    assert json.loads(same.content) == {"items": ["x", "y"], "next": "", "complete": True}
    assert browser.delete(f"{path}/manifest?name=bin/api&reference=x").status_code == 204
    gone = browser.get(f"{path}/manifest?name=bin/api&reference=y")
    assert gone.status_code == 404 and gone["Content-Type"] == "application/problem+json"
    assert browser.delete(f"{path}/manifest?name=bin/api&reference=x").status_code == 404


def test_a_registry_that_deletes_no_tag_alone_says_so(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    """Distribution 2 deletes digests alone."""
    for tag in ("1", "1.0"):
        made = open_registry_server.push("bin/tagged", tag)
    path = f"/registries/{shelf.pk}/delete/bin/tagged/1/"
    assert "Only the tag 1<" in text(browser.get(path))
    answer = browser.post(path, {"digest": made.digest, "only": "1"})
    assert answer.status_code == 409 and "does not delete a tag alone" in text(answer)
    api = f"/api/v1/registries/{shelf.pk}/manifest?name=bin/tagged&reference=1&only_tag=true"
    refused = browser.delete(api)
    assert (refused.status_code, refused.json()["code"]) == (409, "tag_delete_off")
    by_api = api.replace("reference=1", f"reference={made.digest}")
    assert browser.delete(by_api).status_code == 422
    assert sorted(tags_of(open_registry_server, "bin/tagged")) == ["1", "1.0"]
    by_digest = text(browser.get(f"/registries/{shelf.pk}/delete/bin/tagged/{made.digest}/"))
    assert 'name="only"' not in by_digest


def test_a_tag_that_was_pushed_again_meanwhile_stays(
    browser: Client, shelf: Registry, open_registry_server: RegistryServer
) -> None:
    for tag in ("1", "1.0"):
        made = open_registry_server.push("bin/moving", tag)
    path = f"/registries/{shelf.pk}/delete/bin/moving/1/"
    assert "1 other tag stands" in text(browser.get(path))
    newer = open_registry_server.push("bin/moving", "1.0", files={"x": b"2"})
    # Told as of now: what was answered before is not good enough for deleting.
    assert 'name="only"' not in text(browser.get(path))
    later = f"/registries/{shelf.pk}/delete/bin/moving/1.0/"
    answer = browser.post(later, {"digest": made.digest, "only": "1"})
    assert answer.status_code == 409 and "is another image by now" in text(answer)
    api = f"/api/v1/registries/{shelf.pk}/manifest?name=bin/moving&reference=1.0&only_tag=true"
    refused = browser.delete(f"{api}&digest={made.digest}")
    assert (refused.status_code, refused.json()["code"]) == (409, "tag_moved")
    # It would be deleted: only this registry cannot.
    assert browser.delete(f"{api}&digest={newer.digest}").json()["code"] == "tag_delete_off"


def test_a_tag_alone_goes_where_the_registry_can(browser: Client, staging: Environment) -> None:
    """As Distribution 3, zot and others do."""
    digest, tags = f"sha256:{'a' * 64}", ["1", "1.0", "latest"]

    def answer(asked: Asked) -> Reply:
        what = asked.path.rpartition("/")[2]
        if asked.method == "DELETE" and what in tags:
            tags.remove(what)
            return Reply(202)
        if what == "list":
            return Reply(200, json.dumps({"tags": tags}).encode())
        return Reply(200 if what in tags else 404, b"", {"Docker-Content-Digest": digest})

    with serve(answer) as server:
        row = row_of(RegistryServer(server.port, Path()), staging)
        path = f"/registries/{row.pk}/delete/app/latest/"
        assert "Only the tag latest<" in text(browser.get(path))
        said = browser.post(path, {"digest": digest, "only": "1"})
        assert said.status_code == 302 and tags == ["1", "1.0"]
        entry = AuditEntry.objects.get(action="registry.delete")
        assert entry.detail == {"image": "app", "tag": "latest", "digest": digest}
        api = f"/api/v1/registries/{row.pk}/manifest?name=app&reference=1&only_tag=true"
        assert browser.delete(api).status_code == 204 and tags == ["1.0"]
        assert browser.delete(api).status_code == 404
        # The last tag goes with its image: what nobody names is of no use.
        assert 'name="only"' not in text(browser.get(f"/registries/{row.pk}/delete/app/1.0/"))
