"""Environments: the list, and the forms that add, change and remove one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.forms.hosts import EnvironmentForm
from dashboard.forms.people import attempt
from dashboard.requests import actor_of
from fleet.access import access_environment, require, visible_environments, visible_hosts
from fleet.actor import Actor
from fleet.operations import environments


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show the environments that the reader may see, with their hosts counted."""
    actor = actor_of(request)
    counted = dict(
        visible_hosts(actor)
        .select_related(None)
        .order_by()
        .values_list("environment")
        .annotate(count=Count("pk"))
    )
    rows = [(row, counted.get(row.pk, 0)) for row in visible_environments(actor)]
    return render(request, "environments/list.html", {"rows": rows, **_may(actor)})


def _may(actor: Actor) -> dict[str, bool]:
    verbs = ("create", "update", "remove")
    return {f"may_{verb}": actor.access.may(f"environment.{verb}") for verb in verbs}


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add an environment."""
    actor = actor_of(request)
    require(actor, "environment.create")
    form = EnvironmentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        made = attempt(form, lambda: environments.environment_create(actor=actor, data=data))
        if made:
            messages.success(request, _("%(name)s was added.") % {"name": made.name})
            return redirect("environment-list")
    return _form(request, {"form": form})


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change an environment."""
    actor = actor_of(request)
    row = access_environment(actor, pk, "environment.update")
    sent = request.POST if request.method == "POST" else None
    form = EnvironmentForm(sent, initial=EnvironmentForm.initial_of(row))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        changed = attempt(
            form,
            lambda: environments.environment_update(actor=actor, environment_id=pk, data=data),
        )
        if changed:
            messages.success(request, _("%(name)s was changed.") % {"name": changed.name})
            return redirect("environment-list")
    return _form(request, {"form": form, "environment": row})


def _form(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    status = 422 if context["form"].errors else 200
    return render(request, "environments/form.html", context, status=status)


@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove an environment; says which hosts are in the way."""
    actor = actor_of(request)
    row = access_environment(actor, pk, "environment.remove")
    form = forms.Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        attempt(form, lambda: environments.environment_remove(actor=actor, environment_id=pk))
        if not form.errors:
            messages.success(request, _("%(name)s was removed.") % {"name": row.name})
            return redirect("environment-list")
    hosts: list[Any] = list(row.hosts.order_by("name"))
    context = {"environment": row, "form": form, "hosts": hosts, "grants": row.grants.count()}
    return render(request, "environments/remove.html", context, status=422 if form.errors else 200)
