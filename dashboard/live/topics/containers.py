"""The container list, live: rows, counts by state, pages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.core.paginator import Paginator
from django.http import QueryDict
from django.template.loader import get_template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.live.topics.base import AROUND, Part, Snapshot, Topic, register
from dashboard.live.topics.container_rows import DEFAULT_COLUMNS, columns_of, row_parts
from dashboard.templatetags.states import FAILED as FAILED_LOOK
from dashboard.templatetags.states import HEALTH, Look, look_of
from fleet.actor import Actor
from fleet.models import ContainerState
from fleet.publish import ContainersChanged, Hint, HostsChanged, UpdatesChanged
from fleet.selectors.container_query import FAILED, UNREACHABLE
from fleet.selectors.containers import ContainerPage, ContainerQuery, container_page
from fleet.selectors.hosts import revision_of
from fleet.selectors.query_parts import SIZES

LIST = "container-rows"
CHIPS = (
    ("state", "running"),
    ("health", "unhealthy"),
    ("health", "starting"),
    ("state", "restarting"),
    ("state", "paused"),
    ("state", "created"),
    ("state", "exited"),
    ("state", FAILED),
    ("state", "dead"),
    ("state", UNREACHABLE),
)
FRAGMENTS = ("container-chips", "container-empty", "container-range", "container-pages")
FILTER_NAMES = {
    "q": gettext_lazy("search"),
    "host": gettext_lazy("host"),
    "environment": gettext_lazy("environment"),
    "label": gettext_lazy("label"),
    "state": gettext_lazy("state"),
    "health": gettext_lazy("health"),
    "image": gettext_lazy("image"),
    "stack": gettext_lazy("stack"),
    "service": gettext_lazy("service"),
}


@register
class Containers(Topic):
    """`containers`, with the list's query string and columns as arguments."""

    name = "containers"
    most = max(SIZES) + AROUND

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Every change of a container or a host may change rows or counts."""
        return isinstance(hint, ContainersChanged | HostsChanged | UpdatesChanged)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the page of the list that the arguments ask for."""
        return snapshot_of(container_page(actor, ContainerQuery.parse(args)), columns_of(args))


def snapshot_of(page: ContainerPage, columns: frozenset[str] = DEFAULT_COLUMNS) -> Snapshot:
    """Return the list as the page shows it, at first and live."""
    rows = row_parts(page.rows, page.permissions, columns, page.updates)
    fragments = {name: _fragment(name, page) for name in FRAGMENTS}
    return Snapshot(parts={**fragments, **rows}, lists={LIST: list(rows)})


def _fragment(name: str, page: ContainerPage) -> Part:
    context = _contexts[name](page)
    # Not a checksum: whoever makes two searches of one revision would draw for others.
    rev = revision_of(sorted(context.items()))
    return Part(rev, lambda: _render(name, rev, context, page))


def _render(name: str, rev: str, context: dict[str, Any], page: ContainerPage) -> str:
    template = get_template(f"containers/{name.removeprefix('container-')}.html")
    numbers = Paginator(range(page.total), page.query.size).page(page.page)
    return template.render({**context, "element_id": name, "rev": rev, "page_obj": numbers})


def _chips(page: ContainerPage) -> dict[str, Any]:
    """Counts by state, what is wrong included; those that are set or not zero."""
    query, chips = page.query, []
    for kind, value in CHIPS:
        count = (page.states if kind == "state" else page.healths)[value]
        active = value in getattr(query, kind)
        if count or active:
            look = HEALTH[value] if kind == "health" else _look(value)
            chips.append(
                {
                    "href": f"?{query.toggled(kind, value)}",
                    "label": str(look.words),
                    "count": count,
                    "tone": f"tone-{look.tone}",
                    "icon": look.icon,
                    "active": active,
                }
            )
    return {"chips": [_all_chip(page), *chips] if chips else []}


def _look(state: str) -> Look:
    if state == FAILED:
        return FAILED_LOOK
    return look_of("host" if state == UNREACHABLE else "container", state)


def _all_chip(page: ContainerPage) -> dict[str, Any]:
    query = page.query
    known = (page.states[state] for state in ContainerState.values)
    return {
        "href": f"?{query.urlencode(state=(), health=())}",
        "label": _("all"),
        "count": sum(known),
        "tone": "",
        "icon": "",
        "active": False,
    }


def filter_chips(query: ContainerQuery, names: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return a removable chip for each filter that is set but for those shown with counts.

    With `names`, for all values of these filters.
    """
    chips = []
    for name, label in FILTER_NAMES.items():
        values = (query.q,) if name == "q" and query.q else getattr(query, name) or ()
        for value in values:
            if name not in names if names else (name, value) in CHIPS:
                continue
            href = query.urlencode(q="") if name == "q" else query.toggled(name, value)
            chips.append(
                {
                    "href": f"?{href}",
                    "label": str(label),
                    "value": value,
                    "active": True,
                    "count": None,
                }
            )
    return chips


def _empty(page: ContainerPage) -> dict[str, Any]:
    """Why the table is empty: no hosts, no containers, or no match."""
    if page.total:
        return {"why": ""}
    if page.query.filtered:
        return {"why": "no_match"}
    return {"why": "no_containers" if page.hosts else "no_hosts"}


def _range(page: ContainerPage) -> dict[str, Any]:
    return {"first": page.first, "last": page.last, "total": page.total}


def _pages(page: ContainerPage) -> dict[str, Any]:
    query = page.query
    return {
        "number": page.page,
        "pages": page.pages,
        "base": query.urlencode(),
        "previous": query.urlencode(page=page.page - 1) if page.page > 1 else "",
        "next": query.urlencode(page=page.page + 1) if page.page < page.pages else "",
    }


_contexts = {
    "container-chips": _chips,
    "container-empty": _empty,
    "container-range": _range,
    "container-pages": _pages,
}
