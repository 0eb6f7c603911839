"""What every address answers to everybody: `tests/test_walk.py` walks it.

To add a route, add a line (or two, for different objects) to PAGES, PEOPLE or API: the route as
the URLconf spells it, then the five expected statuses for each method that it takes, in the
order of ROLES. Everything is asked with real objects: `pk`, or the route's parameter by its
name, says which: an attribute of `World` (`pk="host"` is that host's id) or a literal
(`slug="=restart"`). `data` is sent with changes: to the API as JSON, to pages as a form;
`{host}` in it is the id of that object.

To add a live topic, add a line to TOPICS: its arguments, and for each role whether it sees
the host's objects (`rows`), an empty picture (`none`) or that there is no such thing (`gone`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Nobody; an operator of another environment; a viewer, an operator and an administrator here.
ROLES = ("anonymous", "elsewhere", "viewer", "operator", "administrator")
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Route:
    """One route and what it answers."""

    route: str
    get: str = ""
    post: str = ""
    put: str = ""
    patch: str = ""
    delete: str = ""
    fill: dict[str, str] = field(default_factory=dict)
    data: Any = None

    @property
    def methods(self) -> dict[str, list[int]]:
        """The expected statuses by method, in the order of ROLES."""
        texts = {name: getattr(self, name) for name in METHODS}
        return {name: [int(code) for code in text.split()] for name, text in texts.items() if text}


def r(route: str, *, pk: str = "", data: Any = None, **more: str) -> Route:
    """Return a Route; `pk` fills the only id, other names that are no methods fill others."""
    statuses = {name: more.pop(name) for name in METHODS if name in more}
    fill = dict(more)
    if pk:
        start = route.index("<int:") + 5
        fill[route[start : route.index(">", start)]] = pk
    return Route(route=route, fill=fill, data=data, **statuses)


# Statuses that many routes share: nobody, elsewhere, viewer, operator, administrator.
SIGNED_IN = "302 200 200 200 200"
OWN = "302 302 302 302 302"
ADMIN = "302 403 403 403 200"
ADMIN_DOES = "302 403 403 403 302"
SEES = "302 404 200 200 200"
SENT_ON = "302 404 302 302 302"  # to the list, unless a script asks
HOST_ADMIN = "302 404 403 403 200"
HOST_ADMIN_DOES = "302 404 403 403 302"
UNANSWERED = "302 404 503 503 503"  # nothing listens at the host's address
OPERATES = "302 404 403 302 302"
API_ALL = "401 200 200 200 200"
API_ADMIN = "401 403 403 403 200"
API_ADMIN_ADDS = "401 403 403 403 201"
API_ADMIN_REMOVES = "401 403 403 403 204"
API_SEES = "401 404 200 200 200"
API_UNANSWERED = "401 404 503 503 503"  # nothing listens at the host's address
API_OPERATES = "401 404 403 202 202"
API_HOST_ADMIN = "401 404 403 403 200"
PUBLIC = "200 200 200 200 200"
NOWHERE = "404 404 404 404 404"

PASSWORD_FORM = {"old_password": "wrong", "password": "x", "password_again": "x"}
HOST_FORM = {"name": "new", "url": "127.0.0.1:9", "environment": "staging", "insecure": "on"}
FILTER = {"name": "Failed here", "query": "state=failed"}
ROLE = {"name": "watcher", "permissions": ["container.view"]}

PAGES = [
    r("healthz", get=PUBLIC),
    r("metrics", get="401 403 403 403 200"),
    r("api/docs", get=PUBLIC),
    r("status/", get=ADMIN),
    r("", get=SIGNED_IN),
    r("usage/", get=SIGNED_IN),
    r("usage/recent/", get=SIGNED_IN),
    r("containers/", get=SIGNED_IN),
    r("containers/stacks/", get=SIGNED_IN),
    r("logs/", get=SIGNED_IN),
    r("containers/<int:pk>/", get=SEES, pk="container"),
    r("containers/<int:pk>/usage/", get=SEES, pk="container"),
    r("containers/<int:pk>/health/", get=SEES, pk="container"),
    r("containers/<int:pk>/logs/", get=SEES, pk="container"),
    r("containers/<int:pk>/logs.txt", get=SEES, pk="container"),
    r("containers/<int:pk>/terminal/", get="302 404 403 200 200", pk="container"),
    r("containers/<int:pk>/environment/", get=SEES, pk="container"),
    r("containers/<int:pk>/environment/reveal/", post="302 404 403 200 200", pk="container"),
    r("containers/<int:pk>/processes/", get=SEES, pk="container"),
    r("containers/<int:pk>/changes/", get=SEES, pk="container"),
    r("containers/<int:pk>/inspect/", get=SEES, pk="container"),
    r("containers/<int:pk>/inspect.json", get=UNANSWERED, pk="container"),
    r("containers/<int:pk>/events/", get=SEES, pk="container"),
    r("containers/<int:pk>/death/", get=SEES, pk="container"),
    r("containers/<int:pk>/jobs/", get=SEES, pk="container"),
    r("containers/<int:pk>/siblings/", get=SENT_ON, pk="container"),
    r(
        "containers/bulk/",
        post="302 302 403 200 200",
        data={"operation": "container.restart", "ids": "{container}"},
    ),
    r(
        "containers/<int:pk>/<slug:slug>/",
        get="302 404 403 200 200",
        post=OPERATES,
        pk="container",
        slug="=restart",
    ),
    r("saved-filters/", get=SIGNED_IN),
    r("saved-filters/add/", get=SIGNED_IN, post=OWN, data=FILTER),
    r(
        "saved-filters/<int:pk>/",
        get="302 403 200 403 403",
        post="302 403 302 403 403",
        pk="shared_filter",
        data=FILTER,
    ),
    r(
        "saved-filters/<int:pk>/",
        get="302 404 200 404 404",
        post="302 404 302 404 404",
        pk="own_filter",
        data=FILTER,
    ),
    r(
        "saved-filters/<int:pk>/remove/",
        get="302 403 200 403 200",
        post="302 403 302 403 302",
        pk="shared_filter",
    ),
    r(
        "saved-filters/<int:pk>/remove/",
        get="302 404 200 404 404",
        post="302 404 302 404 404",
        pk="own_filter",
    ),
    r("preferences/", post=OWN, data={"density": "compact"}),
    r("hosts/", get=SIGNED_IN),
    r("hosts/add/", get=ADMIN, post=ADMIN_DOES, data=HOST_FORM),
    r("hosts/test/", post=ADMIN, data=HOST_FORM),
    r("hosts/<int:pk>/", get=SEES, pk="host"),
    r("hosts/<int:pk>/usage/", get=SEES, pk="host"),
    r("hosts/<int:pk>/events/", get=SEES, pk="host"),
    r("hosts/<int:pk>/jobs/", get=SEES, pk="host"),
    r("hosts/<int:pk>/siblings/", get=SENT_ON, pk="host"),
    r(
        "hosts/<int:pk>/edit/",
        get=HOST_ADMIN,
        post=HOST_ADMIN_DOES,
        pk="host",
        data={"name": "stage-9", "url": "/nowhere/new.sock", "environment": "staging"},
    ),
    r("hosts/<int:pk>/edit/test/", post=HOST_ADMIN, pk="host", data=HOST_FORM),
    r("hosts/<int:pk>/test/", post=HOST_ADMIN, pk="host"),
    r("hosts/<int:pk>/refresh/", post=OPERATES, pk="host"),
    r("hosts/<int:pk>/disable/", post=HOST_ADMIN_DOES, pk="host"),
    r("hosts/<int:pk>/enable/", post=HOST_ADMIN_DOES, pk="host"),
    r("hosts/<int:pk>/forget-key/", get=HOST_ADMIN, post=HOST_ADMIN_DOES, pk="host"),
    r(
        "hosts/<int:pk>/remove/",
        get="302 404 404 403 200",
        post="302 404 404 403 302",
        pk="idle_host",
        data={"typed": "stage-2"},
    ),
    r("environments/", get=SIGNED_IN),
    r("environments/add/", get=ADMIN, post=ADMIN_DOES, data={"name": "test"}),
    r(
        "environments/<int:pk>/edit/",
        get=HOST_ADMIN,
        post=HOST_ADMIN_DOES,
        pk="environment",
        data={"name": "stage"},
    ),
    r(
        "environments/<int:pk>/remove/",
        get="302 404 404 404 200",
        post="302 404 404 404 302",
        pk="empty_environment",
    ),
    r("environments/<int:pk>/siblings/", get=SENT_ON, pk="environment"),
    r("events/", get=SIGNED_IN),
    r("events/density/", get=SIGNED_IN),
    r("jobs/", get=SIGNED_IN),
    r("jobs/<int:pk>/", get=SEES, pk="job"),
    r("jobs/<int:pk>/lines.txt", get=SEES, pk="job"),
    r("jobs/<int:pk>/cancel/", post=OPERATES, pk="job"),
    r("jobs/<int:pk>/retry/", post=OPERATES, pk="failed_job"),
]
PEOPLE = [
    r(
        "accounts/login/",
        get="200 302 302 302 302",
        post="200 302 302 302 302",
        data={"login": "nobody", "password": "wrong"},
    ),
    r("accounts/logout/", get=SIGNED_IN, post=OWN),
    r("accounts/inactive/", get=PUBLIC),
    r("accounts/password/", get=SIGNED_IN, post="302 422 422 422 422", data=PASSWORD_FORM),
    r("accounts/password/link/<str:link>/", get=NOWHERE, post=NOWHERE, link="=1-nonsense"),
    r("setup/", get=OWN),
    r("setup/<str:token>/", get=NOWHERE, post=NOWHERE, token="=nonsense"),
    r("account/", get=SIGNED_IN, post=OWN, data={"first_name": "A"}),
    r("account/preferences/", post=OWN, data={"theme": "dark", "time_zone": ""}),
    r("account/sessions/", get=SIGNED_IN),
    r("account/sessions/end/", post=OWN),
    r("account/sessions/<int:pk>/end/", post="302 404 404 404 404", pk="session"),
    r("account/tokens/", get=SIGNED_IN, post=SIGNED_IN, data={"name": "ci", "days": "7"}),
    r("account/tokens/<int:pk>/revoke/", post="302 404 404 404 302", pk="token"),
    r("administration/", get=ADMIN),
    r("administration/users/", get=ADMIN),
    r(
        "administration/users/add/",
        get=ADMIN,
        post=ADMIN,
        data={"username": "new", "sign_in": "link"},
    ),
    r(
        "administration/users/<int:pk>/",
        get=ADMIN,
        post=ADMIN_DOES,
        pk="person",
        data={"username": "pat"},
    ),
    r(
        "administration/users/<int:pk>/<slug:action>/",
        get=ADMIN,
        post=ADMIN_DOES,
        pk="person",
        action="=disable",
    ),
    r("administration/teams/", get=ADMIN),
    r("administration/teams/add/", get=ADMIN, post=ADMIN_DOES, data={"name": "Day"}),
    r(
        "administration/teams/<int:pk>/",
        get=ADMIN,
        post=ADMIN_DOES,
        pk="team",
        data={"name": "Day"},
    ),
    r("administration/teams/<int:pk>/remove/", get=ADMIN, post=ADMIN_DOES, pk="team"),
    r("administration/roles/", get=ADMIN),
    r("administration/roles/add/", get=ADMIN, post=ADMIN_DOES, data=ROLE),
    r("administration/roles/<int:pk>/", get=ADMIN, post=ADMIN_DOES, pk="role", data=ROLE),
    r("administration/roles/<int:pk>/remove/", get=ADMIN, post=ADMIN_DOES, pk="role"),
    r("administration/grants/", get=ADMIN),
    r(
        "administration/grants/give/",
        get=ADMIN,
        post=ADMIN_DOES,
        data={"who": "user:{person}", "role": "{role}", "where": "host:{host}"},
    ),
    r("administration/grants/<int:pk>/take/", get=ADMIN, post=ADMIN_DOES, pk="grant"),
    r("administration/audit/", get=ADMIN),
    r("administration/audit/check/", post=ADMIN),
    r("administration/audit.csv", get=ADMIN),
]
API = [
    r("api/v1/openapi.json", get=PUBLIC),
    r("api/v1/", get=NOWHERE),
    r(
        "api/v1/hosts",
        get=API_ALL,
        post=API_ADMIN_ADDS,
        data={"name": "new", "url": "unix:///nowhere/new.sock", "environment": "staging"},
    ),
    r(
        "api/v1/hosts/<int:host_id>",
        get=API_SEES,
        patch=API_HOST_ADMIN,
        delete="401 404 403 403 422",  # its job has not ended
        pk="host",
        data={"labels": {"a": "b"}},
    ),
    r("api/v1/hosts/<int:host_id>", delete="401 404 404 403 204", pk="idle_host"),
    r("api/v1/hosts/test", post=API_ADMIN, data={"url": "unix:///nowhere/new.sock"}),
    r("api/v1/hosts/<int:host_id>/test", post=API_HOST_ADMIN, pk="host"),
    r("api/v1/hosts/<int:host_id>/forget-key", post=API_HOST_ADMIN, pk="host"),
    r("api/v1/hosts/<int:host_id>/disable", post=API_HOST_ADMIN, pk="host"),
    r("api/v1/hosts/<int:host_id>/enable", post=API_HOST_ADMIN, pk="host"),
    r("api/v1/hosts/<int:host_id>/refresh", post=API_OPERATES, pk="host"),
    r("api/v1/hosts/<int:host_id>/stats", get=API_SEES, pk="host"),
    r("api/v1/hosts/<int:host_id>/stats/history", get=API_SEES, pk="host"),
    r("api/v1/environments", get=API_ALL, post=API_ADMIN_ADDS, data={"name": "test"}),
    r(
        "api/v1/environments/<int:environment_id>",
        get="401 404 404 404 200",
        patch="401 404 404 404 200",
        delete="401 404 404 404 204",
        pk="empty_environment",
        data={"description": "x"},
    ),
    r("api/v1/containers", get=API_ALL),
    r("api/v1/containers/<int:container_id>", get=API_SEES, pk="container"),
    r("api/v1/containers/<int:container_id>/processes", get=API_UNANSWERED, pk="container"),
    r("api/v1/containers/<int:container_id>/stats", get=API_UNANSWERED, pk="container"),
    r("api/v1/containers/<int:container_id>/stats/history", get=API_SEES, pk="container"),
    r("api/v1/containers/<int:container_id>/changes", get=API_UNANSWERED, pk="container"),
    r("api/v1/containers/<int:container_id>/inspect", get=API_UNANSWERED, pk="container"),
    r("api/v1/containers/<int:container_id>/logs", get=API_UNANSWERED, pk="container"),
    r("api/v1/containers/<int:container_id>/death", get="401 404 409 409 409", pk="container"),
    r("api/v1/containers/<int:container_id>/exec", post="401 404 403 201 201", pk="container"),
    r(
        "api/v1/containers/bulk/preview",
        post="401 422 403 200 200",
        data={"operation": "container.restart", "ids": ["{container}"]},
    ),
    r(
        "api/v1/containers/bulk",
        post="401 422 403 202 202",
        data={"operation": "container.restart", "ids": ["{container}"]},
    ),
    r("api/v1/containers/<int:container_id>/start", post=API_OPERATES, pk="container"),
    r(
        "api/v1/containers/<int:container_id>/stop",
        post=API_OPERATES,
        pk="container",
        data={"timeout": 3},
    ),
    r("api/v1/containers/<int:container_id>/restart", post=API_OPERATES, pk="container"),
    r("api/v1/containers/<int:container_id>/kill", post=API_OPERATES, pk="container"),
    r("api/v1/containers/<int:container_id>/pause", post=API_OPERATES, pk="container"),
    r("api/v1/containers/<int:container_id>/unpause", post=API_OPERATES, pk="container"),
    r(
        "api/v1/containers/<int:container_id>/rename",
        post="401 404 403 403 202",
        pk="container",
        data={"name": "web-2"},
    ),
    r("api/v1/containers/<int:container_id>/remove", post="401 404 403 403 202", pk="container"),
    r("api/v1/saved-filters", get=API_ALL, post="401 201 201 201 201", data=FILTER),
    r(
        "api/v1/saved-filters/<int:filter_id>",
        get=API_ALL,
        patch="401 403 200 403 403",
        delete="401 403 204 403 204",
        pk="shared_filter",
        data={"name": "All of ours"},
    ),
    r(
        "api/v1/saved-filters/<int:filter_id>",
        get="401 404 200 404 404",
        patch="401 404 200 404 404",
        delete="401 404 204 404 404",
        pk="own_filter",
        data={"name": "All of mine"},
    ),
    r("api/v1/usage/top", get=API_ALL),
    r("api/v1/events", get=API_ALL),
    r("api/v1/events/<int:event_id>", get=API_SEES, pk="event"),
    r("api/v1/jobs", get=API_ALL),
    r("api/v1/jobs/<int:job_id>", get=API_SEES, pk="job"),
    r("api/v1/jobs/<int:job_id>/lines", get=API_SEES, pk="job"),
    r("api/v1/jobs/<int:job_id>/cancel", post=API_OPERATES, pk="job"),
    r("api/v1/jobs/<int:job_id>/retry", post=API_OPERATES, pk="failed_job"),
    r("api/v1/audit", get=API_ADMIN),
    r("api/v1/users", get=API_ADMIN, post=API_ADMIN_ADDS, data={"username": "new"}),
    r(
        "api/v1/users/<int:user_id>",
        get=API_ADMIN,
        patch=API_ADMIN,
        delete=API_ADMIN_REMOVES,
        pk="person",
        data={"first_name": "P"},
    ),
    r("api/v1/users/<int:user_id>/reset-password", post=API_ADMIN, pk="person"),
    r("api/v1/users/<int:user_id>/sign-out", post=API_ADMIN, pk="person"),
    r("api/v1/tokens", get=API_ALL),
    r("api/v1/tokens/<int:token_id>", delete="401 404 404 404 204", pk="token"),
    r("api/v1/teams", get=API_ADMIN, post=API_ADMIN_ADDS, data={"name": "Day"}),
    r(
        "api/v1/teams/<int:team_id>",
        get=API_ADMIN,
        put=API_ADMIN,
        delete=API_ADMIN_REMOVES,
        pk="team",
        data={"name": "Day"},
    ),
    r("api/v1/roles", get=API_ADMIN, post=API_ADMIN_ADDS, data=ROLE),
    r(
        "api/v1/roles/<int:role_id>",
        get=API_ADMIN,
        put=API_ADMIN,
        delete=API_ADMIN_REMOVES,
        pk="role",
        data=ROLE,
    ),
    r(
        "api/v1/grants",
        get=API_ADMIN,
        post=API_ADMIN_ADDS,
        data={"user": "{person}", "role": "{role}", "host": "{host}"},
    ),
    r("api/v1/grants/<int:grant_id>", get=API_ADMIN, delete=API_ADMIN_REMOVES, pk="grant"),
]

ROUTES = [*PAGES, *PEOPLE, *API]

# What the first shows is in TOPICS; who gets in, in tests/live and tests/terminal.
SOCKETS = ["ws/live/", "ws/terminal/"]

# Arguments; then for each role: rows (sees the objects of the host), none, or gone.
TOPICS: dict[str, tuple[str, str]] = {
    "containers": ("", "none none rows rows rows"),
    "container": ("id={container}&host={host}", "gone gone rows rows rows"),
    "container-jobs": ("id={container}&host={host}", "gone gone rows rows rows"),
    "container-overview": ("id={container}&host={host}", "gone gone rows rows rows"),
    "container-log-host": ("id={container}&host={host}", "gone gone none none none"),
    "container-death": ("id={container}&host={host}", "gone gone none none none"),
    "hosts": ("", "none none rows rows rows"),
    "host": ("id={host}", "gone gone rows rows rows"),
    "host-jobs": ("id={host}", "gone gone rows rows rows"),
    "host-overview": ("id={host}", "gone gone rows rows rows"),
    "fleet": ("", "none none rows rows rows"),
    "events": ("", "none none rows rows rows"),
    "jobs": ("", "none none rows rows rows"),
    "job": ("id={job}", "gone gone rows rows rows"),
    "logs": ("container={container}&tail=10", "gone gone rows rows rows"),
    "log-part": ("container={container}&part=1", "gone gone rows rows rows"),
    "stats": ("container={container}", "gone gone rows rows rows"),
    "tray": ("open=1", "none none rows rows rows"),
}
