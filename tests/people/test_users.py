"""Accounts of people: made, changed, disabled, removed; their passwords and links."""

from __future__ import annotations

import pytest

from fleet.access import Refused, Unknown
from fleet.actor import Actor, actor_for
from fleet.audit import first_broken
from fleet.models import AuditEntry, Grant, Scope, Team, User
from fleet.operations import REGISTRY
from fleet.operations.errors import Invalid
from fleet.operations.grants import grant_remove
from fleet.operations.people import BeyondYou
from fleet.operations.teams import team_remove, team_update
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
from tests.conftest import PASSWORD
from tests.people.conftest import NEW, MakeUser, last, role


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


def test_it_tells_all_that_is_wrong_at_once(actor: Actor, viewer: User) -> None:
    profile = {"email": "nowhere"}
    with pytest.raises(Invalid) as created:
        user_create(actor=actor, username="a b", password="1234", profile=profile)
    assert set(created.value.fields) == {"username", "password", "email"}
    with pytest.raises(Invalid) as updated:
        user_update(actor=actor, user=viewer, username="", profile=profile)
    assert set(updated.value.fields) == {"username", "email"}


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
