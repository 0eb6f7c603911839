"""Rows for the real registries of `tests/lab/registry.py`."""

from __future__ import annotations

from typing import Any

from fleet.models import Environment, Registry
from tests.lab.registry import RegistryServer
from tests.registry.conftest import make_registry


def row_of(server: RegistryServer, *environments: Environment, **fields: Any) -> Registry:
    """Make the row of a running registry, with the account that it wants."""
    fields = {
        "kind": "distribution", "url": server.url, "tls_ca": server.ca, "insecure": not server.ca,
        "username": server.username, "password": server.password, **fields,
    }  # fmt: skip
    return make_registry(fields.pop("name", "Real"), *environments, **fields)
