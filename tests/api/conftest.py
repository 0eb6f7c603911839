"""A caller of the API: a client with a bearer token."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from fleet.models import Role, User
from fleet.tokens import create_token


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
