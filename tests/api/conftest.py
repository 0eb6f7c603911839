"""A caller of the API (a client with a bearer token), and a container on a fake engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.fake_state import FakeContainer
from fleet.models import Container, Environment, Role, User
from fleet.tokens import create_token
from tests.conftest import make_container, make_host

SECRET = "hunter2-and-more"


class Caller:
    """Calls with a bearer token; `call("GET", "/hosts")` returns (status, body)."""

    def __init__(self, secret: str) -> None:
        self.client = Client(raise_request_exception=False)
        self.secret = secret

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        response = self.client.generic(
            method,
            f"/api/v1{path}",
            data=json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.secret}"},
        )
        content = response.content.decode()
        return response.status_code, json.loads(content) if content else None


@pytest.fixture
def call_as() -> Callable[..., Caller]:
    """call_as(user, role=…) -> a caller with a new token of the user."""

    def make(user: User, role: str = "") -> Caller:
        narrowed = Role.objects.get(name=role) if role else None
        return Caller(create_token(user, "test", None, narrowed)[1])

    return make


@pytest.fixture
def real(fake: FakeEngine) -> FakeContainer:
    """A running container with secrets, on the fake engine."""
    command, env = ("serve", f"--password={SECRET}"), [f"DB_PASSWORD={SECRET}", "PATH=/bin"]
    made: FakeContainer = in_fake(
        fake, lambda: fake.state.add("web-1", "shop/web:1", command=command, env=env)
    )
    return made


@pytest.fixture
def row(fake: FakeEngine, real: FakeContainer, staging: Environment) -> Container:
    """The container as a row, on a host in staging."""
    host = make_host("fake-1", staging, url=fake.url)
    return make_container(host, "web-1", engine_id=real.id)
