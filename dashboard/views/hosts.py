"""Hosts: the list, a host's page, and the forms that add, change, test and remove it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.forms.hosts import HostForm, TypedName, initial_of, kind_of
from dashboard.forms.people import attempt
from dashboard.live.topics.jobs import ROWS
from dashboard.live.topics.jobs_on import latest_snapshot
from dashboard.requests import actor_of, wants_json
from dashboard.views.actions import asked_for, or_say_why
from dashboard.views.jobs import Drawn
from dashboard.views.usage import charts_context
from fleet.access import Refused, access_host
from fleet.models import Host
from fleet.operations import hosts
from fleet.operations.errors import Invalid
from fleet.operations.host_input import CREDENTIALS_OF
from fleet.operations.requests import request as request_job
from fleet.selectors.certificates import fingerprint_of
from fleet.selectors.events import EventQuery, event_page
from fleet.selectors.hosts import HostQuery, head_revision, host_list, host_page, leaving_with


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show the hosts that the reader may see."""
    actor = actor_of(request)
    found = host_list(actor, HostQuery.parse(request.GET))
    context = {"found": found, "may_add": bool(actor.access.reach("host.create"))}
    return render(request, "hosts/list.html", context)


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add a host; `?kind=` says how it is reached."""
    actor = actor_of(request)
    if not actor.access.reach("host.create"):
        raise Refused("host.create")
    form = HostForm(*_sent(request), actor=actor, kind=_kind(request, "tcp"))
    if request.method == "POST" and form.is_valid():
        data = form.data_for_operation()
        host = attempt(form, lambda: hosts.host_create(actor=actor, data=data))
        if host:
            messages.success(request, _("%(name)s was added.") % {"name": host.name})
            return redirect("host-detail", host.pk)
    return _form(request, form)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a host."""
    actor = actor_of(request)
    host = access_host(actor, pk, "host.update")
    kind = _kind(request, kind_of(host))
    form = HostForm(*_sent(request), actor=actor, kind=kind, host=host, initial=initial_of(host))
    if request.method == "POST" and form.is_valid():
        data = form.data_for_operation()
        changed = attempt(form, lambda: hosts.host_update(actor=actor, host_id=pk, data=data))
        if changed:
            messages.success(request, _("%(name)s was changed.") % {"name": changed.name})
            return redirect("host-detail", pk)
    return _form(request, form)


def _sent(request: HttpRequest) -> tuple[Any, ...]:
    return (request.POST, request.FILES) if request.method == "POST" else ()


def _kind(request: HttpRequest, default: str) -> str:
    kind = request.GET.get("kind", default)
    return kind if kind in CREDENTIALS_OF else default


def _form(request: HttpRequest, form: HostForm) -> HttpResponse:
    status = 422 if form.errors else 200
    context = {"form": form, "host": form.host, "kind": form.kind}
    return render(request, "hosts/form.html", context, status=status)


