"""What the routes of builds answer to each role; a part of tests/walk_table.py."""

from __future__ import annotations

from tests.walk_routes import (
    ADMIN,
    ADMIN_DOES,
    API_ADMIN,
    API_ADMIN_ADDS,
    API_ALL,
    API_HOST_ADMIN,
    API_SEES,
    BUILD,
    BUILD_FORM,
    HOST_ADMIN,
    HOST_ADMIN_DOES,
    SEES,
    SIGNED_IN,
    r,
)

SCHEDULE = {"cron": "30 3 * * *", "zone": "UTC"}
WEBHOOK = {"name": "pushes", "branches": "main"}
BUILD_PAGES = [
    r("builds/", get=SIGNED_IN),
    r("builds/cache/", get=ADMIN, post=ADMIN_DOES, data={"host": "{host}"}),
    r("builds/add/", get=ADMIN, post=ADMIN_DOES, data=BUILD_FORM),
    r("builds/lint/", post=ADMIN, data={"dockerfile_text": "FRO a"}),
    r("builds/<int:pk>/", get=SEES, pk="build"),
    r("builds/<int:pk>/edit/", get=HOST_ADMIN, post=HOST_ADMIN_DOES, pk="build", data=BUILD_FORM),
    r("builds/<int:pk>/run/", post=HOST_ADMIN_DOES, pk="build"),
    r("builds/<int:pk>/archive/", post=HOST_ADMIN_DOES, pk="build"),
    r("builds/<int:pk>/forget-key/", post=HOST_ADMIN_DOES, pk="build"),
    r(
        "builds/<int:pk>/remove/",
        get=HOST_ADMIN,
        post=HOST_ADMIN_DOES,
        pk="idle_build",
        data={"typed": "idle"},
    ),
    r("builds/<int:pk>/runs/<int:number>/", get=SEES, pk="build", number="=1"),
    # Its build has not ended: there is nothing to go on with, which is told on its page.
    r("builds/<int:pk>/runs/<int:number>/go-on/", post=HOST_ADMIN_DOES, pk="build", number="=1"),
    r("builds/<int:pk>/runs/<int:number>/log.txt", get=SEES, pk="build", number="=1"),
    r("builds/<int:pk>/run/other/", get=HOST_ADMIN, pk="build"),
    r("builds/times/", get=SIGNED_IN),
    r(
        "builds/<int:pk>/schedules/add/",
        get=HOST_ADMIN,
        post=HOST_ADMIN_DOES,
        pk="build",
        data=SCHEDULE,
    ),
    r(
        "builds/<int:pk>/schedules/<int:schedule>/edit/",
        get=HOST_ADMIN,
        post=HOST_ADMIN_DOES,
        pk="build",
        schedule="schedule",
        data=SCHEDULE,
    ),
    r(
        "builds/<int:pk>/schedules/<int:schedule>/remove/",
        post=HOST_ADMIN_DOES,
        pk="build",
        schedule="schedule",
    ),
    r(
        "builds/<int:pk>/webhooks/add/",
        get=HOST_ADMIN,
        post=HOST_ADMIN,  # the page with the secret
        pk="build",
        data=WEBHOOK,
    ),
    r("builds/<int:pk>/webhooks/<int:hook>/", get=SEES, pk="build", hook="webhook"),
    r(
        "builds/<int:pk>/webhooks/<int:hook>/edit/",
        get=HOST_ADMIN,
        post=HOST_ADMIN_DOES,
        pk="build",
        hook="webhook",
        data=WEBHOOK,
    ),
    r(
        "builds/<int:pk>/webhooks/<int:hook>/rotate/",
        get=HOST_ADMIN,
        post=HOST_ADMIN,
        pk="build",
        hook="webhook",
    ),
    r(
        "builds/<int:pk>/webhooks/<int:hook>/remove/",
        post=HOST_ADMIN_DOES,
        pk="build",
        hook="webhook",
    ),
]
BUILD_API = [
    r("api/v1/builds", get=API_ALL, post=API_ADMIN_ADDS, data=BUILD),
    r("api/v1/builds/lint", post=API_ADMIN, data={"dockerfile_text": "FRO a"}),
    r(
        "api/v1/builds/<int:build_id>",
        get=API_SEES,
        patch=API_HOST_ADMIN,
        delete="401 404 403 403 422",  # its run has not ended
        pk="build",
        data={"git_ref": "next"},
    ),
    r("api/v1/builds/<int:build_id>", delete="401 404 403 403 204", pk="idle_build"),
    r("api/v1/builds/cache/prune", post="401 422 403 403 202", data={"hosts": ["{host}"]}),
    r("api/v1/builds/<int:build_id>/run", post="401 404 403 403 202", pk="build"),
    r("api/v1/builds/<int:build_id>/archive", put="401 404 403 403 422", pk="build"),
    r("api/v1/builds/<int:build_id>/forget-key", post=API_HOST_ADMIN, pk="build"),
    r("api/v1/builds/<int:build_id>/runs", get=API_SEES, pk="build"),
    r(
        "api/v1/builds/<int:build_id>/runs/<int:number>",
        get=API_SEES,
        build_id="build",
        number="=1",
    ),
    r(
        "api/v1/builds/<int:build_id>/schedules",
        get=API_SEES,
        post="401 404 403 403 201",
        pk="build",
        data=SCHEDULE,
    ),
    r(
        "api/v1/builds/<int:build_id>/schedules/<int:schedule_id>",
        get=API_SEES,
        patch=API_HOST_ADMIN,
        delete="401 404 403 403 204",
        build_id="build",
        schedule_id="schedule",
        data=SCHEDULE,
    ),
    r(
        "api/v1/builds/<int:build_id>/webhooks",
        get=API_SEES,
        post="401 404 403 403 201",
        pk="build",
        data={**WEBHOOK, "kind": "gitea"},
    ),
    r(
        "api/v1/builds/<int:build_id>/webhooks/<int:webhook_id>",
        get=API_SEES,
        patch=API_HOST_ADMIN,
        delete="401 404 403 403 204",
        build_id="build",
        webhook_id="webhook",
        data=WEBHOOK,
    ),
    r(
        "api/v1/builds/<int:build_id>/webhooks/<int:webhook_id>/rotate",
        post=API_HOST_ADMIN,
        build_id="build",
        webhook_id="webhook",
    ),
    r(
        "api/v1/builds/<int:build_id>/webhooks/<int:webhook_id>/deliveries",
        get=API_SEES,
        build_id="build",
        webhook_id="webhook",
    ),
    r(
        "api/v1/builds/<int:build_id>/runs/<int:number>/go-on",
        post="401 404 403 403 422",  # its build has not ended
        build_id="build",
        number="=1",
    ),
]
BUILD_TOPICS = {
    "builds": ("", "none none rows rows rows"),
    "build": ("id={build}", "gone gone rows rows rows"),
    "build-webhook": ("id={build}&hook={webhook}", "gone gone rows rows rows"),
    "build-run": ("id={build}&n=1", "gone gone rows rows rows"),
}
