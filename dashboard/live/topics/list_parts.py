"""What stands around the rows of a list: chips, why it is empty, how much of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.core.paginator import Paginator
from django.template.loader import get_template
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from dashboard.live.topics.base import Part
from dashboard.templatetags.states import Look
from fleet.selectors.containers import ContainerPage
from fleet.selectors.hosts import revision_of
from fleet.selectors.images import ImagePage
from fleet.selectors.query_parts import ListQuery

Chip = dict[str, Any]
ListPage = ContainerPage | ImagePage
Fragment = tuple[str, dict[str, Any]]  # its template, and what that is given


def around(page: ListPage, fragments: Mapping[str, Fragment]) -> dict[str, Part]:
    """Return the parts of fragments by element id."""
    return {name: _part(name, page, *fragment) for name, fragment in fragments.items()}


def _part(name: str, page: ListPage, template: str, context: dict[str, Any]) -> Part:
    # Not a checksum: whoever makes two searches of one revision would draw for others.
    rev = revision_of(sorted(context.items()))

    def render() -> str:
        numbers = Paginator(range(page.total), page.query.size).page(page.page)
        ours = {"element_id": name, "rev": rev, "page_obj": numbers}
        return get_template(template).render({**context, **ours})

    return Part(rev, render)


def chip_of(query: ListQuery, name: str, value: str, look: Look, count: int) -> Chip | None:
    """Return the chip that sets a filter's value, or takes it away; None where none has it."""
    active = value in getattr(query, name)
    if not count and not active:
        return None
    return {
        "href": f"?{query.toggled(name, value)}",
        "label": str(look.words),
        "count": count,
        "tone": f"tone-{look.tone}",
        "icon": look.icon,
        "active": active,
    }


def with_all(chips: list[Chip], everything: str, count: int) -> dict[str, Any]:
    """Return the chips, and in front of them the one that takes what they set away."""
    first = {
        "href": f"?{everything}", "label": _("all"), "count": count,
        "tone": "", "icon": "", "active": False,
    }  # fmt: skip
    return {"chips": [first, *chips] if chips else []}


def set_chips(
    query: ListQuery, labels: Mapping[str, str | Promise], wanted: Callable[[str, str], bool]
) -> list[Chip]:
    """Return a removable chip for each value of filters and search that is set and wanted."""
    chips = []
    for name, label in labels.items():
        values = (query.q,) if name == "q" and query.q else getattr(query, name) or ()
        for value in values:
            if wanted(name, value):
                href = query.urlencode(q="") if name == "q" else query.toggled(name, value)
                chip = {"href": f"?{href}", "label": str(label), "value": value, "active": True}
                chips.append({**chip, "count": None})
    return chips


def why_empty(page: ListPage, none: str) -> dict[str, Any]:
    """Why the table is empty: no hosts, nothing on them (`none`), or no match."""
    if page.total:
        return {"why": ""}
    if page.query.filtered:
        return {"why": "no_match"}
    return {"why": none if page.hosts else "no_hosts"}


def range_of(page: ListPage) -> dict[str, Any]:
    """Which rows are shown, of how many."""
    return {"first": page.first, "last": page.last, "total": page.total}


def pages_of(page: ListPage) -> dict[str, Any]:
    """Where the other pages are; the number is there for the revision."""
    return {"pages": page.pages, "number": page.page, "base": page.query.urlencode()}
