"""Saved filters: their page, and the forms that save, change and delete one.

Without scripts each form is a page. With them it comes as a dialog (htmx header), and its answer
as JSON (`Accept: application/json`).
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.filter_words import filter_facts, list_address, logs_address
from dashboard.forms.people import attempt
from dashboard.forms.saved_filters import SavedFilterForm
from dashboard.requests import actor_of, is_part, wants_json
from fleet.access import visible_filters
from fleet.actor import Actor
from fleet.logs.target import LOGS
from fleet.models import SavedFilter
from fleet.operations.saved_filters import (
    LIMIT,
    access_own_filter,
    may_change,
    may_remove,
    saved_filter_create,
    saved_filter_remove,
    saved_filter_update,
)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Show the filters that the reader may use: what each finds, and what can be done to it."""
    actor = actor_of(request)
    rows = sorted(
        visible_filters(actor), key=lambda row: (row.owner_id != _me(actor), row.name.casefold())
    )
    context = {
        "rows": [_row(actor, row) for row in rows],
        "limit": LIMIT,
        "back": reverse("saved-filter-list"),
    }
    return render(request, "saved_filters/list.html", context)


def _me(actor: Actor) -> int:
    return actor.user.pk if actor.user else 0


def _row(actor: Actor, row: SavedFilter) -> dict[str, Any]:
    return {
        "row": row,
        "facts": filter_facts(row.query),
        "href": list_address(row),
        "logs": logs_address(row) if actor.access.reach(LOGS) else "",
        "own": row.owner_id == _me(actor),
        "may_change": may_change(actor, row),
        "may_remove": may_remove(actor, row),
    }


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Save the filter that `query` spells; goes on to `next`."""
    actor = actor_of(request)
    form = SavedFilterForm(_sent(request), query=request.GET.get("query", ""))
    if request.method == "POST" and form.is_valid():
        made = attempt(form, lambda: saved_filter_create(actor=actor, data=form.data_for()))
        if made:
            messages.success(request, _("The filter “%(name)s” was saved.") % {"name": made.name})
            return _done(request, made, set_now=True)
    return _ask(request, form, None)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename or share a filter of one's own, or let it find `query`."""
    actor = actor_of(request)
    row = access_own_filter(actor, pk, "filter.update")
    form = SavedFilterForm(_sent(request), row=row, query=request.GET.get("query", ""))
    if request.method == "POST" and form.is_valid():
        data = form.data_for()
        changed = attempt(form, lambda: saved_filter_update(actor=actor, filter_id=pk, data=data))
        if changed:
            words = _("The filter “%(name)s” was changed.") % {"name": changed.name}
            messages.success(request, words)
            return _done(request, changed, set_now="query" in data)
    return _ask(request, form, row)


@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a filter; GET asks first."""
    actor = actor_of(request)
    row = access_own_filter(actor, pk, "filter.remove")
    if request.method == "POST":
        saved_filter_remove(actor=actor, filter_id=pk)
        messages.success(request, _("The filter “%(name)s” was deleted.") % {"name": row.name})
        return _done(request, row, gone=True)
    context = {"row": row, "facts": filter_facts(row.query), "back": _back(request)}
    return render(request, "saved_filters/remove.html", context)


def _sent(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _ask(request: HttpRequest, form: SavedFilterForm, row: SavedFilter | None) -> HttpResponse:
    """Show the form, or say what is wrong with it as a dialog's script wants it."""
    status = 422 if form.errors else 200
    if form.errors and wants_json(request):
        texts = [str(text) for found in form.errors.values() for text in found]
        return JsonResponse({"message": " ".join(texts)}, status=status)
    context = {
        "form": form,
        "row": row,
        "facts": filter_facts(row.query if row else form.other),
        "other": filter_facts(form.other) if "replace" in form.fields else [],
        "action": request.path,
        "back": _back(request),
    }
    template = "form_dialog" if is_part(request) else "form"
    return render(request, f"saved_filters/{template}.html", context, status=status)


def _done(
    request: HttpRequest, row: SavedFilter, *, set_now: bool = False, gone: bool = False
) -> HttpResponse:
    """Lead back to where the form was opened; logs of what was `set_now` go on under its name."""
    back = _back(request)
    if back.partition("?")[0] == reverse("log-view"):
        if set_now:
            back = logs_address(row)
        elif gone and back == logs_address(row):
            back = reverse("log-view")
    return JsonResponse({"location": back}) if wants_json(request) else redirect(back)


def _back(request: HttpRequest) -> str:
    """Return the page of ours on which the form was opened; else that of all filters."""
    text = request.POST.get("next") or request.GET.get("next", "")
    safe = text.startswith("/") and url_has_allowed_host_and_scheme(text, allowed_hosts=None)
    return text if safe else reverse("saved-filter-list")
