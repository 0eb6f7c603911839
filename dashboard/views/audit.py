"""The audit log: read, checked, downloaded."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET, require_POST

from dashboard.requests import actor_of
from dashboard.views.administration import page
from fleet.access import require
from fleet.audit import first_broken, last_entry
from fleet.models import AuditResult
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
    response = StreamingHttpResponse(_lines(entries), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response


class Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


async def _lines(entries: object) -> AsyncIterator[str]:
    writer = csv.writer(Echo())
    yield writer.writerow(COLUMNS)
    async for entry in entries.aiterator(chunk_size=1000):  # type: ignore[attr-defined]
        yield writer.writerow([cell(getattr(entry, name)) for name in COLUMNS])


def cell(value: object) -> str:
    """Return a value as text that no spreadsheet takes for a formula."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
