"""Roles of one's own, and those that are built in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from fleet.actor import Actor, actor_for
from fleet.defaults import ensure_built_in_roles
from fleet.models import Host, Role, User
from fleet.operations.errors import Invalid
from fleet.operations.grants import grant_create, grant_remove
from fleet.operations.people import BeyondYou
from fleet.operations.roles import role_create, role_remove, role_update
from fleet.permissions import PERMISSIONS
from tests.people.conftest import last, role


def test_it_lets_nobody_widen_their_own_role(manager: Actor) -> None:
    with pytest.raises(BeyondYou):
        role_update(
            actor=manager, role=role("people"), name="people", permissions=sorted(PERMISSIONS)
        )
    assert "host.remove" not in role("people").permissions


def test_it_makes_changes_and_removes_roles(actor: Actor, stranger: User, host: Host) -> None:
    made = role_create(actor=actor, name="restarter", permissions=["container.restart"])
    given = grant_create(actor=actor, role=made, user=stranger, on=host)
    role_update(actor=actor, role=made, name="stopper", permissions=["container.stop"])
    assert last().detail == {"added": ["container.stop"], "removed": ["container.restart"]}
    assert actor_for(stranger).access.may("container.stop", host)
    with pytest.raises(Invalid):
        role_remove(actor=actor, role=made)
    grant_remove(actor=actor, grant=given)
    role_remove(actor=actor, role=made)
    assert not Role.objects.filter(name="stopper").exists()


@pytest.mark.parametrize("permissions", [[], ["nonsense"], ["container.view", "<script>"]])
def test_it_refuses_unknown_permissions(actor: Actor, permissions: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        role_create(actor=actor, name="odd", permissions=permissions)
    assert list(caught.value.fields) == ["permissions"]


def test_who_may_act_may_see(actor: Actor) -> None:
    role = role_create(actor=actor, name="night", permissions=["container.restart", "host.refresh"])
    assert role.permissions == [
        "container.restart", "container.view", "host.refresh", "host.view",
    ]  # fmt: skip
    role_update(actor=actor, role=role, name="night", permissions=["audit.view"])
    assert role.permissions == ["audit.view"]


def test_what_came_with_an_upgrade_is_new_until_somebody_saves(
    actor: Actor, administrator: User, sign_in: Callable[[User], Client]
) -> None:
    made = role_create(actor=actor, name="night", permissions=["container.restart"])
    assert made.new_permissions == []
    before = sorted(PERMISSIONS.keys() - {"image.scan", "container.view"})
    Role.objects.filter(pk=made.pk).update(offered=before)
    ensure_built_in_roles()
    made.refresh_from_db()
    assert made.new_permissions == ["image.scan"]  # it has container.view
    assert "image.scan" not in made.permissions and role("viewer").new_permissions == []
    client = sign_in(administrator)
    page = client.get(f"/administration/roles/{made.pk}/").content.decode()
    assert "1 permission came with an upgrade" in page and page.count(">new</span>") == 1
    assert ">new</a>" in client.get("/administration/roles/").content.decode()
    listed = client.get("/api/v1/roles").json()["items"]
    assert [one["new_permissions"] for one in listed if one["name"] == "night"] == [["image.scan"]]
    role_update(actor=actor, role=made, name="night", permissions=made.permissions)
    assert made.new_permissions == []
    assert ">new</span>" not in client.get(f"/administration/roles/{made.pk}/").content.decode()


def test_a_role_of_before_they_were_counted_has_nothing_new(actor: Actor) -> None:
    made = role_create(actor=actor, name="night", permissions=["container.restart"])
    Role.objects.filter(pk=made.pk).update(offered=None)
    assert Role.objects.get(pk=made.pk).new_permissions == []
    ensure_built_in_roles()
    assert Role.objects.get(pk=made.pk).offered == sorted(PERMISSIONS)


def test_it_keeps_built_in_roles(actor: Actor) -> None:
    with pytest.raises(Invalid):
        role_update(actor=actor, role=role("viewer"), name="v", permissions=["host.view"])
    with pytest.raises(Invalid):
        role_remove(actor=actor, role=role("viewer"))
