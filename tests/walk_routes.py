"""How `tests/walk_table.py` writes a route: what it answers to each role."""

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
    query: str = ""

    @property
    def methods(self) -> dict[str, list[int]]:
        """The expected statuses by method, in the order of ROLES."""
        texts = {name: getattr(self, name) for name in METHODS}
        return {name: [int(code) for code in text.split()] for name, text in texts.items() if text}


def r(route: str, *, pk: str = "", data: Any = None, query: str = "", **more: str) -> Route:
    """Return a Route; `pk` fills the only id, other names that are no methods fill others."""
    statuses = {name: more.pop(name) for name in METHODS if name in more}
    fill = dict(more)
    if pk:
        start = route.index("<int:") + 5
        fill[route[start : route.index(">", start)]] = pk
    return Route(route=route, fill=fill, data=data, query=query, **statuses)


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
BUILD = {"name": "new", "host": "{host}", "source": "git", "git_url": "https://git.test/app.git"}
BUILD_FORM = {**BUILD, "dockerfile_text": "FROM scratch"}  # of all kinds
