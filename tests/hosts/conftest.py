"""Fixtures of the hosts' tests: a browser, and input that makes a host."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from fleet.models import User
from tests.hosts.certificates import Pair, make_pair


@pytest.fixture
def browser(sign_in: Callable[[User], Client], administrator: User) -> Client:
    """An administrator's browser."""
    return sign_in(administrator)


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
