"""/saved-filters: filters of the containers' list under a name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status

from dashboard.api.auth import caller
from dashboard.api.filters import Text
from dashboard.api.pages import Window, page
from fleet.access import access_filter, visible_filters
from fleet.models import SavedFilter
from fleet.models.saved_filters import NAME_LIMIT, QUERY_LIMIT
from fleet.operations.saved_filters import (
    saved_filter_create,
    saved_filter_remove,
    saved_filter_update,
)

router = Router(tags=["saved filters"])

SORTS = {"id": "pk", "name": "name", "created_at": "created_at", "updated_at": "updated_at"}
QUERY_TEXT = (
    "a query string as in the address of the containers' list: q, host, environment, label, state,"
    " health, image, stack, service; each may be repeated. It is kept in one spelling, without sort"
    " and page"
)
SHARED_TEXT = "everybody on this Quayside may use it; each finds only what they may see"
Name = Annotated[str, Field(max_length=NAME_LIMIT, description="no two of yours have the same")]
QueryText = Annotated[str, Field(max_length=QUERY_LIMIT, description=QUERY_TEXT)]
Shared = Annotated[bool, Field(description=SHARED_TEXT)]


class SavedFilterOut(Schema):
    """A saved filter: `/containers?saved_filter=<id>` gives what it finds."""

    id: int
    name: str
    query: str
    shared: bool
    owner: str
    created_at: datetime
    updated_at: datetime

    @staticmethod
    def of(row: SavedFilter) -> dict[str, Any]:
        """Return what is shown of a row."""
        names = SavedFilterOut.model_fields.keys() - {"owner"}
        return {**{name: getattr(row, name) for name in names}, "owner": row.owner.username}


class SavedFiltersOut(Schema):
    """A part of a list."""

    items: list[SavedFilterOut]
    count: int


class SavedFilterIn(Schema, extra="forbid"):
    """A new one."""

    name: Name
    query: QueryText
    shared: Shared = False


class SavedFilterPatch(Schema, extra="forbid"):
    """Changes: what is left out stays as it is."""

    name: Name | None = None
    query: QueryText | None = None
    shared: Shared | None = None


class SavedFilterFilter(Schema, extra="forbid"):
    """Which of them."""

    owner: Annotated[Text, Field(max_length=150, description="a user name")] = ""
    name: Annotated[Text, Field(max_length=NAME_LIMIT)] = ""


@router.get("", response=SavedFiltersOut, summary="List saved filters")
def list_saved_filters(
    request: HttpRequest, wanted: Query[SavedFilterFilter], window: Query[Window]
) -> Any:
    """Return the caller's own filters and those that others share."""
    rows = visible_filters(caller(request))
    if wanted.owner:
        rows = rows.filter(owner__username=wanted.owner)
    if wanted.name:
        rows = rows.filter(name__iexact=wanted.name)
    return page(rows, window, SavedFilterOut.of, SORTS)


@router.post("", response={201: SavedFilterOut}, summary="Save a filter")
def create_saved_filter(request: HttpRequest, data: SavedFilterIn) -> Any:
    """Save a filter under a name; what nothing can match is refused."""
    made = saved_filter_create(actor=caller(request), data=data.model_dump())
    return Status(201, SavedFilterOut.of(made))


@router.get("/{int:filter_id}", response=SavedFilterOut, summary="Show a saved filter")
def get_saved_filter(request: HttpRequest, filter_id: int) -> Any:
    """Return one that the caller may use."""
    return SavedFilterOut.of(access_filter(caller(request), filter_id))


@router.patch("/{int:filter_id}", response=SavedFilterOut, summary="Change a saved filter")
def update_saved_filter(request: HttpRequest, filter_id: int, data: SavedFilterPatch) -> Any:
    """Change what is given of one's own."""
    changes = data.model_dump(exclude_none=True)
    changed = saved_filter_update(actor=caller(request), filter_id=filter_id, data=changes)
    return SavedFilterOut.of(changed)


@router.delete("/{int:filter_id}", response={204: None}, summary="Delete a saved filter")
def remove_saved_filter(request: HttpRequest, filter_id: int) -> Any:
    """Delete one's own, or a shared one by who manages people."""
    saved_filter_remove(actor=caller(request), filter_id=filter_id)
    return Status(204, None)
