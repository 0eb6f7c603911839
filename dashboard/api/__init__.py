"""The REST API under /api/v1/: the same operations and the same access as the pages."""

from __future__ import annotations

from ninja import NinjaAPI

api = NinjaAPI(title="Quayside", version="1", docs_url=None)
