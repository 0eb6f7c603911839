"""The audit log: read, checked, downloaded."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET, require_POST

from dashboard.downloads import streamed
from dashboard.requests import actor_of
from dashboard.views.administration import page
from fleet.access import require
from fleet.audit import first_broken, last_entry
from fleet.models import AuditEntry, AuditResult
from fleet.selectors.audit import (
    PERMISSION,
    AuditQuery,
    audit_actions,
    audit_entries,
    audit_page,
)

TAB = "administration-audit"
COLUMNS = (
    "number", "at", "actor_name", "via", "address", "action",
    "target_kind", "target_id", "target_name", "result", "detail", "hash",
)  # fmt: skip
PIECE = 32 * 1024  # letters that go out at once
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show a page of the log, filtered."""
    return _page(request)


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """Walk the whole chain and say whether it holds."""
    require(actor_of(request), PERMISSION)
    last = last_entry()  # before the walk: what comes meanwhile is not told as checked
    return _page(request, checked=True, last=last, broken=first_broken())


def _page(request: HttpRequest, **context: Any) -> HttpResponse:
    actor = actor_of(request)
    query = AuditQuery.parse(request.GET.dict())
    entries, before = audit_page(actor, query)
    kept = {key: value for key, value in request.GET.dict().items() if key != "before" and value}
    context |= {
        "query": query,
        "entries": entries,
        "actions": audit_actions(actor),
        "results": AuditResult.choices,
        "older": urlencode({**kept, "before": before}) if before else "",
        "newest": urlencode(kept) if query.before else "",
        "filters": urlencode(kept),
        "given": request.GET.dict(),
    }
    return page(request, "audit/index.html", TAB, **context)


@require_GET
def download(request: HttpRequest) -> HttpResponseBase:
    """Stream the filtered log as CSV, oldest first."""
    query = AuditQuery.parse(request.GET.dict())
    entries = audit_entries(actor_of(request), query).order_by("number")
    return streamed(_pieces(entries), "text/csv; charset=utf-8", name="audit.csv")


async def _pieces(entries: QuerySet[AuditEntry]) -> AsyncIterator[str]:
    """Yield the rows under their names, as many at once as are worth a write."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    async for entry in entries.aiterator(chunk_size=1000):
        writer.writerow([cell(getattr(entry, name)) for name in COLUMNS])
        if text.tell() >= PIECE:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
            await asyncio.sleep(0)  # others have their turn
    yield text.getvalue()


def cell(value: object) -> str:
    """Return a value as text that no spreadsheet takes for a formula."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
