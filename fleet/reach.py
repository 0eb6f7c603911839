"""What somebody may do, and where: `Access`, computed from their grants by one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Q

from fleet.models import ApiToken, Grant, Host, Scope, User
from fleet.permissions import FLEET_ONLY, PERMISSIONS

CHUNK = 400  # ids twice in a query, and SQLite takes 999 of them in its oldest builds


@dataclass(frozen=True)
class Reach:
    """Where a permission holds."""

    everywhere: bool = False
    environments: frozenset[int] = frozenset()
    hosts: frozenset[int] = frozenset()

    @classmethod
    def of(cls, scope: str, environment: int | None, host: int | None) -> Reach:
        """Return where a grant of that scope, on that environment or host, holds."""
        if scope == Scope.FLEET:
            return EVERYWHERE
        if scope == Scope.ENVIRONMENT:
            return cls(environments=frozenset({environment or 0}))
        return cls(hosts=frozenset({host or 0}))

    def covers(self, host: Host) -> bool:
        """Return whether it holds on this host."""
        return self.everywhere or host.pk in self.hosts or host.environment_id in self.environments

    def __or__(self, other: Reach) -> Reach:
        return Reach(
            self.everywhere or other.everywhere,
            self.environments | other.environments,
            self.hosts | other.hosts,
        )

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.environments or self.hosts)

    def q(self, host: str = "") -> Q:
        """Return the filter for rows whose path to their host is `host` ("" for hosts)."""
        if self.everywhere:
            return Q()
        path = f"{host}__" if host else ""
        return Q(**{f"{path}pk__in": self.hosts}) | Q(
            **{f"{path}environment_id__in": self.environments}
        )


NOWHERE = Reach()
EVERYWHERE = Reach(everywhere=True)


@dataclass(frozen=True)
class Access:
    """What somebody may do, and where. Equal ones see equal pages."""

    reaches: tuple[tuple[str, Reach], ...] = ()
    _by_name: dict[str, Reach] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", dict(self.reaches))

    @classmethod
    def everything(cls) -> Access:
        """Return an administrator's access."""
        return cls(tuple((name, EVERYWHERE) for name in sorted(PERMISSIONS)))

    @classmethod
    def of_grants(cls, grants: Iterable[tuple[Iterable[str], Reach]]) -> Access:
        """Return the union of (permissions, reach) pairs."""
        found: dict[str, Reach] = {}
        for permissions, reach in grants:
            for name in permissions:
                if name in PERMISSIONS and (reach.everywhere or name not in FLEET_ONLY):
                    found[name] = found.get(name, NOWHERE) | reach
        return cls(tuple(sorted(found.items())))

    def narrowed(self, permissions: Iterable[str]) -> Access:
        """Return this access with only these permissions left."""
        keep = set(permissions)
        return Access(tuple((name, reach) for name, reach in self.reaches if name in keep))

    def reach(self, permission: str) -> Reach:
        """Return where a permission holds."""
        return self._by_name.get(permission, NOWHERE)

    def may(self, permission: str, host: Host | None = None) -> bool:
        """Return whether it is allowed on the host, or over the whole fleet without one."""
        reach = self.reach(permission)
        return reach.covers(host) if host is not None else reach.everywhere

    def permissions_on(self, host: Host) -> frozenset[str]:
        """Return all that is allowed on a host."""
        return frozenset(name for name, reach in self.reaches if reach.covers(host))


NOTHING = Access()


def access_of(user: User | None, token: ApiToken | None = None) -> Access:
    """Return what a user may do, read from the database now; nothing for nobody.

    A token with a role can only take away.
    """
    if user is None or not user.is_authenticated:
        return NOTHING
    access = access_of_users([user])[user.pk]
    if token is not None and token.role is not None:
        access = access.narrowed(token.role.permissions)
    return access


def access_of_users(users: Iterable[User]) -> dict[int, Access]:
    """Return what each user may do, by id: one query for hundreds of them."""
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
        found.update(_by_grants(ordinary[start : start + CHUNK]))
    return found


def _by_grants(ids: list[int]) -> dict[int, Access]:
    given: dict[int, list[tuple[list[str], Reach]]] = defaultdict(list)
    rows = (
        Grant.objects.filter(Q(user__in=ids) | Q(team__members__in=ids))
        .order_by()
        .distinct()
        .values_list(
            "user_id", "team__members", "role__permissions", "scope", "environment_id", "host_id"
        )
    )
    for user, member, permissions, scope, environment, host in rows:
        given[user or member].append((permissions, Reach.of(scope, environment, host)))
    return {pk: Access.of_grants(given[pk]) for pk in ids}
