"""Searching Docker Hub, for everybody who sees registries."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from dashboard.requests import actor_of, is_part
from dashboard.views.container import private
from fleet.registries.hub import MOST_PAGES
from fleet.registries.reference import parse_reference
from fleet.selectors.given import given_number, given_text
from fleet.selectors.hub_search import QUERY_LIMIT, hub_registry, require_search, search


@require_safe
def search_hub(request: HttpRequest) -> HttpResponse:
    """Show the form, and what Docker Hub finds: as a fragment, or with `?now` with the page."""
    actor = actor_of(request)
    require_search(actor)
    query = given_text(request.GET.get("q", ""), QUERY_LIMIT)
    registry = hub_registry(actor, given_number(request.GET.get("registry", "")))
    page = given_number(request.GET.get("page", "")) or 1
    page = min(max(page, 1), MOST_PAGES)
    context: dict[str, Any] = {
        "query": query, "registry": registry, "page": page,
        "may_pull": bool(actor.access.reach("image.pull")),
    }  # fmt: skip
    if query and (is_part(request) or "now" in request.GET):
        answer = search(actor, query, page)
        found = answer.value
        rows = (
            [(one, parse_reference(one.name).repository) for one in found.images] if found else []
        )
        more = urlencode({"q": query, "page": str(page + 1)}) if found and found.more else ""
        context |= {"answer": answer, "rows": rows, "next": more}
    template = "search_body" if is_part(request) else "search"
    return private(render(request, f"registries/{template}.html", context))
