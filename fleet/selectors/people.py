"""Users, teams, roles and grants for those who manage people. Nobody else gets them here."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from fleet.access import Refused, one_of, require
from fleet.actor import Actor
from fleet.models import ApiToken, Grant, Role, Scope, Team, User
from fleet.selectors.given import given_text

PERMISSION = "people.manage"


def users_of(actor: Actor, *, q: str = "", state: str = "") -> QuerySet[User]:
    """Return all users with counts of their teams and grants. Raises Refused."""
    require(actor, PERMISSION)
    users = User.objects.annotate(
        team_count=Count("teams", distinct=True), grant_count=Count("grants", distinct=True)
    )
    if q := given_text(q):
        names = ("username", "first_name", "last_name", "email")
        found = Q()
        for name in names:
            found |= Q(**{f"{name}__icontains": q})
        users = users.filter(found)
    if state in {"active", "disabled"}:
        users = users.filter(is_active=state == "active")
    return users.annotate(administers=administers(OuterRef("pk"))).order_by("username")


def administers(pk: OuterRef) -> Exists:
    """Return the condition that a user has the administrator's role on the whole fleet."""
    whole = Grant.objects.filter(
        role__name="administrator", role__built_in=True, scope=Scope.FLEET
    ).order_by()
    return Exists(whole.filter(Q(user=pk) | Q(team__members=pk)))


def teams_of(actor: Actor, *, q: str = "") -> QuerySet[Team]:
    """Return all teams with counts. Raises Refused."""
    require(actor, PERMISSION)
    teams = Team.objects.annotate(
        member_count=Count("members", distinct=True), grant_count=Count("grants", distinct=True)
    )
    teams = teams.filter(name__icontains=q) if (q := given_text(q)) else teams
    return teams.order_by("name")


def roles_of(actor: Actor) -> QuerySet[Role]:
    """Return all roles with the number of their grants. Raises Refused."""
    require(actor, PERMISSION)
    roles = Role.objects.annotate(grant_count=Count("grants", distinct=True))
    return roles.order_by("-built_in", "id")


def grants_of(actor: Actor) -> QuerySet[Grant]:
    """Return all grants with what they name. Raises Refused."""
    require(actor, PERMISSION)
    return Grant.objects.select_related("user", "team", "role", "environment", "host", "created_by")


def grants_reaching(actor: Actor, user: User) -> QuerySet[Grant]:
    """Return the grants that a user has, directly or by a team. Raises Refused."""
    return grants_of(actor).filter(Q(user=user) | Q(team__members=user)).distinct()


def own_tokens(actor: Actor, *, revoked: bool = False) -> QuerySet[ApiToken]:
    """Return the actor's own API tokens, those that were revoked only when asked for.

    Raises Refused for who came with a token that may less than its owner: nothing is its own.
    """
    if actor.narrowed:
        raise Refused(PERMISSION)
    rows = ApiToken.objects.filter(user=actor.user).select_related("role")
    return rows if revoked else rows.filter(revoked_at__isnull=True)


def access_user(actor: Actor, pk: int) -> User:
    """Return a user. Raises Refused without the permission, Unknown."""
    return one_of(users_of(actor), pk, _("user"))


def access_team(actor: Actor, pk: int) -> Team:
    """Return a team. Raises Refused without the permission, Unknown."""
    return one_of(teams_of(actor), pk, _("team"))


def access_role(actor: Actor, pk: int) -> Role:
    """Return a role. Raises Refused without the permission, Unknown."""
    return one_of(roles_of(actor), pk, _("role"))


def access_grant(actor: Actor, pk: int) -> Grant:
    """Return a grant. Raises Refused without the permission, Unknown."""
    return one_of(grants_of(actor), pk, _("grant"))


def access_token(actor: Actor, pk: int) -> ApiToken:
    """Return a token of the actor, or anybody's for who manages people. Raises Unknown."""
    rows = ApiToken.objects.select_related("user", "role")
    if not actor.access.may(PERMISSION):
        rows = rows.filter(user=actor.user)
    return one_of(rows, pk, _("token"))
