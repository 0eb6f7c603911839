"""API tokens: made once, kept as a digest, ended by time, by hand and with their owner."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from fleet.access import Refused
from fleet.actor import Actor, actor_for
from fleet.models import ApiToken, AuditEntry, Host, User
from fleet.operations.people import BeyondYou
from fleet.operations.tokens import token_create, token_revoke
from fleet.tokens import create_token, user_of
from tests.people.conftest import last, role


def test_it_knows_a_token_again_and_keeps_only_its_digest(operator: User) -> None:
    row, secret = create_token(operator, "ci")
    assert re.fullmatch(r"qs_[a-z0-9]{8}_[\w-]{43}", secret)
    assert secret.split("_", 2)[2] not in str(ApiToken.objects.values())
    assert user_of(secret) == (operator, row)


@pytest.mark.parametrize(
    "wrong", ["", "qs", "qs_aaaaaaaa_b", "Bearer x", "qs_\x00", "é" * 60, "x" * 10**6]
)
def test_it_knows_no_nonsense(operator: User, wrong: str) -> None:
    create_token(operator, "ci")
    assert user_of(wrong) is None


def test_it_wants_every_letter(operator: User) -> None:
    _, secret = create_token(operator, "ci")
    other = "A" if secret[-1] != "A" else "B"
    assert user_of(secret[:-1] + other) is None
    assert user_of(secret + "\n") is None


def test_it_ends_by_time_by_hand_and_with_its_owner(operator: User) -> None:
    _row, secret = create_token(operator, "ci", timezone.now() + timedelta(hours=1))
    assert user_of(secret)
    ApiToken.objects.update(expires_at=timezone.now())
    assert user_of(secret) is None
    ApiToken.objects.update(expires_at=None, revoked_at=timezone.now())
    assert user_of(secret) is None
    ApiToken.objects.update(revoked_at=None)
    operator.is_active = False
    operator.save()
    assert user_of(secret) is None


def test_it_writes_its_use_at_most_once_a_minute(operator: User) -> None:
    row, secret = create_token(operator, "ci")
    user_of(secret)
    row.refresh_from_db()
    first = row.last_used_at
    assert first is not None
    user_of(secret)
    row.refresh_from_db()
    assert row.last_used_at == first
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    user_of(secret)
    row.refresh_from_db()
    assert row.last_used_at is not None
    assert row.last_used_at >= first


def run(*args: str) -> str:
    """Run create_token and return what it prints."""
    out = StringIO()
    call_command("create_token", *args, stdout=out)
    return out.getvalue()


def test_it_prints_just_a_token(operator: User, host: Host) -> None:
    printed = run("olga", "--name", "ci", "--days", "7", "--role", "viewer")
    found = user_of(printed.strip())
    assert printed.count("\n") == 1
    assert found is not None
    user, row = found
    assert (row.name, row.role and row.role.name) == ("ci", "viewer")
    assert row.expires_at is not None
    assert timedelta(days=6) < row.expires_at - timezone.now() < timedelta(days=8)
    assert not actor_for(user, token=row).access.may("container.stop", host)
    entry = AuditEntry.objects.get(action="token.create")
    assert (entry.actor_name, entry.via, entry.detail["of"]) == ("system", "command", "olga")


@pytest.mark.parametrize("args", [["nobody"], ["olga", "--role", "king"], ["olga", "--days", "0"]])
def test_it_says_what_is_wrong_with_the_command(operator: User, args: list[str]) -> None:
    with pytest.raises(CommandError):
        run(*args)
    assert not ApiToken.objects.exists()


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
