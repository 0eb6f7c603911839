"""Health for load balancers, the state of Quayside for administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from fleet.models import Host, User

SignIn = Callable[[User], Client]


@pytest.mark.django_db
def test_it_is_well_without_signing_in() -> None:
    response = Client().get("/healthz")
    assert (response.status_code, response.json()["ok"]) == (200, True)


@pytest.mark.django_db
def test_it_says_which_part_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_a: Any, **_k: Any) -> None:
        raise OperationalError("password of nobody is wrong")

    monkeypatch.setattr(connection, "cursor", fail)
    response = Client().get("/healthz")
    assert response.status_code == 503
    assert response.json() == {"ok": False, "database": False, "redis": True}


def test_it_shows_every_part(administrator: User, host: Host, sign_in: SignIn) -> None:
    text = sign_in(administrator).get("/status/").content.decode()
    assert host.name in text
    assert "No watcher has told of itself" in text
    assert "SQLite" in text or "PostgreSQL" in text


def test_it_says_that_redis_is_away_not_that_processes_are(
    administrator: User, sign_in: SignIn, settings: Settings
) -> None:
    client = sign_in(administrator)
    settings.IN_MEMORY, settings.REDIS_URL = False, "unix:///nowhere/redis.sock"
    text = client.get("/status/").content.decode()
    assert "Not known while Redis is away" in text
    assert "so it is not known which of them are at work" in text
    assert "has told of itself" not in text


def test_it_is_for_administrators(operator: User, sign_in: SignIn) -> None:
    assert sign_in(operator).get("/status/").status_code == 403


def test_it_serves_the_api_docs_from_here(viewer: User, sign_in: SignIn) -> None:
    response = sign_in(viewer).get("/api/docs")
    text = response.content.decode()
    assert response.status_code == 200
    assert "/api/v1/openapi.json" in text
    assert "https://" not in text
    assert "unsafe-inline" not in response["Content-Security-Policy"]
