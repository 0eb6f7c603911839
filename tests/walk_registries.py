"""What the addresses of registries answer to everybody: a part of `tests/walk_table.py`."""

from __future__ import annotations

from tests.walk_routes import (
    API_ADMIN,
    API_ADMIN_ADDS,
    API_ALL,
    API_HOST_ADMIN,
    API_SEES,
    r,
)

REGISTRY = {"name": "new", "kind": "quay", "url": "127.0.0.1:9", "everywhere": True}

REGISTRIES_API = [
    r("api/v1/registries", get=API_ALL, post=API_ADMIN_ADDS, data=REGISTRY),
    r("api/v1/registries/test", post=API_ADMIN, data={"kind": "quay", "url": "127.0.0.1:9"}),
    r(
        "api/v1/registries/<int:registry_id>",
        get=API_SEES,
        patch=API_HOST_ADMIN,
        delete="401 404 403 403 204",
        pk="registry",
        data={"name": "other"},
    ),
    r("api/v1/registries/<int:registry_id>/test", post=API_HOST_ADMIN, pk="registry"),
]
