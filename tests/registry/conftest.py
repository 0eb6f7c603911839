"""A registry that is a row, and one that answers as a test wants it to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from fleet.models import Environment, Registry, User
from fleet.registries.target import RegistryTarget
from fleet.selectors.registry_asking import KEPT
from tests.hosts.certificates import Pair, make_pair

SECRET = "hunter2 and a token"


@dataclass
class Answers:
    """Stands for the registry: what it answers to a test, and what it was asked with."""

    ok: bool = True
    code: str = "ok"
    message: str = "The registry answers and takes the account."
    advice: str = ""
    details: tuple[str, ...] = ()
    raw: str = ""
    seconds: float = 0.0
    asked: list[RegistryTarget] = field(default_factory=list)
    meanwhile: Callable[[], object] | None = None

    def probe(self, target: RegistryTarget, timeout: float = 0) -> Answers:
        self.asked.append(target)
        if self.meanwhile:
            self.meanwhile()
        return self


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """Begin with nothing that was answered before: rows of two tests have the same ids."""
    KEPT.clear()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What every registry answers; nothing is connected to."""
    found = Answers()
    monkeypatch.setattr("fleet.registries.probe.probe", found.probe)
    return found


@pytest.fixture
def registry(staging: Environment) -> Registry:
    """A registry with an account that serves staging."""
    return make_registry("Harbor", staging)


def make_registry(name: str, *environments: Environment, **fields: Any) -> Registry:
    """Make a registry's row."""
    fields = {
        "kind": "harbor", "url": "https://harbor.example.org", "username": "robot$ci",
        "password": SECRET, **fields,
    }  # fmt: skip
    made = Registry.objects.create(name=name, **fields)
    made.environments.set(environments)
    return made


@pytest.fixture
def data() -> dict[str, Any]:
    """What the API takes for a registry."""
    return {
        "name": "Harbor 2", "kind": "harbor", "url": "https://harbor.example.org:8443",
        "username": "robot$ci", "password": SECRET,
    }  # fmt: skip


@pytest.fixture
def browser(sign_in: Callable[[User], Client], administrator: User) -> Client:
    """An administrator's browser."""
    return sign_in(administrator)


@pytest.fixture(scope="session")
def pair() -> Pair:
    """A certificate with its key."""
    return make_pair("our registries")
