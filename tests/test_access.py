"""Grants give what they say, where they say, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fleet.access import (
    Refused,
    Unknown,
    access_container,
    access_host,
    visible_containers,
    visible_hosts,
    visible_jobs,
)
from fleet.actor import actor_for
from fleet.models import ApiToken, Environment, Host, Job, Role, Scope, Team, User
from fleet.reach import EVERYWHERE, NOWHERE, Reach, access_of, access_of_users
from tests.conftest import grant, make_container


def test_it_shows_only_hosts_of_the_granted_environment(
    operator: User, host: Host, other_host: Host
) -> None:
    assert list(visible_hosts(actor_for(operator))) == [host]


def test_it_hides_what_is_not_granted(operator: User, other_host: Host) -> None:
    secret = make_container(other_host)
    with pytest.raises(Unknown):
        access_host(actor_for(operator), other_host.pk)
    with pytest.raises(Unknown):
        access_container(actor_for(operator), secret.pk)


def test_it_refuses_a_viewer_who_wants_to_change(viewer: User, host: Host) -> None:
    container = make_container(host)
    assert access_container(actor_for(viewer), container.pk) == container
    with pytest.raises(Refused):
        access_container(actor_for(viewer), container.pk, "container.restart")


def test_it_gives_nothing_to_a_stranger_or_nobody(stranger: User, host: Host) -> None:
    make_container(host)
    assert not visible_containers(actor_for(stranger)).exists()
    assert not visible_containers(actor_for(None)).exists()


def test_it_gives_nothing_to_an_inactive_user(administrator: User, host: Host) -> None:
    administrator.is_active = False
    assert not visible_hosts(actor_for(administrator)).exists()


def test_it_unites_grants_of_user_and_team(
    viewer: User, host: Host, other_host: Host, production: Environment
) -> None:
    team = Team.objects.create(name="night shift")
    team.members.add(viewer)
    team.grants.create(
        role=Role.objects.get(name="operator"), scope="environment", environment=production
    )
    access = actor_for(viewer).access
    assert access.may("container.restart", other_host)
    assert not access.may("container.restart", host)
    assert set(visible_hosts(actor_for(viewer))) == {host, other_host}


def test_it_keeps_fleet_wide_rights_out_of_narrow_grants(
    make_user: Callable[..., User], staging: Environment
) -> None:
    user = make_user("eve", role="administrator", on=staging)
    assert not actor_for(user).access.may("people.manage")
    assert not actor_for(user).access.reach("audit.view")


def test_it_lets_a_token_only_take_away(operator: User, host: Host) -> None:
    token = ApiToken(user=operator, name="ci", role=Role.objects.get(name="administrator"))
    assert not actor_for(operator, token=token).access.may("container.remove", host)
    token.role = Role.objects.get(name="viewer")
    assert not actor_for(operator, token=token).access.may("container.restart", host)
    assert actor_for(operator, token=token).access.may("container.view", host)


def test_it_hides_its_owner_s_jobs_from_a_narrow_token(
    operator: User, host: Host, other_host: Host
) -> None:
    """Of what the owner may see, the token's role reads what is on hosts that there are."""
    here = Job.objects.create(operation="container.stop", actor=operator, host=host)
    Job.objects.create(operation="container.stop", actor=operator, host=other_host)
    gone = Job.objects.create(operation="container.stop", actor=operator, host=None)
    whole = ApiToken(user=operator, name="all")
    assert set(visible_jobs(actor_for(operator, token=whole))) == {here, gone}
    narrow = ApiToken(user=operator, name="ci", role=Role.objects.get(name="viewer"))
    assert list(visible_jobs(actor_for(operator, token=narrow))) == [here]
    blind = ApiToken(user=operator, name="none", role=Role.objects.create(name="none"))
    assert not visible_jobs(actor_for(operator, token=blind)).exists()


def test_it_reads_rights_anew_each_time(viewer: User, host: Host) -> None:
    given = grant(viewer, "operator", host)
    assert actor_for(viewer).access.may("container.stop", host)
    given.delete()
    assert not actor_for(viewer).access.may("container.stop", host)


def test_it_finds_nothing_for_ids_that_no_database_holds(actor_id: int, viewer: User) -> None:
    with pytest.raises(Unknown):
        access_host(actor_for(viewer), actor_id)


@pytest.fixture(params=[0, -1, 2**63, 10**30])
def actor_id(request: pytest.FixtureRequest) -> int:
    value: int = request.param
    return value


def test_it_reads_what_each_of_many_users_may_do(
    administrator: User, operator: User, viewer: User, stranger: User, host: Host, other_host: Host
) -> None:
    team = Team.objects.create(name="night shift")
    team.members.add(viewer, stranger)
    team.grants.create(role=Role.objects.get(name="operator"), scope=Scope.HOST, host=other_host)
    boss = User.objects.create(username="boss", is_superuser=True)
    gone = User.objects.create(username="gone", is_superuser=True, is_active=False)
    staging = frozenset({host.environment_id})
    there = frozenset({other_host.pk})
    expected = {
        administrator: (EVERYWHERE, EVERYWHERE, EVERYWHERE),
        boss: (EVERYWHERE, EVERYWHERE, EVERYWHERE),
        operator: (Reach(environments=staging), Reach(environments=staging), NOWHERE),
        viewer: (Reach(environments=staging, hosts=there), Reach(hosts=there), NOWHERE),
        stranger: (Reach(hosts=there), Reach(hosts=there), NOWHERE),
        gone: (NOWHERE, NOWHERE, NOWHERE),
    }
    asked = ("container.view", "container.restart", "people.manage")
    found = access_of_users(expected)
    for user, reaches in expected.items():
        for access in (found[user.pk], access_of(user)):
            assert tuple(access.reach(name) for name in asked) == reaches, user.username


def test_it_reads_the_access_of_many_by_one_query(
    django_assert_num_queries: Any, operator: User, viewer: User, stranger: User
) -> None:
    with django_assert_num_queries(1):
        access_of_users([operator, viewer, stranger])
