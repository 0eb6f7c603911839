"""Filters of the containers' list in words, and the menu of those that are saved."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.live.topics.containers import FILTER_NAMES
from fleet.actor import Actor
from fleet.logs.target import LOGS
from fleet.models import SavedFilter
from fleet.operations.saved_filters import may_change
from fleet.selectors.container_query import ContainerQuery
from fleet.selectors.saved_filters import filter_choices


def filter_facts(text: str) -> list[tuple[str, str]]:
    """Return what a saved filter asks for: pairs of words, such as state and failed."""
    query = ContainerQuery.from_text(text)
    found: list[tuple[str, str]] = []
    for name, label in FILTER_NAMES.items():
        values = (query.q,) if name == "q" and query.q else getattr(query, name) or ()
        found += [(str(label), value) for value in values]
    return found


def list_address(row: SavedFilter) -> str:
    """Return the address of the containers' list with a saved filter."""
    return f"{reverse('container-list')}?{row.query}"


def logs_address(row: SavedFilter) -> str:
    """Return the address of the logs of all that a saved filter finds."""
    return f"{reverse('log-view')}?filter={row.pk}"


def saved_menu(actor: Actor, query: ContainerQuery, *, page: str, chosen: int = 0) -> Any:
    """Return the menu of saved filters of a page: `list`, or `logs`. None for nobody.

    Its rows lead to that page and beside it to the other; each of one's own can be changed.
    """
    text = query.filter_text
    found = filter_choices(actor, text, chosen=chosen)
    logs = bool(actor.access.reach(LOGS))
    here = reverse("container-list") if page == "list" else reverse("log-view")
    back = f"{here}?{text}" if text else here
    if chosen and found.current:
        back = logs_address(found.current)

    def one(row: SavedFilter) -> dict[str, Any]:
        to_list, to_logs = list_address(row), logs_address(row) if logs else ""
        now = {"query": text} if text and text != row.query else {}
        edit = f"{reverse('saved-filter', args=[row.pk])}?{urlencode({'next': back, **now})}"
        own = may_change(actor, row)
        return {
            "row": row,
            "href": to_list if page == "list" else to_logs or to_list,
            "logs": to_logs if page == "list" else "",
            "list": to_list if page == "logs" else "",
            "current": row == found.current,
            "edit": edit if own else "",
            "note": (_("shared") if row.shared else "") if own else row.owner.username,
        }

    able = bool(text) and found.current is None and not query.filter_problems
    add = f"{reverse('saved-filter-add')}?{urlencode({'query': text, 'next': back})}"
    return {
        "groups": [
            (_("Yours"), [one(row) for row in found.own]),
            (_("Shared by others"), [one(row) for row in found.shared]),
        ],
        "any": bool(found.own or found.shared),
        "more": found.more,
        "current": found.current,
        "save": add if able else "",
    }
