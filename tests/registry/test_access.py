"""Who sees which registry, and which hosts may use it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fleet.access import Refused, Unknown, access_registry, registries_for, visible_registries
from fleet.actor import Actor, actor_for
from fleet.models import ApiToken, Environment, Host, Registry, Role, User
from tests.conftest import grant
from tests.registry.conftest import make_registry

pytestmark = pytest.mark.django_db


@pytest.fixture
def registries(staging: Environment, production: Environment) -> dict[str, Registry]:
    """One that serves staging, production, both, all of them, none."""
    return {
        "staging": make_registry("staging", staging),
        "production": make_registry("production", production),
        "both": make_registry("both", staging, production),
        "all": make_registry("all", everywhere=True),
        "none": make_registry("none"),
    }


def seen(user: User | None) -> set[str]:
    return set(visible_registries(actor_for(user)).values_list("name", flat=True))


def test_one_sees_the_registries_of_where_one_sees_hosts(
    registries: dict[str, Registry], viewer: User, stranger: User, host: Host, other_host: Host
) -> None:
    assert seen(viewer) == {"staging", "both", "all"}
    assert seen(stranger) == seen(None) == set()
    grant(stranger, "viewer", other_host)
    assert seen(stranger) == {"production", "both", "all"}


def test_who_may_change_them_sees_those_that_serve_nobody(
    registries: dict[str, Registry], administrator: User, make_user: Callable[..., User]
) -> None:
    assert seen(administrator) == set(registries)
    assert seen(make_user("vic", role="viewer")) == set(registries) - {"none"}


def test_a_role_without_the_permission_sees_none(
    registries: dict[str, Registry], make_user: Callable[..., User], staging: Environment
) -> None:
    Role.objects.create(name="bare", permissions=["host.view", "container.view"])
    assert seen(make_user("bo", role="bare", on=staging)) == set()


def test_one_environments_administrator_changes_none(
    registries: dict[str, Registry], make_user: Callable[..., User], staging: Environment
) -> None:
    local = actor_for(make_user("stella", role="administrator", on=staging))
    assert seen(local.user) == {"staging", "both", "all"}
    for permission in ("registry.update", "registry.remove", "registry.test"):
        assert not local.access.reach(permission)
        with pytest.raises(Refused):
            access_registry(local, registries["staging"].pk, permission)
        with pytest.raises(Unknown):
            access_registry(local, registries["production"].pk, permission)


@pytest.mark.parametrize("pk", [0, -1, 2**63, 10**30])
def test_ids_that_no_database_holds_are_unknown(actor: Actor, pk: int) -> None:
    with pytest.raises(Unknown):
        access_registry(actor, pk)


def test_a_narrow_token_sees_what_its_role_sees(
    registries: dict[str, Registry], administrator: User
) -> None:
    token = ApiToken(user=administrator, name="ci", role=Role.objects.get(name="viewer"))
    names = {row.name for row in visible_registries(actor_for(administrator, token=token))}
    assert names == set(registries) - {"none"}


def test_a_host_uses_the_registries_of_its_environment(
    registries: dict[str, Registry], host: Host, other_host: Host, staging: Environment
) -> None:
    assert {row.name for row in registries_for(host)} == {"staging", "both", "all"}
    assert {row.name for row in registries_for(other_host)} == {"production", "both", "all"}
    other_host.environment = staging
    assert {row.name for row in registries_for(other_host)} == {"staging", "both", "all"}
