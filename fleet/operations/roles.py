"""What can be done to roles. Built-in ones stay as the code has them."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.actor import Actor
from fleet.models import Role
from fleet.operations.errors import Invalid
from fleet.operations.people import WHOLE, change, check_name, limit_grant, operation
from fleet.permissions import NEEDED, PERMISSIONS

NAME_LIMIT = 50
CREATE = operation(
    "role.create",
    gettext_lazy("Add role"),
    gettext_lazy("Adding the role %(target)s"),
    gettext_lazy("Added the role %(target)s"),
    gettext_lazy("Makes a set of permissions that grants can give."),
)
UPDATE = operation(
    "role.update",
    gettext_lazy("Change role"),
    gettext_lazy("Changing the role %(target)s"),
    gettext_lazy("Changed the role %(target)s"),
    gettext_lazy("Changes what everybody with this role may do."),
)
REMOVE = operation(
    "role.remove",
    gettext_lazy("Remove"),
    gettext_lazy("Removing the role %(target)s"),
    gettext_lazy("Removed the role %(target)s"),
    gettext_lazy("Removes a role that no grant and no token uses."),
    destructive=True,
)


def role_create(*, actor: Actor, name: str, permissions: Iterable[str]) -> Role:
    """Make a role. Raises Refused, or Invalid for `name` or `permissions`.

    It may hold more than its maker has: a grant of it is what is limited.
    """
    with change(actor, CREATE.name) as changing:
        role = Role.objects.create(
            name=check_name(name, Role.objects.all(), limit=NAME_LIMIT),
            permissions=_check(permissions),
            offered=sorted(PERMISSIONS),
        )
        changing.note(role, permissions=role.permissions)
    return role


def role_update(*, actor: Actor, role: Role, name: str, permissions: Iterable[str]) -> Role:
    """Change a role of our own making. Raises Refused or Invalid.

    What it gives to anybody, before and after, must not reach beyond the actor.
    """
    _own(role)
    chosen = _check(permissions)
    with change(actor, UPDATE.name) as changing:
        for grant in role.grants.select_related("role", "user", "team"):
            limit_grant(actor, grant, sorted({*grant.role.permissions, *chosen}))
        before = set(role.permissions)
        others = Role.objects.exclude(pk=role.pk)
        role.name = check_name(name, others, limit=NAME_LIMIT)
        role.permissions, role.offered = chosen, sorted(PERMISSIONS)
        role.save(update_fields=["name", "permissions", "offered"])
        added, removed = sorted(set(chosen) - before), sorted(before - set(chosen))
        changing.note(role, added=added, removed=removed)
    return role


def role_remove(*, actor: Actor, role: Role) -> None:
    """Remove a role that nothing uses. Raises Refused or Invalid."""
    _own(role)
    with change(actor, REMOVE.name) as changing:
        grants, tokens = role.grants.count(), role.apitoken_set.count()
        if grants or tokens:
            sentence = _(
                "It is in use: %(grants)d grants and %(tokens)d API tokens have it."
                " Take those away first."
            )
            raise Invalid({WHOLE: [sentence % {"grants": grants, "tokens": tokens}]})
        changing.note(role, permissions=role.permissions)
        changing.write()
        Role.objects.filter(pk=role.pk).delete()


def _own(role: Role) -> None:
    if role.built_in:
        raise Invalid({WHOLE: [_("Built-in roles cannot be changed. Make a role of your own.")]})


def _check(permissions: Iterable[str]) -> list[str]:
    chosen = set(permissions)
    if not chosen:
        raise Invalid({"permissions": [_("Choose at least one permission.")]})
    if not chosen <= PERMISSIONS.keys():
        raise Invalid({"permissions": [_("Choose permissions from the list.")]})
    return sorted(chosen | {NEEDED[name] for name in chosen if name in NEEDED})
