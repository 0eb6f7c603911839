"""The administration's first page, and what its pages share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from dashboard.requests import actor_of
from fleet.access import Refused
from fleet.operations import Operation, words
from fleet.operations.errors import Invalid
from fleet.reach import Access

# (name of the address, permission)
SECTIONS = (
    ("administration-users", "people.manage"),
    ("administration-teams", "people.manage"),
    ("administration-roles", "people.manage"),
    ("administration-grants", "people.manage"),
    ("administration-audit", "audit.view"),
    ("environment-list", "environment.update"),
    ("registry-list", "registry.update"),
    ("status", "system.view"),
)


def labels() -> dict[str, tuple[str, str, str]]:
    """Return the word, the sentence and the icon of each section."""
    return {
        "administration-users": (_("Users"), _("Who may sign in."), "user"),
        "administration-teams": (_("Teams"), _("Users who share grants."), "users-group"),
        "administration-roles": (_("Roles"), _("Sets of permissions."), "shield-lock"),
        "administration-grants": (_("Grants"), _("Who has which role, and where."), "key"),
        "administration-audit": (
            _("Audit"),
            _("Who did or tried what, to what, from where."),
            "clipboard-check",
        ),
        "environment-list": (_("Environments"), _("Groups of hosts."), "stack-2"),
        "registry-list": (_("Registries"), _("Where images come from and go to."), "database"),
        "status": (_("Status"), _("The state of Quayside itself."), "heartbeat"),
    }


def sections(access: Access, active: str = "") -> list[dict[str, Any]]:
    """Return the sections that somebody may open, as tabs and as tiles."""
    found = []
    for name, permission in SECTIONS:
        if not access.may(permission):
            continue
        try:
            href = reverse(name)
        except NoReverseMatch:  # not built in
            continue
        label, text, icon = labels()[name]
        found.append(
            {"href": href, "label": label, "text": text, "icon": icon, "active": name == active}
        )
    return found


def page(
    request: HttpRequest, template: str, tab: str, status: int = 200, **context: Any
) -> HttpResponse:
    """Render one of the administration's pages below its tabs."""
    tabs = sections(actor_of(request).access, tab)
    return render(request, template, {"tabs": tabs, **context}, status=status)


def form_page(
    request: HttpRequest,
    tab: str,
    form: Form,
    *,
    title: str,
    submit: str,
    back: str,
    template: str = "people/form.html",
    **context: Any,
) -> HttpResponse:
    """Render a form of the administration; 422 when it has errors."""
    status = 422 if form.errors else 200
    context |= {"form": form, "title": title, "submit": submit, "back": resolve_url(back)}
    return page(request, template, tab, status, **context)


def confirm(
    request: HttpRequest,
    tab: str,
    operation: Operation,
    target: object,
    *,
    do: Callable[[], object],
    goes: list[str],
    back: str,
    done: str,
) -> HttpResponse:
    """Ask before something destructive (GET), then do it (POST) and go to `done`.

    `goes` lists what it takes with it; a refusal in words is shown on the same page.
    """
    problem = ""
    spoken = words(operation, target)
    if request.method == "POST":
        try:
            do()
        except Invalid as error:
            problem = str(error)
        else:
            messages.success(request, f"{spoken['done']}.")
            return redirect(done)
    context = {
        "operation": operation,
        "target": target,
        "verb": spoken["verb"],
        "goes": goes,
        "problem": problem,
        "back": resolve_url(back),
    }
    return page(request, "people/confirm.html", tab, 422 if problem else 200, **context)


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show what there is to administer. Raises Refused for who may nothing of it."""
    actor = actor_of(request)
    found = sections(actor.access)
    if not found:
        raise Refused("people.manage")
    return render(request, "administration/index.html", {"sections": found})
