"""/teams, /roles, /grants: for those who manage people."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from dashboard.api.auth import caller
from dashboard.api.pages import Window, page
from fleet.access import access_environment, access_host
from fleet.models import Grant, Role, Team, User
from fleet.operations import grants, roles, teams
from fleet.operations.errors import Invalid
from fleet.selectors import people

router = Router()

Id = Annotated[int, Field(ge=1, lt=2**63)]


class TeamOut(Schema):
    """A group of users; `members` are ids."""

    id: int
    name: str
    members: list[int]


class TeamsOut(Schema):
    """A part of a list."""

    items: list[TeamOut]
    count: int


class TeamIn(Schema, extra="forbid"):
    """A team with its members' ids."""

    name: Annotated[str, Field(max_length=100)]
    members: Annotated[list[Id], Field(max_length=1000)] = []


def _team(row: Team) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "members": sorted(user.pk for user in row.members.all()),
    }


def _members(request: HttpRequest, ids: list[int]) -> list[User]:
    found = list(people.users_of(caller(request)).filter(pk__in=ids))
    if len(found) != len(set(ids)):
        raise Invalid({"members": [_("One of these users does not exist.")]})
    return found


@router.get("/teams", response=TeamsOut, tags=["teams"], summary="List teams")
def list_teams(request: HttpRequest, window: Query[Window], q: str = "") -> Any:
    """Return all teams."""
    rows = people.teams_of(caller(request), q=q[:200]).prefetch_related("members")
    return page(rows, window, _team, {"id": "pk", "name": "name"})


@router.post("/teams", response={201: TeamOut}, tags=["teams"], summary="Add a team")
def create_team(request: HttpRequest, data: TeamIn) -> Any:
    """Make a team."""
    members = _members(request, data.members)
    return Status(
        201, _team(teams.team_create(actor=caller(request), name=data.name, members=members))
    )


@router.get("/teams/{int:team_id}", response=TeamOut, tags=["teams"], summary="Show a team")
def get_team(request: HttpRequest, team_id: int) -> Any:
    """Return one team."""
    return _team(people.access_team(caller(request), team_id))


@router.put("/teams/{int:team_id}", response=TeamOut, tags=["teams"], summary="Change a team")
def update_team(request: HttpRequest, team_id: int, data: TeamIn) -> Any:
    """Set name and members."""
    actor = caller(request)
    team = people.access_team(actor, team_id)
    members = _members(request, data.members)
    return _team(teams.team_update(actor=actor, team=team, name=data.name, members=members))


@router.delete(
    "/teams/{int:team_id}", response={204: None}, tags=["teams"], summary="Remove a team"
)
def remove_team(request: HttpRequest, team_id: int) -> Any:
    """Remove a team with its grants."""
    actor = caller(request)
    teams.team_remove(actor=actor, team=people.access_team(actor, team_id))
    return Status(204, None)


class RoleOut(Schema):
    """A set of permissions."""

    id: int
    name: str
    permissions: list[str]
    built_in: bool
    new_permissions: list[
        str
    ]  # came with an upgrade since it was saved last; it does not have them


class RolesOut(Schema):
    """A part of a list."""

    items: list[RoleOut]
    count: int


class RoleIn(Schema, extra="forbid"):
    """A role of our own making."""

    name: Annotated[str, Field(max_length=50)]
    permissions: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=200)]


def _role(row: Role) -> dict[str, Any]:
    return {name: getattr(row, name) for name in RoleOut.model_fields}


@router.get("/roles", response=RolesOut, tags=["roles"], summary="List roles")
def list_roles(request: HttpRequest, window: Query[Window]) -> Any:
    """Return all roles."""
    return page(people.roles_of(caller(request)), window, _role, {"id": "pk", "name": "name"})


@router.post("/roles", response={201: RoleOut}, tags=["roles"], summary="Add a role")
def create_role(request: HttpRequest, data: RoleIn) -> Any:
    """Make a role; nobody can put more into it than they may themselves."""
    actor = caller(request)
    return Status(
        201, _role(roles.role_create(actor=actor, name=data.name, permissions=data.permissions))
    )


