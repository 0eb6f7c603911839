"""Searching Docker Hub from a page: results, nobody there, and who may."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from fleet.models import Environment, User
from tests.httpd import Asked, Reply, serve
from tests.registry.conftest import make_registry

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}
EVIL = "<b>bold</b>"


def text(response: Any) -> str:
    return str(response.content.decode())


def found(asked: Asked) -> Reply:
    """Answer as the Hub does."""
    page = int(asked.query["page"][0])
    rows = [
        {"repo_name": "nginx", "short_description": EVIL, "star_count": 7, "pull_count": 9,
         "is_official": True},
        {"repo_name": f"ann/page-{page}", "short_description": "", "star_count": 0},
    ]  # fmt: skip
    more = "https://hub/next" if page == 1 else None
    return Reply(200, json.dumps({"count": 4, "next": more, "results": rows}).encode())


def test_results_lead_to_pages_and_to_a_pull(
    browser: Client, staging: Environment, settings: Any
) -> None:
    with serve(found) as server:
        settings.HUB_URL = server.url
        at_once = text(browser.get("/registries/search/?q=web"))
        assert "Asking Docker Hub" in at_once and not server.asked
        said = text(browser.get("/registries/search/?q=web", headers=PART))
        assert "4 images found" in said and "official" in said and EVIL not in said
        assert "/images/pull/?reference=nginx" in said and "/repositories/" not in said
        assert "ann/page-2" in text(browser.get("/registries/search/?q=web&page=2", headers=PART))
        hub = make_registry("Hub", staging, kind="hub", url="https://docker.io")
        whole = text(browser.get("/registries/search/?q=web&now=1"))
        assert f"/registries/{hub.pk}/repositories/library/nginx/" in whole and "<html" in whole
        assert len(server.asked) == 2  # the same search is asked for once
        api = json.loads(browser.get("/api/v1/registries/search?q=web").content)
        assert api["count"] == 4 and api["items"][0]["name"] == "nginx" and api["more"]


def test_without_a_way_out_it_says_so(browser: Client, settings: Any) -> None:
    settings.HUB_URL = "http://127.0.0.1:9"
    said = text(browser.get("/registries/search/?q=web", headers=PART))
    assert "Docker Hub could not be reached." in said and "QUAYSIDE_HUB_URL" in said
    answer = browser.get("/api/v1/registries/search?q=web")
    assert answer.status_code == 502 and "could not be reached" in text(answer)


def test_nothing_is_asked_for_nothing(browser: Client, settings: Any) -> None:
    settings.HUB_URL = "http://127.0.0.1:9"
    said = text(browser.get("/registries/search/?q=%20&now=1"))
    assert "Find public images" in said and "could not" not in said


def test_who_sees_no_registry_searches_none(
    sign_in: Callable[[User], Client], stranger: User
) -> None:
    client = sign_in(stranger)
    assert client.get("/registries/search/?q=web").status_code == 403
    assert client.get("/api/v1/registries/search?q=web").status_code == 403
