"""A build of team/app with a webhook, and a deployer who owns it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from fleet.actor import Actor, actor_for
from fleet.models import Build, Host, User, Webhook
from fleet.operations.webhooks import webhook_create

Deliver = Callable[..., Any]


@pytest.fixture(autouse=True)
def unlimited(db: None) -> None:
    """Begin with nothing counted."""
    cache.clear()


@pytest.fixture
def dora(make_user: Callable[..., User], host: Host) -> User:
    """A deployer of the host's environment."""
    return make_user("dora", role="deployer", on=host.environment)


@pytest.fixture
def deployer(dora: User) -> Actor:
    """What she may."""
    return actor_for(dora)


@pytest.fixture
def build(host: Host) -> Build:
    """A build from Git."""
    return Build.objects.create(
        name="app", host=host, source="git", git_url="https://git.test/team/app.git",
        git_ref="main",
    )  # fmt: skip


@pytest.fixture
def hook(deployer: Actor, build: Build) -> Callable[..., tuple[Webhook, str]]:
    """hook("github", branches="main") -> (webhook, secret)."""

    def make(kind: str = "github", **data: Any) -> tuple[Webhook, str]:
        given = {"name": kind, "kind": kind, "branches": "main, release/*", **data}
        return webhook_create(actor=deployer, build_id=build.pk, data=given)

    return make


@pytest.fixture
def deliver() -> Deliver:
    """deliver(webhook, body, headers) -> the answer."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=True)

    def send(webhook: Webhook | str, body: bytes, headers: dict[str, str], **more: Any) -> Any:
        public_id = webhook if isinstance(webhook, str) else webhook.public_id
        kind = more.pop("content_type", "application/json")
        return client.post(f"/hooks/{public_id}/", body, kind, headers=headers, **more)

    return send
