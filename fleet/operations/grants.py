"""Giving and taking grants."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.access import require
from fleet.actor import Actor
from fleet.models import Environment, Grant, Host, Role, Scope, Team, User
from fleet.operations.errors import Invalid
from fleet.operations.people import PERMISSION, change, limit_grant, operation

CREATE = operation(
    "grant.create",
    gettext_lazy("Give"),
    gettext_lazy("Giving a role to %(target)s"),
    gettext_lazy("Gave a role to %(target)s"),
    gettext_lazy("Gives a user or a team a role on the fleet, an environment or a host."),
)
REMOVE = operation(
    "grant.remove",
    gettext_lazy("Take away"),
    gettext_lazy("Taking a role from %(target)s"),
    gettext_lazy("Took a role from %(target)s"),
    gettext_lazy("Takes a grant away; open pages lose what it gave within seconds."),
    destructive=True,
)


def grant_create(
    *,
    actor: Actor,
    role: Role,
    user: User | None = None,
    team: Team | None = None,
    on: Host | Environment | None = None,
) -> Grant:
    """Give a role to a user or a team, on a host, an environment or (None) the fleet.

    Raises Refused, also for more than the actor has, and Invalid for `user` or `role`.
    """
    require(actor, PERMISSION)
    if (user is None) == (team is None):
        raise Invalid({"user": [_("Choose a user or a team, one of them.")]})
    host = on if isinstance(on, Host) else None
    environment = on if isinstance(on, Environment) else None
    scope = Scope.HOST if host else Scope.ENVIRONMENT if environment else Scope.FLEET
    grant = Grant(
        user=user, team=team, role=role, scope=scope, host=host, environment=environment,
        created_by=actor.user,
    )  # fmt: skip
    with change(actor, CREATE.name, name_field="role") as changing:
        grant.role = _fresh(role)
        limit_grant(actor, grant)
        if _same(grant).exists():
            raise Invalid({"role": [_("They have this role there already.")]})
        grant.save(force_insert=True)
        changing.note(user or team or grant, **facts(grant))
    return grant


def grant_remove(*, actor: Actor, grant: Grant) -> None:
    """Take a grant away. Raises Refused, or Invalid for the last administrator's."""
    require(actor, PERMISSION)
    with change(actor, REMOVE.name) as changing:
        limit_grant(actor, grant)
        changing.note(grant.user or grant.team or grant, **facts(grant))
        Grant.objects.filter(pk=grant.pk).delete()


def facts(grant: Grant) -> dict[str, Any]:
    """Return what the audit says of a grant."""
    return {"role": grant.role.name, "scope": grant.scope, "on": str(grant.target or "")}


def _fresh(role: Role) -> Role:
    """Return a role as it is now: it may have grown since it was read. Raises Invalid."""
    found = Role.objects.filter(pk=role.pk).first()
    if found is None:
        raise Invalid({"role": [_("This role was removed meanwhile.")]})
    return found


def _same(grant: Grant) -> Any:
    return Grant.objects.filter(
        user=grant.user,
        team=grant.team,
        role=grant.role,
        scope=grant.scope,
        environment=grant.environment,
        host=grant.host,
    )
