"""What the addresses of registries answer to everybody: a part of `tests/walk_table.py`."""

from __future__ import annotations

from tests.walk_routes import (
    ADMIN,
    ADMIN_DOES,
    API_ADMIN,
    API_ADMIN_ADDS,
    API_ALL,
    API_HOST_ADMIN,
    API_SEES,
    HOST_ADMIN,
    HOST_ADMIN_DOES,
    SEES,
    SIGNED_IN,
    r,
)

REGISTRY = {"name": "new", "kind": "quay", "url": "127.0.0.1:9", "everywhere": True}

# What a page's form sends; which kind it is stands in the address.
REGISTRY_FORM = {"name": "new", "serves": "every"}

REGISTRIES_PAGES = [
    r("registries/", get=SIGNED_IN),
    r("registries/add/", get=ADMIN, post=ADMIN_DOES, data=REGISTRY_FORM),
    r("registries/test/", post=ADMIN, data={"username": "ann"}),
    r("registries/<int:pk>/", get=SEES, pk="registry"),
    r(
        "registries/<int:pk>/edit/",
        get=HOST_ADMIN,
        post=HOST_ADMIN_DOES,
        pk="registry",
        data={"name": "other", "url": "127.0.0.1:9", "username": "ann", "serves": "every"},
    ),
    r("registries/<int:pk>/edit/test/", post=HOST_ADMIN, pk="registry", data={"url": "x y"}),
    r("registries/<int:pk>/test/", post=HOST_ADMIN, pk="registry"),
    r("registries/<int:pk>/remove/", get=HOST_ADMIN, post=HOST_ADMIN_DOES, pk="registry"),
]
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

REGISTRIES_TOPICS = {
    "registries": ("", "none none rows rows rows"),
    "registry": ("id={registry}", "gone gone rows rows rows"),
}
