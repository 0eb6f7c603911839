"""/registries: where images come from and go to."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status

from dashboard.api.auth import caller
from dashboard.api.filters import Text, known
from dashboard.api.pages import Window, page
from fleet.access import access_registry
from fleet.actor import Actor
from fleet.models import RegistryKind
from fleet.operations import registries
from fleet.selectors.registries import RegistryRow, registry_row, registry_rows, shown_registries

router = Router(tags=["registries"])

SORTS = {"id": "pk", "name": "name", "kind": "kind", "url": "url", "tested_at": "tested_at"}
Name = Annotated[str, Field(max_length=60)]
Kind = Annotated[str, Field(max_length=20, description="hub, ghcr, gitlab, harbor, quay, …")]
Url = Annotated[str, Field(max_length=300, description="https://host[:port]; empty for the hub")]
Username = Annotated[str, Field(max_length=255)]
Password = Annotated[str, Field(max_length=16384)]
Pem = Annotated[str, Field(max_length=65536)]
Names = Annotated[list[Name], Field(max_length=1000)]


class LastTestOut(Schema):
    """What the last test of the connection found; in words for who may test or change it."""

    ok: bool
    code: str
    message: str
    at: datetime


class RegistryOut(Schema):
    """A registry, never its password.

    `environments` are those that it serves and that the caller sees; empty when it serves all
    (`everywhere`). `username` is null for who may not change it.
    """

    id: int
    name: str
    kind: str
    url: str
    insecure: bool
    has_tls_ca: bool
    has_account: bool
    username: str | None
    everywhere: bool
    environments: list[str]
    last_test: LastTestOut | None
    created_at: datetime

    @staticmethod
    def of(row: RegistryRow) -> dict[str, Any]:
        """Return what is shown of a row."""
        registry = row.registry
        same = ("id", "name", "kind", "url", "insecure", "everywhere", "created_at")
        return {
            **{name: getattr(registry, name) for name in same},
            "has_tls_ca": bool(registry.tls_ca),
            "has_account": row.has_account,
            "username": row.username,
            "environments": [environment.name for environment in row.environments],
            "last_test": {
                "ok": registry.test_ok,
                "code": registry.test_code,
                "message": row.test_message,
                "at": registry.tested_at,
            }
            if registry.tested_at
            else None,
        }


class RegistriesOut(Schema):
    """A part of a list."""

    items: list[RegistryOut]
    count: int


class RegistryFilter(Schema):
    """Filters; all of them together."""

    kind: Annotated[Text, Field(max_length=20)] = ""
    q: Annotated[Text, Field(max_length=200)] = ""


class RegistryConnectionIn(Schema, extra="forbid"):
    """How a registry is reached, and as whom: both of `username` and `password`, or none."""

    kind: Kind
    url: Url = ""
    tls_ca: Pem = ""
    insecure: bool = False
    username: Username = ""
    password: Password = ""


class RegistryIn(RegistryConnectionIn):
    """A new registry. `environments` are names; `everywhere` is all of them, also later ones."""

    name: Name
    everywhere: bool = False
    environments: Names = []


class RegistryPatch(Schema, extra="forbid"):
    """Changes: what is left out stays as it is; an empty password takes the account away.

    A new address or certificate wants the password again.
    """

    name: Name | None = None
    kind: Kind | None = None
    url: Url | None = None
    tls_ca: Pem | None = None
    insecure: bool | None = None
    username: Username | None = None
    password: Password | None = None
    everywhere: bool | None = None
    environments: Names | None = None


class RegistryProbeOut(Schema):
    """What a test of the connection found."""

    ok: bool
    code: str
    message: str
    details: dict[str, Any]
    seconds: float


def _one(actor: Actor, registry_id: int) -> dict[str, Any]:
    return RegistryOut.of(registry_row(actor, access_registry(actor, registry_id)))


@router.get("", response=RegistriesOut, summary="List registries")
def list_registries(
    request: HttpRequest, wanted: Query[RegistryFilter], window: Query[Window]
) -> Any:
    """Return the registries that serve an environment in which the caller sees a host."""
    actor = caller(request)
    rows = shown_registries(actor)
    if wanted.kind:
        rows = rows.filter(kind=known("kind", wanted.kind, RegistryKind.values))
    if wanted.q:
        rows = rows.filter(name__icontains=wanted.q)
    found = page(rows, window, lambda row: row, SORTS)
    found["items"] = [RegistryOut.of(row) for row in registry_rows(actor, found["items"])]
    return found


@router.post("", response={201: RegistryOut}, summary="Add a registry")
def create_registry(request: HttpRequest, data: RegistryIn) -> Any:
    """Add a registry; nothing is connected to."""
    actor = caller(request)
    made = registries.registry_create(actor=actor, data=data.model_dump())
    return Status(201, _one(actor, made.pk))


@router.post(
    "/test", response=RegistryProbeOut, summary="Test a connection before adding a registry"
)
def test_registry_connection(request: HttpRequest, data: RegistryConnectionIn) -> Any:
    """Ask now, within 10 s, and say what is wrong or what is there; nothing is stored."""
    return asdict(registries.registry_test(actor=caller(request), data=data.model_dump()))


@router.get("/{int:registry_id}", response=RegistryOut, summary="Show a registry")
def get_registry(request: HttpRequest, registry_id: int) -> Any:
    """Return one registry."""
    return _one(caller(request), registry_id)


@router.patch("/{int:registry_id}", response=RegistryOut, summary="Change a registry")
def update_registry(request: HttpRequest, registry_id: int, data: RegistryPatch) -> Any:
    """Change what is given."""
    actor = caller(request)
    changes = data.model_dump(exclude_none=True)
    registries.registry_update(actor=actor, registry_id=registry_id, data=changes)
    return _one(actor, registry_id)


@router.delete("/{int:registry_id}", response={204: None}, summary="Remove a registry")
def remove_registry(request: HttpRequest, registry_id: int) -> Any:
    """Forget a registry and its account; nothing changes at the registry or on hosts."""
    registries.registry_remove(actor=caller(request), registry_id=registry_id)
    return Status(204, None)


@router.post(
    "/{int:registry_id}/test",
    response=RegistryProbeOut,
    summary="Test a registry",
)
def test_registry(request: HttpRequest, registry_id: int) -> Any:
    """Ask now, within 10 s, and say what is wrong or what is there; the result is kept."""
    return asdict(registries.registry_test(actor=caller(request), registry_id=registry_id))
