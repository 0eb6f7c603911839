"""Changes to people: what they do, whom they let, what they write down."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

import pytest
from django.db import connection, transaction

from fleet.access import Refused, Unknown
from fleet.actor import Actor, actor_for
from fleet.audit import first_broken
from fleet.models import (
    ApiToken,
    AuditEntry,
    Environment,
    Grant,
    Host,
    Role,
    Scope,
    Team,
    User,
)
from fleet.operations import REGISTRY
from fleet.operations.errors import Invalid
from fleet.operations.grants import grant_create, grant_remove
from fleet.operations.people import BeyondYou, change
from fleet.operations.roles import role_create, role_remove, role_update
from fleet.operations.teams import team_create, team_remove, team_update
from fleet.operations.tokens import token_create, token_revoke
from fleet.operations.users import (
    link_of,
    password_change,
    password_from_link,
    user_create,
    user_disable,
    user_enable,
    user_of_link,
    user_remove,
    user_reset_password,
    user_update,
)
from fleet.permissions import PERMISSIONS
from tests.conftest import PASSWORD, grant

NEW = "quite another phrase"
MakeUser = Callable[..., User]


def last() -> AuditEntry:
    """Return the newest audit entry."""
    return AuditEntry.objects.order_by("-number")[0]


def role(name: str) -> Role:
    """Return a role by name."""
    return Role.objects.get(name=name)


@pytest.fixture
def manager(make_user: MakeUser, staging: Environment) -> Actor:
    """Manages people over the fleet, but may otherwise only view, and operate staging."""
    people = Role.objects.create(
        name="people", permissions=["people.manage", *role("viewer").permissions]
    )
    user = make_user("mara", role="operator", on=staging)
    Grant.objects.create(user=user, role=people, scope=Scope.FLEET)
    return actor_for(user)


def test_it_makes_a_user_who_may_do_nothing(actor: Actor) -> None:
    user = user_create(actor=actor, username="nina", password=NEW)
    assert user.check_password(NEW)
    assert user.password.startswith("argon2")
    assert not actor_for(user).access.reaches
    assert (last().action, last().target_name, last().actor_name) == ("user.create", "nina", "root")
    assert NEW not in str(AuditEntry.objects.values())


def test_it_hashes_with_argon2_at_full_strength() -> None:
    from config.settings import PASSWORD_HASHERS

    assert PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_it_lets_only_people_managers_change_people(operator: User, stranger: User) -> None:
    for user in (operator, stranger):
        with pytest.raises(Refused):
            user_create(actor=actor_for(user), username="nina")
    assert not User.objects.filter(username="nina").exists()


@pytest.mark.parametrize(
    "name", ["", "  ", "a b", "<script>", "x" * 151, "tab\tbed", "null\x00", "ROOT", "system"]
)
def test_it_refuses_user_names_in_words(actor: Actor, name: str) -> None:
    before = AuditEntry.objects.count()
    with pytest.raises(Invalid) as caught:
        user_create(actor=actor, username=name, password=NEW)
    assert list(caught.value.fields) == ["username"]
    assert User.objects.count() == 1
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    "password", ["2short!", "1234567890", "password123", "x" * 257, "nina-nina-1"]
)
def test_it_refuses_weak_passwords_in_words(actor: Actor, password: str) -> None:
    with pytest.raises(Invalid) as caught:
        user_create(actor=actor, username="nina-nina-1", password=password)
    assert caught.value.fields["password"]
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    "email", ["no address", "a@b", "x" * 300 + "@example.com", "a\n@b.example"]
)
def test_it_refuses_a_wrong_address(actor: Actor, viewer: User, email: str) -> None:
    with pytest.raises(Invalid) as caught:
        user_update(actor=actor, user=viewer, username="vera", profile={"email": email})
    assert "email" in caught.value.fields
    viewer.refresh_from_db()
    assert viewer.email == ""


def test_it_sets_a_password_by_a_link_that_works_once(actor: Actor) -> None:
    user = user_create(actor=actor, username="nina")
    link = link_of(user)
    assert user_of_link(link) == user
    password_from_link(link=link, password=NEW)
    user.refresh_from_db()
    assert user.check_password(NEW)
    with pytest.raises(Unknown):
        password_from_link(link=link, password=NEW + " again")
    assert last().action == "account.password"


def test_it_ends_old_links_and_the_old_password_on_reset(actor: Actor, viewer: User) -> None:
    old = link_of(viewer)
    user_reset_password(actor=actor, user=viewer)
    assert user_of_link(old) is None
    assert not viewer.check_password(PASSWORD)
    assert user_of_link(link_of(viewer)) == viewer


@pytest.mark.parametrize(
    "text", ["", "-", "1-", "x", "zzzzzzzzzzzzzz-a", "1-a-b", "é-1", "\x00-\x00"]
)
def test_it_takes_no_nonsense_for_a_link(viewer: User, text: str) -> None:
    assert user_of_link(text) is None


def test_it_disables_and_enables(actor: Actor, viewer: User) -> None:
    link = link_of(viewer)
    user_disable(actor=actor, user=viewer)
    assert not actor_for(viewer).access.reaches
    assert user_of_link(link) is None
    user_enable(actor=actor, user=viewer)
    assert actor_for(viewer).access.reaches


def test_it_never_loses_the_last_administrator(actor: Actor, manager: Actor) -> None:
    root = actor.user
    assert root is not None
    everything = actor_for(User(pk=0, username="x", is_superuser=True))
    with pytest.raises(Invalid):
        user_disable(actor=everything, user=root)
    with pytest.raises(Invalid):
        user_remove(actor=everything, user=root)
    with pytest.raises(Invalid):
        user_reset_password(actor=everything, user=root)
    with pytest.raises(Invalid):
        grant_remove(actor=actor, grant=Grant.objects.get(user=root))
    root.refresh_from_db()
    assert root.is_active
    assert root.check_password(PASSWORD)
    assert Grant.objects.filter(user=root).exists()


def test_it_lets_one_of_two_administrators_go(actor: Actor, make_user: MakeUser) -> None:
    second = make_user("rita")
    team = Team.objects.create(name="admins")
    team.members.add(second)
    Grant.objects.create(team=team, role=role("administrator"), scope=Scope.FLEET)
    user_remove(actor=actor_for(second), user=actor.user)  # type: ignore[arg-type]
    assert not User.objects.filter(username="root").exists()
    with pytest.raises(Invalid):
        team_update(actor=actor_for(second), team=team, name="admins", members=[])
    with pytest.raises(Invalid):
        team_remove(actor=actor_for(second), team=team)
    assert list(team.members.all()) == [second]


def test_it_keeps_history_of_a_removed_user(actor: Actor, viewer: User) -> None:
    user_remove(actor=actor, user=viewer)
    entry = last()
    assert (entry.action, entry.target_name) == ("user.remove", "vera")
    assert first_broken() is None


def test_it_refuses_to_disable_or_remove_oneself(actor: Actor, make_user: MakeUser) -> None:
    make_user("rita", role="administrator")
    assert actor.user is not None
    for act in (user_disable, user_remove):
        with pytest.raises(Invalid):
            act(actor=actor, user=actor.user)


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


def test_it_touches_nobody_above_oneself(manager: Actor, actor: Actor) -> None:
    root = actor.user
    assert root is not None
    for act in (user_disable, user_remove, user_reset_password):
        with pytest.raises(BeyondYou):
            act(actor=manager, user=root)
    with pytest.raises(BeyondYou):
        grant_remove(actor=manager, grant=Grant.objects.get(user=root))
    root.is_active = False
    with pytest.raises(BeyondYou):
        user_enable(actor=manager, user=root)


def test_it_lets_nobody_join_a_team_above_themselves(manager: Actor, actor: Actor) -> None:
    team = Team.objects.create(name="admins")
    Grant.objects.create(team=team, role=role("administrator"), scope=Scope.FLEET)
    with pytest.raises(BeyondYou):
        team_update(actor=manager, team=team, name="admins", members=[manager.user])  # type: ignore[list-item]
    assert not team.members.exists()


def test_it_lets_nobody_widen_their_own_role(manager: Actor) -> None:
    with pytest.raises(BeyondYou):
        role_update(
            actor=manager, role=role("people"), name="people", permissions=sorted(PERMISSIONS)
        )
    assert "host.remove" not in role("people").permissions


def test_it_says_who_joined_and_left(actor: Actor, viewer: User, stranger: User) -> None:
    team = team_create(actor=actor, name="Night shift", members=[viewer])
    team_update(actor=actor, team=team, name="Night shift", members=[stranger])
    assert last().detail == {"joined": ["sam"], "left": ["vera"]}


@pytest.mark.parametrize(
    "name", ["", "night SHIFT", "<script>alert(1)</script>", "x" * 61, "a\x00"]
)
def test_it_refuses_team_names_in_words(actor: Actor, name: str) -> None:
    team_create(actor=actor, name="Night shift")
    with pytest.raises(Invalid) as caught:
        team_create(actor=actor, name=name)
    assert list(caught.value.fields) == ["name"]


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


def test_it_keeps_built_in_roles(actor: Actor) -> None:
    with pytest.raises(Invalid):
        role_update(actor=actor, role=role("viewer"), name="v", permissions=["host.view"])
    with pytest.raises(Invalid):
        role_remove(actor=actor, role=role("viewer"))


def test_it_makes_and_revokes_own_tokens(operator: User) -> None:
    me = actor_for(operator)
    token, secret = token_create(actor=me, name="ci", role=role("viewer"))
    assert secret not in str(AuditEntry.objects.values())
    token_revoke(actor=me, token=token)
    assert ApiToken.objects.get().revoked_at is not None
    assert last().action == "token.revoke"


def test_it_lets_no_token_make_a_token(operator: User) -> None:
    with pytest.raises(Refused):
        token_create(actor=actor_for(operator, via="api"), name="wider")
    assert not ApiToken.objects.exists()


def test_it_lets_only_managers_revoke_the_tokens_of_others(
    operator: User, viewer: User, actor: Actor, manager: Actor
) -> None:
    token, _ = token_create(actor=actor_for(operator), name="ci")
    with pytest.raises(Refused):
        token_revoke(actor=actor_for(viewer), token=token)
    roots, _ = token_create(actor=actor, name="root")
    with pytest.raises(BeyondYou):
        token_revoke(actor=manager, token=roots)
    token_revoke(actor=actor, token=token)
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_it_writes_nothing_down_when_the_change_is_undone(actor: Actor) -> None:
    before = AuditEntry.objects.count()
    with pytest.raises(RuntimeError), transaction.atomic():
        team_create(actor=actor, name="Night shift")
        raise RuntimeError
    assert AuditEntry.objects.count() == before


def test_it_changes_ones_own_password(operator: User) -> None:
    password_change(actor=actor_for(operator), password=NEW)
    operator.refresh_from_db()
    assert operator.check_password(NEW)


def test_it_lists_every_change_with_its_permission() -> None:
    people = [operation for operation in REGISTRY.values() if operation.target == "people"]
    assert {operation.permission for operation in people} == {"people.manage"}
    assert {"user.create", "grant.remove", "role.update", "team.remove"} <= {
        operation.name for operation in people
    }


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
