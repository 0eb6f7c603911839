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


class SavedMenu:
    """The menu of a page, `list` or `logs`: its rows lead there and, beside, to the other."""

    def __init__(self, actor: Actor, query: ContainerQuery, *, page: str, chosen: int = 0) -> None:
        self._actor, self._text = actor, query.filter_text
        self._chosen = chosen
        self._to_logs = page == "logs"
        self._may_read = bool(actor.access.reach(LOGS))
        self._found = filter_choices(actor, self._text, chosen=chosen)
        self._list, self._logs = reverse("container-list"), reverse("log-view")
        self._forms = reverse("saved-filter-list")
        self._words = {
            "logs": _("Logs of %(name)s"), "list": _("Containers of %(name)s"),
            "edit": _("Change %(name)s"), "shared": _("shared"),
        }  # fmt: skip
        self.current = self._found.current
        self.more = self._found.more
        self.any = bool(self._found.own or self._found.shared)
        savable = bool(self._text) and not self.current and not query.filter_problems
        self.save = self._form("add", query=self._text) if savable else ""

    def groups(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Return titles and rows."""
        return [
            (_("Yours"), [self._row(row) for row in self._found.own]),
            (_("Shared by others"), [self._row(row) for row in self._found.shared]),
        ]

    def _row(self, row: SavedFilter) -> dict[str, Any]:
        own = may_change(self._actor, row)
        to_list, to_logs = f"{self._list}?{row.query}", f"{self._logs}?filter={row.pk}"
        here = to_logs if self._to_logs and self._may_read else to_list
        acts = []
        if self._to_logs:
            acts.append(self._act("list", row, "box", to_list))
        elif self._may_read:
            acts.append(self._act("logs", row, "file-text", to_logs))
        if own:
            now = {"query": self._text} if self._text not in ("", row.query) else {}
            edit = self._form(str(row.pk), **now)
            acts.append({**self._act("edit", row, "pencil", edit), "dialog": True})
        return {
            "name": row.name,
            "href": here,
            "current": row == self.current,
            "note": (self._words["shared"] if row.shared else "") if own else row.owner.username,
            "acts": acts,
        }

    def _act(self, key: str, row: SavedFilter, icon: str, href: str) -> dict[str, Any]:
        return {"href": href, "icon": icon, "words": self._words[key] % {"name": row.name}}

    def _form(self, name: str, **given: str) -> str:
        """Return the address of a form that comes back to what is shown now."""
        back = self._logs if self._to_logs else self._list
        if self._to_logs and self.current and self._chosen:
            back = logs_address(self.current)
        elif self._text:
            back = f"{back}?{self._text}"
        return f"{self._forms}{name}/?{urlencode({**given, 'next': back})}"
