"""What the routes of images answer to each role; a part of tests/walk_table.py."""

from __future__ import annotations

from tests.walk_routes import r

IMAGE_PAGES = [
    r(
        "images/pull/",
        get="302 403 403 403 200",
        post="302 403 403 403 302",
        data={"reference": "nginx:1.27", "host": "{host}"},
    ),
]
IMAGE_API = [
    r(
        "api/v1/images/pull",
        post="401 422 403 403 202",
        data={"reference": "nginx:1.27", "hosts": ["{host}"]},
    ),
]
