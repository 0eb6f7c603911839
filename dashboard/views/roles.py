"""Roles: built-in ones to read, others to add, change and remove."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.forms.people import PERMISSION_GROUPS, RoleForm, attempt, posted
from dashboard.requests import actor_of
from dashboard.views.administration import confirm, form_page, page
from fleet.models import Role
from fleet.operations import roles
from fleet.permissions import PERMISSIONS
from fleet.selectors.people import access_role, grants_of, roles_of

TAB = "administration-roles"


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Show which role gives which permission, as one table."""
    rows = list(roles_of(actor_of(request)))
    groups = [
        (
            label,
            [
                (
                    name,
                    text,
                    [
                        (role, name in role.permissions, name in role.new_permissions)
                        for role in rows
                    ],
                )
                for name, text in group.items()
            ],
        )
        for label, group in PERMISSION_GROUPS
    ]
    return page(request, "people/roles.html", TAB, roles=rows, groups=groups)


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add a role; `?like=ID` begins with another's permissions."""
    actor = actor_of(request)
    form = RoleForm(posted(request), initial=_like(request, list(roles_of(actor))))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        role = attempt(form, lambda: roles.role_create(actor=actor, **data))
        if role is not None:
            messages.success(request, _("The role %(name)s was added.") % {"name": role.name})
            return redirect(TAB)
    texts = {"title": _("Add a role"), "submit": _("Add role"), "back": TAB}
    return form_page(request, TAB, form, template="people/role.html", **texts)


def _like(request: HttpRequest, known: list[Role]) -> dict[str, list[str]]:
    wanted = request.GET.get("like", "")
    found = next((role for role in known if str(role.pk) == wanted), None)
    return {"permissions": found.permissions} if found else {}


@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a role and who has it; change one that is not built in."""
    actor = actor_of(request)
    role = access_role(actor, pk)
    stored = {"name": role.name, "permissions": role.permissions}
    form = RoleForm(posted(request), initial=stored)
    if request.method == "POST" and form.is_valid():
        data, fresh = form.cleaned_data, access_role(actor, pk)
        if attempt(form, lambda: roles.role_update(actor=actor, role=fresh, **data)):
            messages.success(request, _("Saved."))
            return redirect("administration-role", pk)
    texts = {"title": role.name, "submit": _("Save"), "back": TAB}
    context: dict[str, Any] = {
        "shown": role,
        "grants": grants_of(actor).filter(role=role),
        "permissions": [
            (label, [text for name, text in group.items() if name in role.permissions])
            for label, group in PERMISSION_GROUPS
        ],
        "all_count": len(PERMISSIONS),
        "fresh": [(name, PERMISSIONS[name]) for name in role.new_permissions],
        "fresh_names": role.new_permissions,
    }
    return form_page(request, TAB, form, template="people/role.html", **texts, **context)


@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then remove a role that nothing uses."""
    actor = actor_of(request)
    role = access_role(actor, pk)
    return confirm(
        request,
        TAB,
        roles.REMOVE,
        role,
        do=lambda: roles.role_remove(actor=actor, role=role),
        goes=[],
        back=resolve_url("administration-role", pk),
        done=TAB,
    )
