"""/events: what changed on the hosts, the newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.filters import Moment, Text, by_name_or_id
from dashboard.api.pages import Window, page
from fleet.access import access_event
from fleet.models import Event
from fleet.selectors.event_query import EventQuery, filter_events
from fleet.selectors.event_words import event_tone, event_words

router = Router(tags=["events"])
CONTAINER_TEXT = "by id, by the engine's id or its first letters (12 at least), or by name"


class EventOut(Schema):
    """Something changed: `kind` on `object_kind` `object_name`, from a state to another.

    `words` follow the object's name; `problem` tells what went wrong.
    """

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
    words: str
    problem: bool

    @staticmethod
    def of(row: Event) -> dict[str, Any]:
        """Return what is shown of a row."""
        said = {
            "host": row.host.name,
            "words": event_words(row),
            "problem": event_tone(row) in {"bad", "warn"},
        }
        return said | {name: getattr(row, name) for name in EventOut.model_fields.keys() - said}


class EventsOut(Schema):
    """A part of a list."""

    items: list[EventOut]
    count: int


class EventFilter(Schema):
    """Filters; all of them together."""

    q: Annotated[Text, Field(max_length=200, description="a part of the object's name")] = ""
    environment: Annotated[Text, Field(max_length=60, description="by name or id")] = ""
    host: Annotated[Text, Field(max_length=60, description="by name or id")] = ""
    stack: Annotated[Text, Field(max_length=200)] = ""
    container: Annotated[Text, Field(max_length=200, description=CONTAINER_TEXT)] = ""
    problem: Annotated[bool, Field(description="only what went wrong")] = False
    kind: Annotated[Text, Field(max_length=40)] = ""
    object_kind: Annotated[Text, Field(max_length=20)] = ""
    object_id: Annotated[Text, Field(max_length=100)] = ""
    since: Moment | None = None
    until: Moment | None = None


@router.get("", response=EventsOut, summary="List events")
def list_events(request: HttpRequest, wanted: Query[EventFilter], window: Query[Window]) -> Any:
    """Return the events of the hosts whose containers the caller may see."""
    actor = caller(request)
    query = EventQuery(
        q=wanted.q, stack=wanted.stack, kind=wanted.kind, object=wanted.object_kind,
        container=wanted.container, problem=wanted.problem, since=wanted.since, until=wanted.until,
    )  # fmt: skip
    rows = filter_events(actor, query)
    if wanted.host:
        rows = rows.filter(by_name_or_id("host", wanted.host))
    if wanted.environment:
        rows = rows.filter(by_name_or_id("host__environment", wanted.environment))
    if wanted.object_id:
        rows = rows.filter(object_id=wanted.object_id)
    return page(rows, window, EventOut.of, {"id": "pk", "at": "at", "kind": "kind"})


@router.get("/{int:event_id}", response=EventOut, summary="Show an event")
def get_event(request: HttpRequest, event_id: int) -> Any:
    """Return one event."""
    return EventOut.of(access_event(caller(request), event_id))
