"""Fixtures of the tests about people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from fleet.actor import Actor, actor_for
from fleet.models import AuditEntry, Environment, Grant, Role, Scope, User

NEW = "quite another phrase"
MakeUser = Callable[..., User]


@pytest.fixture(autouse=True)
def quick_hashes(settings: Any) -> None:
    """Hash passwords quickly; test_users looks at the real settings."""
    settings.PASSWORD_HASHERS = ["tests.people.hashers.QuickArgon2"]


@pytest.fixture
def client(administrator: User, sign_in: Callable[[User], Client]) -> Client:
    """Return an administrator's browser."""
    return sign_in(administrator)


@pytest.fixture
def manager(make_user: MakeUser, staging: Environment) -> Actor:
    """Manages people over the fleet, but may otherwise only view, and operate staging."""
    people = Role.objects.create(
        name="people", permissions=["people.manage", *role("viewer").permissions]
    )
    user = make_user("mara", role="operator", on=staging)
    Grant.objects.create(user=user, role=people, scope=Scope.FLEET)
    return actor_for(user)


def last() -> AuditEntry:
    """Return the newest audit entry."""
    return AuditEntry.objects.order_by("-number")[0]


def role(name: str) -> Role:
    """Return a role by name."""
    return Role.objects.get(name=name)
