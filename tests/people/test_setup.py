"""The first administrator: by a link that works once, or by a command."""

from __future__ import annotations

import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from fleet.access import Unknown
from fleet.actor import actor_for
from fleet.models import AuditEntry, Host, SetupToken, User
from fleet.operations.errors import Invalid
from fleet.setup import is_setup_token, make_first_administrator, setup_link

NEW = "quite another phrase"
BASE = "http://127.0.0.1:8000"


def new_token() -> str:
    """Return the token of a new set-up link."""
    link = setup_link(BASE)
    assert link is not None
    return link.removeprefix(f"{BASE}/setup/").rstrip("/")


def test_it_makes_one_administrator(db: None, host: Host) -> None:
    token = new_token()
    assert token not in str(SetupToken.objects.values())
    user = make_first_administrator(token=token, username="ada", password=NEW)
    assert actor_for(user).access.may("people.manage")
    assert actor_for(user).access.may("container.remove", host)
    assert AuditEntry.objects.get().action == "setup.finish"
    assert not SetupToken.objects.exists()


def test_it_ends_the_link_with_its_use(db: None) -> None:
    token = new_token()
    make_first_administrator(token=token, username="ada", password=NEW)
    with pytest.raises(Unknown):
        make_first_administrator(token=token, username="bob", password=NEW)
    assert User.objects.count() == 1
    assert setup_link(BASE) is None


def test_it_ends_older_links_with_a_new_one(db: None) -> None:
    old, new = new_token(), new_token()
    assert not is_setup_token(old)
    assert is_setup_token(new)


def test_it_ends_the_link_with_an_account_from_elsewhere(viewer: User) -> None:
    SetupToken.objects.create(digest="a" * 64)
    assert setup_link(BASE) is None
    assert not SetupToken.objects.exists()


@pytest.mark.parametrize("token", ["", "x", "é" * 43, "a" * 43, "a" * 10**6, "\x00"])
def test_it_takes_no_other_token(db: None, token: str) -> None:
    new_token()
    assert not is_setup_token(token)
    with pytest.raises(Unknown):
        make_first_administrator(token=token, username="ada", password=NEW)
    assert not User.objects.exists()


def test_it_keeps_the_link_when_the_form_was_wrong(db: None) -> None:
    token = new_token()
    for username, password in (("", NEW), ("ada", "tiny"), ("<b>", NEW)):
        with pytest.raises(Invalid):
            make_first_administrator(token=token, username=username, password=password)
    with pytest.raises(Invalid) as caught:
        make_first_administrator(token=token, username="system", password="tiny")
    assert set(caught.value.fields) == {"username", "password"}
    assert is_setup_token(token)
    assert not AuditEntry.objects.exists()


def test_its_page_tells_all_that_is_wrong_at_once(db: None) -> None:
    path = f"/setup/{new_token()}/"
    wrong = {"username": "<b>", "password": "tiny", "password_again": "other"}
    told = Client().post(path, wrong).content.decode()
    for sentence in ("Use letters, digits", "too short", "This is not the same password."):
        assert sentence in told
    told = Client().post(path, dict.fromkeys(wrong, "")).content.decode()
    assert "This field is required." in told
    assert "Enter a " not in told


@pytest.mark.django_db(transaction=True)
def test_it_makes_only_one_when_many_try_at_once() -> None:
    token = new_token()
    made: list[User] = []
    refused: list[Exception] = []
    gate = threading.Barrier(4)

    def attempt(number: int) -> None:
        gate.wait()
        try:
            made.append(make_first_administrator(token=token, username=f"u{number}", password=NEW))
        except Unknown as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(made) == 1
    assert len(refused) == 3
    assert User.objects.count() == 1


def test_it_prints_the_link(db: None) -> None:
    out = StringIO()
    call_command("setup_link", "https://dock.example/", stdout=out)
    link = out.getvalue().strip()
    assert link.startswith("https://dock.example/setup/")
    assert is_setup_token(link.split("/")[-2])


def test_it_prints_no_link_once_there_is_an_account(viewer: User) -> None:
    with pytest.raises(CommandError):
        call_command("setup_link", stdout=StringIO())


@pytest.mark.parametrize("email", [None, "", "ada@example.com"])
def test_it_makes_a_superuser_from_variables(
    db: None, host: Host, monkeypatch: pytest.MonkeyPatch, email: str | None
) -> None:
    new_token()
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "ada")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", NEW)
    monkeypatch.delenv("DJANGO_SUPERUSER_EMAIL", raising=False)
    if email is not None:
        monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", email)
    call_command("createsuperuser", "--noinput", stdout=StringIO())
    user = User.objects.get(username="ada")
    assert user.check_password(NEW)
    assert user.email == (email or "")
    assert actor_for(user).access.may("people.manage")
    assert actor_for(user).access.may("host.remove", host)
    assert AuditEntry.objects.get(action="user.create").actor_name == "system"
    assert not SetupToken.objects.exists()
