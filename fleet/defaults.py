"""Rows that every installation has: the built-in roles, kept true to the code."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS

from fleet.permissions import BUILT_IN_ROLES, PERMISSIONS


def ensure_built_in_roles(using: str = DEFAULT_DB_ALIAS, **_kwargs: Any) -> None:
    """Make the built-in roles, or bring their permissions up to date; after each migrate.

    Roles of one's own never get any by themselves. One of before they were counted knows all that
    there are now: of which it was never asked nobody can tell.
    """
    from fleet.models import Role

    for name, permissions in BUILT_IN_ROLES.items():
        Role.objects.using(using).update_or_create(
            name=name, defaults={"permissions": sorted(permissions), "built_in": True}
        )
    uncounted = Role.objects.using(using).filter(offered__isnull=True)
    uncounted.update(offered=sorted(PERMISSIONS))
