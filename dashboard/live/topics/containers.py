"""The container list, live: rows, counts by state, pages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy

from dashboard.live.topics.base import AROUND, Snapshot, Topic, register
from dashboard.live.topics.container_rows import DEFAULT_COLUMNS, columns_of, row_parts
from dashboard.live.topics.list_parts import (
    Chip,
    Fragment,
    around,
    chip_of,
    pages_of,
    range_of,
    set_chips,
    why_empty,
    with_all,
)
from dashboard.templatetags.states import FAILED as FAILED_LOOK
from dashboard.templatetags.states import HEALTH, Look, look_of
from dashboard.update_words import UPDATE_AVAILABLE
from fleet.actor import Actor
from fleet.models import ContainerState
from fleet.publish import ContainersChanged, Hint, HostsChanged, ImagesChanged, UpdatesChanged
from fleet.selectors.container_query import AVAILABLE, FAILED, UNREACHABLE
from fleet.selectors.containers import ContainerPage, ContainerQuery, container_page
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
    ("update", AVAILABLE),
)
FRAGMENTS = ("container-chips", "container-empty", "container-range", "container-pages")
FILTER_NAMES = {
    "q": gettext_lazy("search"),
    "host": gettext_lazy("host"),
    "environment": gettext_lazy("environment"),
    "label": gettext_lazy("label"),
    "state": gettext_lazy("state"),
    "health": gettext_lazy("health"),
    "update": gettext_lazy("update"),
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
        """Every change of a container or a host may change rows or counts, and what is newer than
        an image depends on the image, too."""
        kinds = ContainersChanged | HostsChanged | ImagesChanged | UpdatesChanged
        return isinstance(hint, kinds)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the page of the list that the arguments ask for."""
        return snapshot_of(container_page(actor, ContainerQuery.parse(args)), columns_of(args))


def snapshot_of(page: ContainerPage, columns: frozenset[str] = DEFAULT_COLUMNS) -> Snapshot:
    """Return the list as the page shows it, at first and live."""
    rows = row_parts(page.rows, page.permissions, columns, page.updates)
    fragments = around(page, _fragments(page))
    return Snapshot(parts={**fragments, **rows}, lists={LIST: list(rows)})


def _fragments(page: ContainerPage) -> dict[str, Fragment]:
    return {
        "container-chips": ("containers/chips.html", _chips(page)),
        "container-empty": ("containers/empty.html", why_empty(page, "no_containers")),
        "container-range": ("containers/range.html", range_of(page)),
        "container-pages": ("containers/pages.html", pages_of(page)),
    }


def _chips(page: ContainerPage) -> dict[str, Any]:
    """Counts by state, what is wrong included; those that are set or not zero."""
    query, chips = page.query, []
    for kind, value in CHIPS:
        count = {"state": page.states, "health": page.healths, "update": page.updated}[kind][value]
        chips.append(chip_of(query, kind, value, _look(kind, value), count))
    known = sum(page.states[state] for state in ContainerState.values)
    shown = [chip for chip in chips if chip]
    return with_all(shown, query.urlencode(state=(), health=()), known)


def _look(kind: str, state: str) -> Look:
    if kind == "health":
        return HEALTH[state]
    if kind == "update":
        return UPDATE_AVAILABLE
    if state == FAILED:
        return FAILED_LOOK
    return look_of("host" if state == UNREACHABLE else "container", state)


def filter_chips(query: ContainerQuery, names: Collection[str] = ()) -> list[Chip]:
    """Return a removable chip for each filter that is set but for those shown with counts.

    With `names`, for all values of these filters.
    """

    def wanted(name: str, value: str) -> bool:
        return name in names if names else (name, value) not in CHIPS

    return set_chips(query, FILTER_NAMES, wanted)
