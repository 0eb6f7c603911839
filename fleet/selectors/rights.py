"""What many users may do, read by a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q

from fleet.access import EVERYWHERE, NOTHING, Access, Reach
from fleet.models import Grant, Scope, User

CHUNK = 400  # ids twice in a query, and SQLite takes 999 of them in its oldest builds


def access_of_users(users: Iterable[User]) -> dict[int, Access]:
    """Return each user's access by id: just what `fleet.access.access_of` returns for each."""
    found: dict[int, Access] = {}
    ordinary: list[int] = []
    for user in users:
        if not user.is_active:
            found[user.pk] = NOTHING
        elif user.is_superuser:
            found[user.pk] = Access.everything()
        else:
            ordinary.append(user.pk)
    for start in range(0, len(ordinary), CHUNK):
        found.update(_of_grants(ordinary[start : start + CHUNK]))
    return found


def _of_grants(ids: list[int]) -> dict[int, Access]:
    given: dict[int, list[tuple[list[str], Reach]]] = defaultdict(list)
    rows = (
        Grant.objects.filter(Q(user__in=ids) | Q(team__members__in=ids))
        .order_by()
        .distinct()
        .values_list(
            "user_id", "team__members", "scope", "environment_id", "host_id", "role__permissions"
        )
    )
    for user, member, scope, environment, host, permissions in rows:
        given[user or member].append((permissions, _reach(scope, environment, host)))
    return {pk: Access.of_grants(given[pk]) for pk in ids}


def _reach(scope: str, environment: int | None, host: int | None) -> Reach:
    if scope == Scope.FLEET:
        return EVERYWHERE
    if environment is not None:
        return Reach(environments=frozenset({environment}))
    return Reach(hosts=frozenset({host} if host is not None else ()))
