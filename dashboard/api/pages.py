"""Lists of the API: `{"items": [...], "count": n}`, a window of a sorted query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from ninja import Field, Schema

from fleet.operations.errors import Invalid

M = TypeVar("M", bound=Model)


class Window(Schema):
    """Which part of a list, in which order."""

    limit: Annotated[int, Field(ge=1, le=500, description="How many items at most")] = 100
    offset: Annotated[int, Field(ge=0, le=10_000_000, description="How many to pass over")] = 0
    sort: Annotated[str, Field(max_length=60, description="A field; “-field” for downwards")] = ""


def page(
    rows: QuerySet[M],
    window: Window,
    show: Callable[[M], Any],
    sorts: Mapping[str, str],
    beside: Callable[[list[M]], Mapping[int, Mapping[str, Any]]] = lambda _part: {},
) -> dict[str, Any]:
    """Return the window of `rows` as a page. `sorts` maps the API's names to columns.

    `beside` returns by row id what is read for all rows of the window at once.

    Raises Invalid for a sort that is not among them.
    """
    if window.sort:
        name = window.sort.removeprefix("-")
        if name not in sorts:
            known = ", ".join(sorted(sorts))
            raise Invalid({"sort": [_("Sort by one of: %(names)s.") % {"names": known}]})
        sign = "-" if window.sort.startswith("-") else ""
        rows = rows.order_by(f"{sign}{sorts[name]}", f"{sign}pk")
    part = list(rows[window.offset : window.offset + window.limit])
    more = beside(part)
    items = [{**show(row), **more[row.pk]} if row.pk in more else show(row) for row in part]
    return {"items": items, "count": rows.count()}
