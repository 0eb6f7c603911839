"""The API's caller and a container on a fake engine, for events too."""

from __future__ import annotations

from tests.api.conftest import call_as, real, row

__all__ = ["call_as", "real", "row"]