@require_POST
def test_form(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Test what is typed into the form of a new host, or of a stored one (`pk`)."""
    actor = actor_of(request)
    host = access_host(actor, pk, "host.update") if pk is not None else None
    if host is None and not actor.access.reach("host.test"):
        raise Refused("host.test")
    kind = _kind(request, "tcp")
    form = HostForm(*_sent(request), actor=actor, kind=kind, host=host, named=False)
    probe = None
    if form.is_valid():
        data = form.data_for_operation()
        for name in ("name", "environment", "labels"):
            data.pop(name)
        probe = attempt(form, lambda: hosts.host_test(actor=actor, host_id=pk, data=data))
    return _probe(request, {"probe": probe, "form": form, "host": host})


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Test the connection to a host as it is stored."""
    actor = actor_of(request)
    host = access_host(actor, pk, "host.test")
    try:
        probe = hosts.host_test(actor=actor, host_id=pk)
    except Invalid as error:
        return _probe(request, {"host": host, "problems": str(error)})
    return _probe(request, {"host": host, "probe": probe})


def _probe(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    template = "hosts/probe.html#result" if getattr(request, "htmx", False) else "hosts/probe.html"
    return render(request, template, context)


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a host: its engine, its state, its disk, what happened last."""
    actor = actor_of(request)
    host = access_host(actor, pk)
    return _tab(request, host, "overview", {"page": host_page(actor, host)})


@require_GET
def usage(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what all containers of a host used; its script loads the values."""
    actor = actor_of(request)
    host = access_host(actor, pk)
    context = charts_context(request, f"/api/v1/hosts/{pk}/stats/history")
    context |= {
        "limit_cpu": 100 * (host.cpus or 0),
        "limit_memory": host.memory,
        "top_href": f"{reverse('usage-top')}?{urlencode({'host': host.name})}"
        if actor.access.reach("container.view").covers(host)
        else "",
        "label": _("What the containers of %(name)s used") % {"name": host.name},
    }
    return _tab(request, host, "usage", context)


@require_GET
def events(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a host's events."""
    actor = actor_of(request)
    host = access_host(actor, pk)
    wanted = request.GET.copy()
    wanted["host"] = str(pk)
    page = event_page(actor, EventQuery.parse(wanted))
    wanted["bare"] = "1"
    return _tab(request, host, "events", {"page": page, "live_args": wanted.urlencode()})


@require_GET
def jobs(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a host's latest jobs."""
    actor = actor_of(request)
    host = access_host(actor, pk)
    drawn = Drawn(request, latest_snapshot(actor, host, "host", pk))
    context = {"rows": drawn.rows(ROWS), "parts": drawn.parts("jobs"), "live_args": f"id={pk}"}
    return _tab(request, host, "jobs", context)


def _tab(request: HttpRequest, host: Host, name: str, context: dict[str, Any]) -> HttpResponse:
    permissions = actor_of(request).access.permissions_on(host)
    own = {
        "host": host,
        "tab": name,
        "permissions": permissions,
        "head_rev": head_revision(host, permissions),
    }
    return render(request, f"hosts/{name}.html", own | context)


@require_POST
def switch(request: HttpRequest, pk: int, on: bool) -> HttpResponse:
    """Switch a host off or on."""
    change = hosts.host_enable if on else hosts.host_disable
    host = change(actor=actor_of(request), host_id=pk)
    said = _("%(name)s is watched again.") if on else _("%(name)s is switched off.")
    return _done(request, host, said % {"name": host.name})


@require_http_methods(["GET", "POST"])
def forget_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the pinned ssh host key, after showing it."""
    actor = actor_of(request)
    host = access_host(actor, pk, "host.update")
    if request.method == "POST":
        hosts.host_forget_key(actor=actor, host_id=pk)
        said = _("The key of %(name)s is forgotten. The next connection pins the one it meets.")
        return _done(request, host, said % {"name": host.name})
    context = {"host": host, "fingerprint": fingerprint_of(host.ssh_host_key)}
    return render(request, "hosts/forget_key.html", context)


@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a host, after saying what goes with it and having its name typed."""
    actor = actor_of(request)
    host = access_host(actor, pk, "host.remove")
    form = TypedName(request.POST if request.method == "POST" else None, name=host.name)
    if request.method == "POST" and form.is_valid():
        attempt(form, lambda: hosts.host_remove(actor=actor, host_id=pk))
        if not form.errors:
            messages.success(request, _("%(name)s was removed.") % {"name": host.name})
            return redirect("host-list")
    context = {"host": host, "form": form, "leaving": leaving_with(host)}
    return render(request, "hosts/remove.html", context, status=422 if form.errors else 200)


@require_POST
def refresh(request: HttpRequest, pk: int) -> HttpResponse:
    """Measure the disk usage in the background."""
    actor = actor_of(request)
    access_host(actor, pk, "host.refresh")
    back = reverse("host-detail", args=[pk])

    def ask() -> HttpResponse:
        job = request_job("host.refresh", actor=actor, target_id=pk, params={})
        return asked_for(request, job, back=back)

    return or_say_why(request, back, ask)


def _done(request: HttpRequest, host: Host, message: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"message": message})
    messages.success(request, message)
    return redirect("host-detail", host.pk)
