"""The menus of the breadcrumb: where one can switch to from an environment, host or container."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboard.requests import actor_of
from fleet.selectors.siblings import (
    Siblings,
    container_siblings,
    environment_siblings,
    host_siblings,
)

# Tabs that are kept, by the last word of their address's name.
HOST_TABS = {"events", "jobs"}
CONTAINER_TABS = {
    "logs", "environment", "processes", "changes", "inspect", "events", "jobs",
}  # fmt: skip


@require_safe
def of_environment(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the environments; each leads to its hosts."""
    found = environment_siblings(actor_of(request), pk, request.GET.get("q", ""))
    words = {"title": _("Environments"), "filter": _("Filter environments")}
    return _menu(request, found, "environment", reverse("environment-list"), _hosts_of, words)


def _hosts_of(environment: Any) -> str:
    return f"{reverse('host-list')}?{urlencode({'environment': environment.name})}"


@require_safe
def of_host(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the hosts of the same environment; each leads to the same tab."""
    found = host_siblings(actor_of(request), pk, request.GET.get("q", ""))
    environment = found.here.environment
    words = {
        "title": _("Hosts of %(name)s") % {"name": environment.name},
        "filter": _("Filter hosts"),
        "up": _hosts_of(environment),
    }
    link = _tab_of(request, "host", HOST_TABS)
    return _menu(request, found, "host", _hosts_of(environment), link, words)


@require_safe
def of_container(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the containers of the same host; each leads to the same tab."""
    found = container_siblings(actor_of(request), pk, request.GET.get("q", ""))
    host = found.here.host
    words = {
        "title": _("Containers of %(name)s") % {"name": host.name},
        "filter": _("Filter containers"),
        "up": reverse("host-detail", args=[host.pk]),
    }
    link = _tab_of(request, "container", CONTAINER_TABS)
    whole = f"{reverse('container-list')}?{urlencode({'host': host.name})}"
    return _menu(request, found, "container", whole, link, words)


def _tab_of(request: HttpRequest, kind: str, tabs: set[str]) -> Callable[[Any], str]:
    tab = request.GET.get("tab", "")
    name = f"{kind}-{tab if tab in tabs else 'detail'}"
    return lambda row: reverse(name, args=[row.pk])


def _menu(
    request: HttpRequest,
    found: Siblings,
    kind: str,
    whole: str,
    link: Callable[[Any], str],
    words: dict[str, str],
) -> HttpResponse:
    """Return the menu, for who types into its filter just the list; without scripts, the page."""
    if not getattr(request, "htmx", False):
        return redirect(whole)
    if found.q and kind != "environment":
        whole += "&" + urlencode({"q": found.q})
    context = {
        "found": found,
        "kind": kind,
        "whole": whole,
        "links": [(row, link(row)) for row in found.rows],
        "words": words,
        "again": request.get_full_path(),
    }
    part = "#list" if "q" in request.GET else ""
    return render(request, f"frame/siblings.html{part}", context)
