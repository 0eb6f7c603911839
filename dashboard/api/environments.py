"""/environments: named groups of hosts."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status

from dashboard.api.auth import caller
from dashboard.api.pages import Window, page
from fleet.access import access_environment, visible_environments
from fleet.models import Environment
from fleet.operations import environments

router = Router(tags=["environments"])

Name = Annotated[str, Field(max_length=60)]
Text = Annotated[str, Field(max_length=200)]


class EnvironmentOut(Schema):
    """An environment; a careful one asks before anything destructive."""

    id: int
    name: str
    description: str
    careful: bool


class EnvironmentsOut(Schema):
    """A part of a list."""

    items: list[EnvironmentOut]
    count: int


class EnvironmentIn(Schema, extra="forbid"):
    """A new environment."""

    name: Name
    description: Text = ""
    careful: bool = False


class EnvironmentPatch(Schema, extra="forbid"):
    """Changes: what is left out stays as it is."""

    name: Name | None = None
    description: Text | None = None
    careful: bool | None = None


def _environment(row: Environment) -> dict[str, Any]:
    return {name: getattr(row, name) for name in EnvironmentOut.model_fields}


@router.get("", response=EnvironmentsOut, summary="List environments")
def list_environments(request: HttpRequest, window: Query[Window]) -> Any:
    """Return the environments in which the caller may see a host."""
    rows = visible_environments(caller(request))
    return page(rows, window, _environment, {"id": "pk", "name": "name"})


@router.post("", response={201: EnvironmentOut}, summary="Add an environment")
def create_environment(request: HttpRequest, data: EnvironmentIn) -> Any:
    """Make an environment."""
    actor = caller(request)
    made = environments.environment_create(actor=actor, data=data.model_dump())
    return Status(201, _environment(made))


@router.get("/{int:environment_id}", response=EnvironmentOut, summary="Show an environment")
def get_environment(request: HttpRequest, environment_id: int) -> Any:
    """Return one environment."""
    return _environment(access_environment(caller(request), environment_id))


@router.patch("/{int:environment_id}", response=EnvironmentOut, summary="Change an environment")
def update_environment(request: HttpRequest, environment_id: int, data: EnvironmentPatch) -> Any:
    """Change what is given."""
    changed = environments.environment_update(
        actor=caller(request),
        environment_id=environment_id,
        data=data.model_dump(exclude_none=True),
    )
    return _environment(changed)


@router.delete("/{int:environment_id}", response={204: None}, summary="Remove an environment")
def remove_environment(request: HttpRequest, environment_id: int) -> Any:
    """Remove an environment that has no hosts."""
    environments.environment_remove(actor=caller(request), environment_id=environment_id)
    return Status(204, None)
