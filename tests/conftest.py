"""Fixtures that every test may use: people with grants, hosts and containers as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.live.html import HtmlCache
from fleet.actor import Actor, actor_for
from fleet.engine.fake import FakeEngine, fake_in_thread
from fleet.models import Container, Environment, Grant, Host, HostState, Image, Role, Scope, User

pytest_plugins = (
    "tests.lab.fixtures",
    "tests.lab.registry",
    "tests.chromium",
    "tests.only_database",
)

PASSWORD = "correct horse battery"
# Argon2 is slow on purpose; every test user has this one hash of PASSWORD.
_hash: list[str] = []


def password_hash() -> str:
    """Return the hash of PASSWORD."""
    if not _hash:
        from django.contrib.auth.hashers import make_password

        _hash.append(make_password(PASSWORD))
    return _hash[0]


@pytest.fixture(autouse=True)
def nothing_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with nothing drawn: rows of two tests have the same ids and revisions."""
    monkeypatch.setattr("dashboard.live.html.CACHE", HtmlCache())


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeEngine]:
    """A fake engine on a Unix socket, in the background: for code that blocks."""
    with fake_in_thread(tmp_path / "fake.sock") as engine:
        yield engine


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """make_user("ann", role="viewer", on=host|environment|None) -> User with that grant."""

    def make(name: str, *, role: str = "", on: Any = None, superuser: bool = False) -> User:
        user = User.objects.create(
            username=name, password=password_hash(), is_superuser=superuser, is_staff=False
        )
        if role:
            grant(user, role, on)
        return user

    return make


def grant(user: User, role: str, on: Host | Environment | None = None) -> Grant:
    """Give a user a role on a host, an environment or (None) the fleet."""
    scope = Scope.HOST if isinstance(on, Host) else Scope.ENVIRONMENT if on else Scope.FLEET
    return Grant.objects.create(
        user=user,
        role=Role.objects.get(name=role),
        scope=scope,
        host=on if isinstance(on, Host) else None,
        environment=on if isinstance(on, Environment) else None,
    )


@pytest.fixture
def staging(db: None) -> Environment:
    """An environment."""
    return Environment.objects.create(name="staging")


@pytest.fixture
def production(db: None) -> Environment:
    """Another environment, a careful one."""
    return Environment.objects.create(name="production", careful=True)


@pytest.fixture
def host(staging: Environment) -> Host:
    """A reachable host in staging; nothing listens at its address."""
    return make_host("stage-1", staging)


@pytest.fixture
def other_host(production: Environment) -> Host:
    """A reachable host in production."""
    return make_host("prod-1", production)


def make_host(name: str, environment: Environment, **fields: Any) -> Host:
    """Make a host's row."""
    fields = {
        "url": f"unix:///nowhere/{name}.sock",
        "state": HostState.REACHABLE,
        "last_seen": timezone.now(),
        **fields,
    }
    return Host.objects.create(name=name, environment=environment, **fields)


def make_container(host: Host, name: str = "web-1", **fields: Any) -> Container:
    """Make a container's row, running unless told otherwise."""
    count = Container.objects.count()
    fields = {
        "engine_id": f"{count + 1:064x}",
        "image": "lab/busybox:1",
        "state": "running",
        "names": [name],
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "started_at": datetime(2026, 1, 2, tzinfo=UTC),
        "seen_at": timezone.now(),
        "search": f"{name} {fields.get('image', 'lab/busybox:1')} {host.name}".lower(),
        **fields,
    }
    return Container.objects.create(host=host, name=name, **fields)


def make_image(host: Host, engine_id: str = "", **fields: Any) -> Image:
    """Make an image's row, `shop/web:1` unless told otherwise."""
    tags = fields.get("tags", ["shop/web:1"])
    engine_id = engine_id or f"sha256:{Image.objects.count() + 1:064x}"
    fields = {
        "name": tags[0] if tags else "",
        "tags": tags,
        "dangling": not tags,
        "size": 1024**2,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "seen_at": timezone.now(),
        "search": f"{' '.join(tags)} {engine_id} {host.name}".lower(),
        **fields,
    }
    return Image.objects.create(host=host, engine_id=engine_id, **fields)


@pytest.fixture
def container(host: Host) -> Container:
    """A running container in staging."""
    return make_container(host)


@pytest.fixture
def administrator(make_user: Callable[..., User]) -> User:
    """May do everything."""
    return make_user("root", role="administrator")


@pytest.fixture
def operator(make_user: Callable[..., User], staging: Environment) -> User:
    """An operator of staging, a stranger to production."""
    return make_user("olga", role="operator", on=staging)


@pytest.fixture
def viewer(make_user: Callable[..., User], staging: Environment) -> User:
    """A viewer of staging."""
    return make_user("vera", role="viewer", on=staging)


@pytest.fixture
def stranger(make_user: Callable[..., User]) -> User:
    """Signed in, without a grant."""
    return make_user("sam")


@pytest.fixture
def actor(administrator: User) -> Actor:
    """An administrator's actor."""
    return actor_for(administrator, address="127.0.0.1")


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """sign_in(user) -> a client that is signed in."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make
