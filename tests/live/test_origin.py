"""Which pages may open a socket."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.live.origin import is_own_origin


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8000", "localhost:8000"),
        ("https://quay.example", "quay.example"),  # a proxy in front speaks TLS
        ("https://quay.example:443", "quay.example"),
        ("http://QUAY.example", "quay.example"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_it_lets_own_pages_in(origin: str, host: str) -> None:
    assert is_own_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("", ""),
        ("", "quay.example"),
        ("null", "quay.example"),
        ("http://", ""),
        ("http://quay.example", ""),
        ("http://evil.example", "quay.example"),
        ("http://quay.example.evil.example", "quay.example"),
        ("http://quay.example:81", "quay.example"),
        ("http://evil@quay.example:x", "quay.example"),
        ("file://quay.example", "quay.example"),
        ("http://[", "["),
    ],
)
def test_it_keeps_others_out(origin: str, host: str) -> None:
    assert not is_own_origin(origin, host)


def test_it_believes_trusted_origins(settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://proxy.example"]
    assert is_own_origin("https://proxy.example", "inside:8000")
    assert not is_own_origin("https://other.example", "inside:8000")
