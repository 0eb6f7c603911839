"""Teams: their names, and who may join."""

from __future__ import annotations

import pytest
from django.db import transaction

from fleet.actor import Actor
from fleet.models import AuditEntry, Grant, Scope, Team, User
from fleet.operations.errors import Invalid
from fleet.operations.people import BeyondYou
from fleet.operations.teams import team_create, team_update
from tests.people.conftest import last, role


def test_it_lets_nobody_join_a_team_above_themselves(manager: Actor, actor: Actor) -> None:
    team = Team.objects.create(name="admins")
    Grant.objects.create(team=team, role=role("administrator"), scope=Scope.FLEET)
    with pytest.raises(BeyondYou):
        team_update(actor=manager, team=team, name="admins", members=[manager.user])  # type: ignore[list-item]
    assert not team.members.exists()


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


def test_it_writes_nothing_down_when_the_change_is_undone(actor: Actor) -> None:
    before = AuditEntry.objects.count()
    with pytest.raises(RuntimeError), transaction.atomic():
        team_create(actor=actor, name="Night shift")
        raise RuntimeError
    assert AuditEntry.objects.count() == before
