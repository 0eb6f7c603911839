"""Fixtures of real services: a private Redis for tests of several processes.

Use it by importing the fixture into a test module or its conftest.py:
`from tests.services import redis_server`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.services import ServiceError, redis


@pytest.fixture
def redis_server() -> Iterator[str]:
    """A Redis of this test alone, on a Unix socket in a private folder; yields its URL.

    Skips with the reason where no redis-server is installed.
    """
    # A short path: a socket's path may have 107 letters, and pytest's folders are long.
    with tempfile.TemporaryDirectory(prefix="quayside-redis-") as folder:
        try:
            with redis(Path(folder) / "redis") as url:
                yield url
        except ServiceError as error:
            pytest.skip(str(error))
