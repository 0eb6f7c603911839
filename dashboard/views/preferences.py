"""What pages remember for their user: columns, density and page size of tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.requests import actor_of, wants_json
from fleet.models import User
from fleet.operations.users import preferences_change
from fleet.selectors.query_parts import DEFAULT_SIZE, SIZES

DENSITIES = ("comfortable", "compact")
PAGES_KEPT = 30
COLUMNS_KEPT = 60


@dataclass(frozen=True)
class TablePreferences:
    """How a user wants the tables of one page."""

    columns: frozenset[str]
    density: str
    page_size: int


def table_preferences(
    user: Any, page: str, columns: Iterable[tuple[str, bool]]
) -> TablePreferences:
    """Return a user's preferences; `columns` are (key, shown by default) of the page's table."""
    stored = user.preferences if isinstance(user, User) else {}
    kept = stored if isinstance(stored, dict) else {}
    by_page = kept.get("columns")
    chosen = by_page.get(page) if isinstance(by_page, dict) else None
    known = list(columns)
    if isinstance(chosen, list):
        shown = frozenset(key for key, _default in known if key in chosen)
    else:
        shown = frozenset(key for key, default in known if default)
    density, size = kept.get("density"), kept.get("page_size")
    return TablePreferences(
        columns=shown,
        density=density if density in DENSITIES else DENSITIES[0],
        page_size=size if size in SIZES else DEFAULT_SIZE,
    )


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Remember what was sent: `page` with `columns`, `density`, `page_size`; others stay."""
    changes, problem = _changes(request)
    if problem:
        return JsonResponse({"message": problem}, status=400)
    preferences_change(actor=actor_of(request), preferences=changes)
    return HttpResponse(status=204) if wants_json(request) else HttpResponseRedirect(_back(request))


def _changes(request: HttpRequest) -> tuple[dict[str, Any], str]:
    """Return what to remember, or a sentence on what is wrong."""
    data = request.POST
    changes: dict[str, Any] = {}
    if "density" in data:
        if data["density"] not in DENSITIES:
            return {}, _("Density: choose comfortable or compact.")
        changes["density"] = data["density"]
    if "page_size" in data:
        if data["page_size"] not in map(str, SIZES):
            return {}, _("Rows a page: choose one of %(sizes)s.") % {
                "sizes": ", ".join(map(str, SIZES))
            }
        changes["page_size"] = int(data["page_size"])
    if "columns" in data:
        page, columns = data.get("page", ""), data.getlist("columns")
        if not _is_key(page) or len(columns) > COLUMNS_KEPT or not all(map(_is_key, columns)):
            return {}, _("Columns: send the page's name and the columns to show.")
        changes["columns"] = _columns_kept(request.user, page, columns)
    return changes, ""


def _is_key(text: str) -> bool:
    return not text or (len(text) <= 40 and text.replace("-", "").replace("_", "").isalnum())


def _columns_kept(user: Any, page: str, columns: Collection[str]) -> dict[str, list[str]]:
    kept = user.preferences.get("columns")
    others = dict(kept) if isinstance(kept, dict) else {}
    others.pop(page, None)
    others[page] = [key for key in columns if key]
    return dict(list(others.items())[-PAGES_KEPT:])


def _back(request: HttpRequest) -> str:
    """Return the page that the form stood on, at its first rows and with the new page size."""
    referer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(
        referer, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return reverse("container-list")
    parts = urlsplit(referer)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in {"page", "size"}]
    path = f"/{parts.path.lstrip('/')}"  # "//name" would be another site
    return f"{path}?{urlencode(query)}" if query else path
