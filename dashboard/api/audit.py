"""/audit: who did or tried what; entries are chained by their hashes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.filters import Moment, Text, known
from dashboard.api.pages import Window, page
from fleet.models import AuditEntry, AuditResult
from fleet.selectors.audit import AuditQuery, audit_entries

router = Router(tags=["audit"])


class AuditOut(Schema):
    """An entry. `number` counts without gaps."""

    number: int
    at: datetime
    actor_name: str
    via: str
    address: str
    action: str
    target_kind: str
    target_id: str
    target_name: str
    result: str
    detail: dict[str, Any]
    previous_hash: str
    hash: str


class AuditsOut(Schema):
    """A part of a list."""

    items: list[AuditOut]
    count: int


class AuditFilter(Schema):
    """Filters; all of them together. `action` is the beginning of one; `until` is exclusive."""

    actor: Annotated[Text, Field(max_length=150)] = ""
    action: Annotated[Text, Field(max_length=60)] = ""
    target: Annotated[Text, Field(max_length=255)] = ""
    result: Annotated[Text, Field(max_length=8)] = ""
    since: Moment | None = None
    until: Moment | None = None


def _entry(row: AuditEntry) -> dict[str, Any]:
    return {name: getattr(row, name) for name in AuditOut.model_fields}


@router.get("", response=AuditsOut, summary="List audit entries")
def list_audit(request: HttpRequest, wanted: Query[AuditFilter], window: Query[Window]) -> Any:
    """Return the entries, the newest first."""
    actor, query = caller(request), AuditQuery(**wanted.model_dump())
    if query.result:
        known("result", query.result, AuditResult.values)
    rows = audit_entries(actor, query)
    return page(rows, window, _entry, {"number": "number", "at": "at"})
