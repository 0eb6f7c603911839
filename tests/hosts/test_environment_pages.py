"""Environments' pages through HTTP: forms, refusals, the hosts in the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from fleet.models import AuditEntry, Environment, Host, User

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


def text(response: Any) -> str:
    return str(response.content.decode())


def test_it_adds_changes_and_removes_an_environment(browser: Client) -> None:
    browser.post("/environments/add/", {"name": "edge", "careful": "on"})
    made = Environment.objects.get()
    assert (made.name, made.careful) == ("edge", True)
    browser.post(f"/environments/{made.pk}/edit/", {"name": "rim", "description": "Shops"})
    made.refresh_from_db()
    assert (made.name, made.description, made.careful) == ("rim", "Shops", False)
    browser.post(f"/environments/{made.pk}/remove/")
    assert not Environment.objects.exists()
    actions = AuditEntry.objects.order_by("number").values_list("action", flat=True)
    assert [a for a in actions if a.startswith("environment")] == [
        "environment.create", "environment.update", "environment.remove",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "form",
    [
        {"name": ""},
        {"name": "STAGING"},
        {"name": "<b>"},
        {"name": "x" * 3000},
        {"name": "ok", "description": "d" * 201},
    ],
)
def test_a_wrong_environment_is_told_at_its_field(
    browser: Client, staging: Environment, form: dict[str, str]
) -> None:
    response = browser.post("/environments/add/", form)
    assert response.status_code == 422 and "field-error" in text(response)
    assert Environment.objects.count() == 1


def test_it_names_the_hosts_in_the_way(browser: Client, host: Host) -> None:
    path = f"/environments/{host.environment_id}/remove/"
    assert "stage-1" in text(browser.get(path))
    response = browser.post(path)
    assert response.status_code == 422 and "stage-1" in text(response)
    assert Environment.objects.exists()


def test_only_administrators_change_environments(
    sign_in: SignIn, viewer: User, staging: Environment, production: Environment
) -> None:
    client = sign_in(viewer)
    said = text(client.get("/environments/"))
    assert "staging" in said and "production" not in said
    for verb in ("edit", "remove"):
        assert client.post(f"/environments/{staging.pk}/{verb}/").status_code == 403
        assert client.post(f"/environments/{production.pk}/{verb}/").status_code == 404
