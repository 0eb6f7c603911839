"""A fake engine whose registry has an image, and a broker in memory."""

from __future__ import annotations

import pytest

from fleet.engine.fake import FakeEngine
from fleet.engine.fake_pulls import FakeLayer
from fleet.models import Environment, Host
from tests.conftest import make_host
from tests.jobs.conftest import broker

__all__ = ["broker"]

IMAGE = "registry.test/app:1"


@pytest.fixture
def host(fake: FakeEngine, staging: Environment) -> Host:
    """The fake engine's row."""
    fake.pulls.registry = {IMAGE: [FakeLayer(1000), FakeLayer(4000)]}
    return make_host("stage-1", staging, url=fake.url)
