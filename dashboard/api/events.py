"""/events: what changed on the hosts, the newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.filters import Moment, Text, by_name_or_id
from dashboard.api.pages import Window, page
from fleet.access import access_event, visible_events
from fleet.models import Event

router = Router(tags=["events"])


class EventOut(Schema):
    """Something changed: `kind` on `object_kind` `object_name`, from a state to another."""

    id: int
    at: datetime
    host: str
    host_id: int
    kind: str
    object_kind: str
    object_id: str
    object_name: str
    from_state: str
    to_state: str
    detail: dict[str, Any]

    @staticmethod
    def of(row: Event) -> dict[str, Any]:
        """Return what is shown of a row."""
        plain = {name: getattr(row, name) for name in EventOut.model_fields if name != "host"}
        return {**plain, "host": row.host.name}


class EventsOut(Schema):
    """A part of a list."""

    items: list[EventOut]
    count: int


class EventFilter(Schema):
    """Filters; all of them together."""

    host: Annotated[Text, Field(max_length=60)] = ""
    kind: Annotated[Text, Field(max_length=40)] = ""
    object_kind: Annotated[Text, Field(max_length=20)] = ""
    object_id: Annotated[Text, Field(max_length=100)] = ""
    since: Moment | None = None
    until: Moment | None = None


@router.get("", response=EventsOut, summary="List events")
def list_events(request: HttpRequest, wanted: Query[EventFilter], window: Query[Window]) -> Any:
    """Return the events of the hosts whose containers the caller may see."""
    rows = visible_events(caller(request))
    if wanted.host:
        rows = rows.filter(by_name_or_id("host", wanted.host))
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(at__lt=wanted.until)
    for name in ("kind", "object_kind", "object_id"):
        if value := getattr(wanted, name):
            rows = rows.filter(**{name: value})
    return page(rows, window, EventOut.of, {"id": "pk", "at": "at", "kind": "kind"})


@router.get("/{int:event_id}", response=EventOut, summary="Show an event")
def get_event(request: HttpRequest, event_id: int) -> Any:
    """Return one event."""
    return EventOut.of(access_event(caller(request), event_id))