@router.get("/roles/{int:role_id}", response=RoleOut, tags=["roles"], summary="Show a role")
def get_role(request: HttpRequest, role_id: int) -> Any:
    """Return one role."""
    return _role(people.access_role(caller(request), role_id))


@router.put("/roles/{int:role_id}", response=RoleOut, tags=["roles"], summary="Change a role")
def update_role(request: HttpRequest, role_id: int, data: RoleIn) -> Any:
    """Set name and permissions; built-in roles cannot be changed."""
    actor = caller(request)
    role = people.access_role(actor, role_id)
    changed = roles.role_update(
        actor=actor, role=role, name=data.name, permissions=data.permissions
    )
    return _role(changed)


@router.delete(
    "/roles/{int:role_id}", response={204: None}, tags=["roles"], summary="Remove a role"
)
def remove_role(request: HttpRequest, role_id: int) -> Any:
    """Remove a role that nothing uses."""
    actor = caller(request)
    roles.role_remove(actor=actor, role=people.access_role(actor, role_id))
    return Status(204, None)


class GrantOut(Schema):
    """A user or a team has a role; `scope` is fleet, environment or host."""

    id: int
    user: int | None
    team: int | None
    role: int
    role_name: str
    scope: str
    environment: int | None
    host: int | None
    created_at: datetime


class GrantsOut(Schema):
    """A part of a list."""

    items: list[GrantOut]
    count: int


class GrantIn(Schema, extra="forbid"):
    """Ids: exactly one of user and team; environment or host, or neither for the whole fleet."""

    user: Id | None = None
    team: Id | None = None
    role: Id
    environment: Id | None = None
    host: Id | None = None


def _grant(row: Grant) -> dict[str, Any]:
    return {
        "id": row.pk,
        "user": row.user_id,
        "team": row.team_id,
        "role": row.role_id,
        "role_name": row.role.name,
        "scope": row.scope,
        "environment": row.environment_id,
        "host": row.host_id,
        "created_at": row.created_at,
    }


@router.get("/grants", response=GrantsOut, tags=["grants"], summary="List grants")
def list_grants(request: HttpRequest, window: Query[Window]) -> Any:
    """Return all grants."""
    return page(people.grants_of(caller(request)), window, _grant, {"id": "pk"})


@router.post("/grants", response={201: GrantOut}, tags=["grants"], summary="Give a role")
def create_grant(request: HttpRequest, data: GrantIn) -> Any:
    """Give a role; nobody can give more than they may themselves."""
    actor = caller(request)
    if (data.user is None) == (data.team is None):
        raise Invalid({"user": [_("Name a user or a team, not both.")]})
    if data.environment is not None and data.host is not None:
        raise Invalid({"environment": [_("Name an environment or a host, not both.")]})
    grant = grants.grant_create(
        actor=actor,
        role=people.access_role(actor, data.role),
        user=people.access_user(actor, data.user) if data.user is not None else None,
        team=people.access_team(actor, data.team) if data.team is not None else None,
        on=_place(request, data),
    )
    return Status(201, _grant(grant))


def _place(request: HttpRequest, data: GrantIn) -> Any:
    actor = caller(request)
    if data.host is not None:
        return access_host(actor, data.host)
    return access_environment(actor, data.environment) if data.environment is not None else None


@router.get("/grants/{int:grant_id}", response=GrantOut, tags=["grants"], summary="Show a grant")
def get_grant(request: HttpRequest, grant_id: int) -> Any:
    """Return one grant."""
    return _grant(people.access_grant(caller(request), grant_id))


@router.delete(
    "/grants/{int:grant_id}", response={204: None}, tags=["grants"], summary="Take a grant"
)
def remove_grant(request: HttpRequest, grant_id: int) -> Any:
    """Take it away: open pages lose it within seconds."""
    actor = caller(request)
    grants.grant_remove(actor=actor, grant=people.access_grant(actor, grant_id))
    return Status(204, None)
