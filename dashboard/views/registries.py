"""Registries: the list, a registry's page, and the forms that add, change, test and remove it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.forms.people import attempt
from dashboard.forms.registries import PRESETS, RegistryForm, initial_of
from dashboard.requests import actor_of, is_part
from dashboard.views.registry_content import context_of
from fleet.access import access_registry, require
from fleet.operations import registries
from fleet.operations.errors import Invalid
from fleet.selectors.registries import may_of, registry_list, registry_page

FIRST = "hub"  # what most begin with


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show the registries that serve the reader's environments."""
    actor = actor_of(request)
    context = {
        "rows": registry_list(actor), "may": may_of(actor), "presets": PRESETS,
        "may_search": bool(actor.access.reach("registry.view")),
    }  # fmt: skip
    return render(request, "registries/list.html", context)


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a registry: how it is reached, whom it serves."""
    actor = actor_of(request)
    page = registry_page(actor, access_registry(actor, pk))
    context = context_of(actor, page.row.registry, page=page, row=page.row)
    return render(request, "registries/detail.html", context)


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add a registry; `?kind=` chooses the preset."""
    actor = actor_of(request)
    require(actor, "registry.create")
    kind = _kind(request, FIRST)
    form = RegistryForm(*_sent(request), actor=actor, kind=kind, initial=initial_of(kind))
    if request.method == "POST" and form.is_valid():
        data = form.data_for_operation()
        made = attempt(form, lambda: registries.registry_create(actor=actor, data=data))
        if made:
            messages.success(request, _("%(name)s was added.") % {"name": made.name})
            return redirect("registry-detail", made.pk)
    return _form(request, form)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a registry."""
    actor = actor_of(request)
    row = access_registry(actor, pk, "registry.update")
    kind = _kind(request, row.kind)
    form = RegistryForm(
        *_sent(request), actor=actor, kind=kind, registry=row, initial=initial_of(kind, row)
    )
    if request.method == "POST" and form.is_valid():
        data = form.data_for_operation()
        changed = attempt(
            form, lambda: registries.registry_update(actor=actor, registry_id=pk, data=data)
        )
        if changed:
            messages.success(request, _("%(name)s was changed.") % {"name": changed.name})
            return redirect("registry-detail", pk)
    return _form(request, form)


def _sent(request: HttpRequest) -> tuple[Any, ...]:
    return (request.POST, request.FILES) if request.method == "POST" else ()


def _kind(request: HttpRequest, default: str) -> str:
    kind = request.GET.get("kind", default)
    return kind if kind in PRESETS else default


def _form(request: HttpRequest, form: RegistryForm) -> HttpResponse:
    context = {
        "form": form, "registry": form.registry, "kind": form.kind, "presets": PRESETS,
    }  # fmt: skip
    return render(request, "registries/form.html", context, status=422 if form.errors else 200)


@require_POST
def test_form(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Test what is typed into the form of a new registry, or of a stored one (`pk`)."""
    actor = actor_of(request)
    if pk is None:
        require(actor, "registry.test")
        row = None
    else:
        row = access_registry(actor, pk, "registry.update")
    kind = _kind(request, row.kind if row else FIRST)
    form = RegistryForm(*_sent(request), actor=actor, kind=kind, registry=row, named=False)
    probe = None
    if form.is_valid():
        data = form.connection()
        probe = attempt(
            form, lambda: registries.registry_test(actor=actor, registry_id=pk, data=data)
        )
    return _probe(request, {"probe": probe, "form": form, "registry": row})


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Test the connection to a registry as it is stored."""
    actor = actor_of(request)
    context: dict[str, Any] = {"registry": access_registry(actor, pk, "registry.test")}
    try:
        context["probe"] = registries.registry_test(actor=actor, registry_id=pk)
    except Invalid as error:
        context["problems"] = str(error)
    return _probe(request, context)


def _probe(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    part = "#result" if is_part(request) else ""
    return render(request, f"registries/probe.html{part}", context)


@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a registry, after saying what that means."""
    actor = actor_of(request)
    row = access_registry(actor, pk, "registry.remove")
    if request.method == "POST":
        registries.registry_remove(actor=actor, registry_id=pk)
        messages.success(request, _("%(name)s was removed.") % {"name": row.name})
        return redirect("registry-list")
    context = {"registry": row, "page": registry_page(actor, row)}
    return render(request, "registries/remove.html", context)
