"""Fixtures of the hosts' tests: an engine that answers, and input that makes a host."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.engine.fake import FakeEngine
from tests.hosts.certificates import Pair, make_pair


@pytest.fixture
def fake_engine() -> Iterator[FakeEngine]:
    """An engine on a Unix socket, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    with tempfile.TemporaryDirectory(prefix="qfake-", dir="/tmp") as folder:
        engine = FakeEngine(Path(folder) / "docker.sock", name="fake-1")
        asyncio.run_coroutine_threadsafe(engine.start(), loop).result(10)
        yield engine
        asyncio.run_coroutine_threadsafe(engine.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture(scope="session")
def pair() -> Pair:
    """A client certificate with its key."""
    return make_pair()


@pytest.fixture
def tls_data(pair: Pair) -> dict[str, object]:
    """What the API takes for a host by TLS."""
    return {
        "name": "prod-7",
        "url": "tcp://127.0.0.1:2376",
        "environment": "production",
        "tls_ca": pair.cert,
        "tls_cert": pair.cert,
        "tls_key": pair.key,
        "labels": {"rack": "b2"},
    }
