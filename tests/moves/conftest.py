"""Two fake engines, the first with an image, and a folder of the test's own for kept tars."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client

from fleet.engine.fake import FakeEngine, fake_in_thread
from fleet.engine.fake_images import FakeImage
from fleet.models import Environment, Host, Image, User
from fleet.tokens import create_token
from tests.conftest import make_host, make_image
from tests.jobs.conftest import broker

__all__ = ["broker"]
NAMES = ["shop/web:1", "shop/web:stable"]


@pytest.fixture(autouse=True)
def tars(settings: LazySettings, tmp_path: Path) -> Path:
    """The folder of kept tars."""
    settings.IMAGE_TAR_DIR = tmp_path / "tars"
    return Path(settings.IMAGE_TAR_DIR)


@pytest.fixture
def client(administrator: User, sign_in: Callable[[User], Client]) -> Client:
    """An administrator's browser."""
    return sign_in(administrator)


@pytest.fixture
def host(fake: FakeEngine, staging: Environment) -> Host:
    """The fake engine's row."""
    return make_host("stage-1", staging, url=fake.url)


@pytest.fixture
def held(fake: FakeEngine) -> FakeImage:
    """An image with two names on the engine."""
    ident = f"sha256:{hashlib.sha256(b'web').hexdigest()}"
    layers = [("ADD a /", 400_000), ("RUN b", 700_000)]
    return fake.images.add(*NAMES, id=ident, layers=layers, size=1_100_000)


@pytest.fixture
def image(held: FakeImage, host: Host) -> Image:
    """Its row."""
    return make_image(host, held.id, tags=list(held.tags), size=held.size)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[FakeEngine]:
    """A second engine."""
    with fake_in_thread(tmp_path / "other.sock") as found:
        yield found


@pytest.fixture
def target(other: FakeEngine, production: Environment) -> Host:
    """The second engine's row."""
    return make_host("prod-1", production, url=other.url)


@pytest.fixture
def secret(administrator: User) -> str:
    """A token of the API."""
    return create_token(administrator, "test")[1]
