"""Fixtures of the tests about people."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def quick_hashes(settings: Any) -> None:
    """Hash passwords quickly; test_operations looks at the real settings."""
    settings.PASSWORD_HASHERS = ["tests.people.hashers.QuickArgon2"]
