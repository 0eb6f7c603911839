"""Grants: who may give which, and what is counted as having it."""

from __future__ import annotations

from threading import Thread

import pytest
from django.db import connection

from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.models import Environment, Grant, Host, Role, Scope, Team, User
from fleet.operations.errors import Invalid
from fleet.operations.grants import grant_create, grant_remove
from fleet.operations.people import BeyondYou, change
from fleet.operations.roles import role_create, role_update
from fleet.permissions import PERMISSIONS
from tests.conftest import grant
from tests.people.conftest import last, role


def test_it_gives_and_takes_grants(actor: Actor, stranger: User, host: Host) -> None:
    given = grant_create(actor=actor, role=role("operator"), user=stranger, on=host)
    assert actor_for(stranger).access.may("container.restart", host)
    assert (last().action, last().detail["on"]) == ("grant.create", host.name)
    grant_remove(actor=actor, grant=given)
    assert not actor_for(stranger).access.reaches
    assert (last().action, last().target_name) == ("grant.remove", "sam")


def test_it_gives_a_grant_once(actor: Actor, stranger: User, staging: Environment) -> None:
    grant_create(actor=actor, role=role("viewer"), user=stranger, on=staging)
    with pytest.raises(Invalid) as caught:
        grant_create(actor=actor, role=role("viewer"), user=stranger, on=staging)
    assert "role" in caught.value.fields
    assert stranger.grants.count() == 1


def test_it_wants_a_user_or_a_team_not_both(actor: Actor, stranger: User) -> None:
    team = Team.objects.create(name="night")
    for who in ({}, {"user": stranger, "team": team}):
        with pytest.raises(Invalid):
            grant_create(actor=actor, role=role("viewer"), **who)  # type: ignore[arg-type]


def test_it_gives_no_more_than_one_has(
    manager: Actor, stranger: User, staging: Environment, production: Environment, host: Host
) -> None:
    grant_create(actor=manager, role=role("operator"), user=stranger, on=staging)
    grant_create(actor=manager, role=role("operator"), user=stranger, on=host)
    grant_create(actor=manager, role=role("viewer"), user=stranger)
    for name, on in (("operator", production), ("operator", None), ("deployer", staging)):
        with pytest.raises(BeyondYou):
            grant_create(actor=manager, role=role(name), user=stranger, on=on)
    assert stranger.grants.count() == 3


def test_it_counts_a_grant_over_its_environment_as_covering_its_host(
    manager: Actor, stranger: User, other_host: Host
) -> None:
    with pytest.raises(BeyondYou):
        grant_create(actor=manager, role=role("operator"), user=stranger, on=other_host)
    assert manager.user is not None
    grant(manager.user, "operator", other_host)
    grant_create(actor=actor_for(manager.user), role=role("operator"), user=stranger, on=other_host)
    assert actor_for(stranger).access.may("container.stop", other_host)


@pytest.mark.django_db(transaction=True)
def test_it_lets_no_role_grow_while_it_is_given(actor: Actor, manager: Actor) -> None:
    """One request gives a small role, another makes it large: one of them must notice."""
    small = role_create(actor=manager, name="small", permissions=["host.view"])
    found: list[BaseException] = []

    def grow() -> None:
        try:
            everything = list(PERMISSIONS)
            role_update(actor=manager, role=small, name="small", permissions=everything)
        except Refused as error:
            found.append(error)
        finally:
            connection.close()

    growing = Thread(target=grow)
    with change(actor, "grant.create") as changing:
        assert manager.user is not None
        changing.note(grant_of(manager.user, small))
        growing.start()
        growing.join(0.5)  # by now it waits for us, or has long looked at the grants
    growing.join(30)
    assert found
    assert actor_for(manager.user).access == manager.access


def grant_of(user: User, given: Role) -> Grant:
    """Write a grant on the whole fleet."""
    return Grant.objects.create(user=user, role=given, scope=Scope.FLEET)


def test_it_gives_a_role_as_it_is_now(manager: Actor, viewer: User) -> None:
    stale = role_create(actor=manager, name="small", permissions=["host.view"])
    Role.objects.filter(pk=stale.pk).update(permissions=list(PERMISSIONS))
    with pytest.raises(Refused):
        grant_create(actor=manager, role=stale, user=viewer)
    Role.objects.filter(pk=stale.pk).delete()
    with pytest.raises(Invalid):
        grant_create(actor=manager, role=stale, user=viewer)
