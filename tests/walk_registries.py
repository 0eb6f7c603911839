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
    SENT_ON,
    SIGNED_IN,
    r,
)

REGISTRY = {"name": "new", "kind": "quay", "url": "127.0.0.1:9", "everywhere": True}

# What a page's form sends; which kind it is stands in the address.
REGISTRY_FORM = {"name": "new", "serves": "every"}

IMAGE = {"name": "=team/app", "reference": "=1"}

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
    r("registries/search/", get=SIGNED_IN),
    r("registries/<int:pk>/open/", get=SENT_ON, pk="registry"),
    r("registries/<int:pk>/repositories/", get=SEES, pk="registry"),
    r("registries/<int:pk>/repositories/<path:name>/", get=SEES, pk="registry", name="=team/app"),
    r("registries/<int:pk>/rows/<path:name>/", get=SEES, pk="registry", name="=team/app"),
    r("registries/<int:pk>/images/<path:name>/<str:reference>/", get=SEES, pk="registry", **IMAGE),
    r("registries/<int:pk>/same/<path:name>/<str:reference>/", get=SEES, pk="registry", **IMAGE),
    r(
        "registries/<int:pk>/delete/<path:name>/<str:reference>/",
        get=HOST_ADMIN,
        post="302 404 403 403 502",  # nothing listens at its address
        pk="registry",
        data={"digest": f"sha256:{'0' * 64}"},
        **IMAGE,
    ),
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
    r("api/v1/registries/search", get="401 422 422 422 422"),  # of nothing
    r(
        "api/v1/registries/<int:registry_id>/repositories",
        get="401 404 502 502 502",  # nothing listens at its address
        pk="registry",
    ),
    # Of which repository is asked in the query.
    r(
        "api/v1/registries/<int:registry_id>/repositories/tags",
        get="401 404 422 422 422",
        pk="registry",
    ),
    r(
        "api/v1/registries/<int:registry_id>/manifest",
        get="401 404 422 422 422",
        delete="401 404 403 403 422",
        pk="registry",
    ),
]

REGISTRIES_TOPICS = {
    "registries": ("", "none none rows rows rows"),
    "registry": ("id={registry}", "gone gone rows rows rows"),
    "registry-overview": ("id={registry}", "gone gone none none none"),
}
