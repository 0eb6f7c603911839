"""What the routes of images answer to each role; a part of tests/walk_table.py."""

from __future__ import annotations

from tests.walk_routes import API_ALL, API_SEES, API_UNANSWERED, SEES, SIGNED_IN, UNANSWERED, r

# Who may pull there is told to wait a minute: the walk's rows were asked for just now.
WAITS = "401 404 403 403 422"
NO_TRIVY = "401 404 403 422 422"
IMAGE_PAGES = [
    r("images/", get=SIGNED_IN),
    r("images/compare/", get=SIGNED_IN),
    r("images/<int:pk>/", get=SEES, pk="image"),
    r("images/<int:pk>/config/", get=SEES, pk="image"),
    r("images/<int:pk>/layers/", get=SEES, pk="image"),
    r("images/<int:pk>/inspect/", get=SEES, pk="image"),
    r("images/<int:pk>/inspect.json", get=UNANSWERED, pk="image"),
    r("images/<int:pk>/scan/", get=SEES, post="302 404 403 302 302", pk="image"),
    r("images/<int:pk>/sbom.json", get=SEES, pk="image"),
    r("scans/", get=SIGNED_IN),
    r("scans/missing/", post="302 302 403 302 302"),
    r("images/<int:pk>/check/", post="302 404 403 403 302", pk="image"),
    r("containers/<int:pk>/image-check/", post="302 404 403 403 302", pk="container"),
    r(
        "images/prune/",
        get="302 403 403 403 200",
        post="302 403 403 403 302",
        data={"which": "unused", "host": "{host}", "confirmed": "1"},
    ),
    r("images/load/", get="302 403 403 403 200", post="302 403 403 403 400"),
    r(
        "images/<int:pk>/copy/",
        get="302 404 403 403 200",
        post="302 404 403 403 400",  # there is no other host
        pk="image",
    ),
    r("images/save/", get="302 403 403 403 200"),
    # Nothing is asked for; with an image it is as for one.
    r("images/tar/", get="302 422 422 422 422"),
    r("images/<int:pk>/tar/", get="302 404 403 403 503", pk="image"),
    r(
        "images/pull/",
        get="302 403 403 403 200",
        post="302 403 403 403 302",
        data={"reference": "nginx:1.27", "host": "{host}"},
    ),
    r(
        "images/<int:pk>/<slug:slug>/",
        get="302 404 403 403 200",
        post="302 404 403 403 200",
        pk="image",
        slug="=remove",
    ),
    r(
        "images/<int:pk>/<slug:slug>/",
        get="302 404 403 403 200",
        post="302 404 403 403 302",
        pk="image",
        slug="=tag",
        data={"reference": "shop/web:2", "confirmed": "1"},
    ),
]
IMAGE_API = [
    r("api/v1/images", get=API_ALL),
    r("api/v1/images/compare", get="401 422 422 422 422"),
    r("api/v1/images/<int:image_id>", get=API_SEES, pk="image"),
    r("api/v1/images/<int:image_id>/history", get=API_UNANSWERED, pk="image"),
    r("api/v1/images/<int:image_id>/inspect", get=API_UNANSWERED, pk="image"),
    # There is no Trivy in the walk.
    r("api/v1/images/<int:image_id>/scan", get=API_SEES, post=NO_TRIVY, pk="image"),
    r("api/v1/images/<int:image_id>/sbom", get=API_SEES, pk="image"),
    r("api/v1/scans", get=API_ALL, post="401 422 403 422 422", data={"hosts": ["{host}"]}),
    r("api/v1/updates", get="401 200 200 200 200"),
    r("api/v1/images/<int:image_id>/check", post=WAITS, pk="image"),
    r("api/v1/containers/<int:container_id>/image-check", post=WAITS, pk="container"),
    r("api/v1/images/prune/preview", post="401 422 403 403 200", data={"hosts": ["{host}"]}),
    r("api/v1/images/prune", post="401 422 403 403 202", data={"hosts": ["{host}"]}),
    r(
        "api/v1/images/pull",
        post="401 422 403 403 202",
        data={"reference": "nginx:1.27", "hosts": ["{host}"]},
    ),
    r("api/v1/images/tar", get="401 422 422 422 422"),
    r("api/v1/images/load", put="401 403 403 403 422"),
    r("api/v1/images/<int:image_id>/tar", get="401 404 403 403 503", pk="image"),
    r(
        "api/v1/images/<int:image_id>/copy",
        post="401 404 403 403 422",  # it comes from there
        pk="image",
        data={"hosts": ["{host}"]},
    ),
    *(
        r(
            f"api/v1/images/<int:image_id>/{slug}",
            post="401 404 403 403 202",
            pk="image",
            data=data,
        )
        for slug, data in (
            ("push", {"reference": "shop/web:1"}),
            ("tag", {"reference": "shop/web:2"}),
            ("remove", {}),
        )
    ),
]
IMAGE_TOPICS = {
    "images": ("", "none none rows rows rows"),
    "image": ("id={image}", "gone gone none none none"),
    "image-scan": ("id={image}", "gone gone none none none"),
    "scans": ("", "none none none none none"),
    "image-overview": ("id={image}", "gone gone rows rows rows"),
}
