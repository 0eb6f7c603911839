"""Sign in, sign out, being slowed down, sessions, one's own password."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache, caches
from django.test import Client, override_settings
from redis import RedisError

from fleet.models import AuditEntry, User
from fleet.operations.users import link_of
from tests.conftest import PASSWORD

NEW = "quite another phrase"
OTHER = "not it"
LOGIN = "/accounts/login/"
SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def fresh_counts() -> Iterator[None]:
    """Forget the counts of failed attempts."""
    cache.clear()
    yield
    cache.clear()


def attempt(client: Client, name: str, password: str = OTHER, **headers: str) -> str:
    """Try to sign in; return the page."""
    response = client.post(LOGIN, {"login": name, "password": password}, **headers)  # type: ignore[arg-type]
    return response.content.decode()


def signed_in(name: str, **headers: str) -> Client:
    """Return a client that signed in by the form."""
    client = Client(**headers)  # type: ignore[arg-type]
    response = client.post(LOGIN, {"login": name, "password": PASSWORD})
    assert response.status_code == 302, response.content.decode()
    return client


def last() -> AuditEntry:
    """Return the newest audit entry."""
    return AuditEntry.objects.order_by("-number")[0]


def test_it_signs_in_and_out(viewer: User) -> None:
    client = signed_in("VERA")
    assert (last().action, last().actor_name, last().address) == (
        "session.sign_in", "vera", "127.0.0.1",
    )  # fmt: skip
    assert client.get("/account/").status_code == 200
    client.post("/accounts/logout/")
    assert (last().action, last().actor_name) == ("session.sign_out", "vera")
    assert client.get("/account/").status_code == 302


def test_it_returns_to_where_one_wanted_to_go(viewer: User) -> None:
    client = Client()
    away = client.get("/account/tokens/")
    assert away["Location"] == f"{LOGIN}?next=%2Faccount%2Ftokens%2F"
    back = client.post(
        away["Location"], {"login": "vera", "password": PASSWORD, "next": "/account/tokens/"}
    )
    assert back["Location"] == "/account/tokens/"


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_it_goes_nowhere_else(viewer: User, there: str) -> None:
    back = Client().post(LOGIN, {"login": "vera", "password": PASSWORD, "next": there})
    assert back["Location"] == "/"


@pytest.mark.parametrize("name", ["vera", "nobody", "<script>alert(1)</script>", "x" * 150])
def test_it_says_the_same_for_wrong_names_and_passwords(viewer: User, name: str) -> None:
    page = attempt(Client(), name)
    assert "The user name or the password is wrong." in page
    assert "<script>alert" not in page
    assert (last().result, last().actor_name, last().detail["username"]) == ("refused", "", name)


@pytest.mark.parametrize("name", ["", "x" * 10_000, "a\x00b"])
def test_it_names_the_field_of_an_odd_user_name(viewer: User, name: str) -> None:
    assert "field-error" in attempt(Client(), name)


def test_it_does_not_sign_in_the_disabled(viewer: User) -> None:
    viewer.is_active = False
    viewer.save()
    client = Client()
    client.post(LOGIN, {"login": "vera", "password": PASSWORD})
    assert client.get("/account/").status_code == 302


def test_it_slows_guessing_of_one_name_from_many_addresses(viewer: User) -> None:
    for number in range(6):
        attempt(Client(), "vera", REMOTE_ADDR=f"10.0.0.{number}")
    page = attempt(Client(), "Vera ", PASSWORD, REMOTE_ADDR="10.0.0.99")
    assert re.search(r"Too many failed attempts. Wait \d+ minutes?, then try again.", page)
    assert "vera" not in UserSession.objects.values_list("user__username", flat=True)
    assert last().detail["reason"] == "too many attempts"


def test_it_does_not_let_another_host_header_reset_the_count(viewer: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    for number in range(6):
        attempt(Client(), "vera", HTTP_HOST=f"h{number}.example")
    assert "Too many failed attempts" in attempt(Client(), "vera", HTTP_HOST="h9.example")


def test_it_slows_guessing_of_many_names_from_one_address(viewer: User) -> None:
    for number in range(30):
        attempt(Client(), f"guess-{number}")
    assert "Too many failed attempts" in attempt(Client(), "vera", PASSWORD)
    assert "302" in str(Client().post(
        LOGIN, {"login": "vera", "password": PASSWORD}, REMOTE_ADDR="10.0.0.7"
    ).status_code)  # fmt: skip


def test_it_counts_by_the_address_that_proxies_give(viewer: User, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    for number in range(30):
        # What the client claims itself changes nothing; the proxy's own entry is the last.
        claimed = f"1.2.3.{number}, 192.0.2.7"
        attempt(Client(), f"guess-{number}", HTTP_X_FORWARDED_FOR=claimed)
    page = attempt(Client(), "vera", PASSWORD, HTTP_X_FORWARDED_FOR="9.9.9.9, 192.0.2.7")
    assert "Too many failed attempts" in page
    assert last().address == "192.0.2.7"


@pytest.mark.parametrize("address", ["", "unix:", "not an address", "x" * 500, "fe80::1%eth0"])
def test_it_bears_addresses_that_are_none(viewer: User, settings: Any, address: str) -> None:
    settings.TRUSTED_PROXIES = 1
    client = signed_in("vera", HTTP_X_FORWARDED_FOR=address)
    assert client.get("/account/sessions/").status_code == 200


def test_it_stops_a_flood_of_posts(viewer: User) -> None:
    statuses = {Client().post(LOGIN, {}).status_code for _ in range(61)}
    assert statuses == {200, 429}
    page = Client().post(LOGIN, {})
    assert "Wait a minute" in page.content.decode()


@pytest.fixture
def no_redis() -> Iterator[None]:
    """Keep the counts in a Redis that is away."""
    backend = "django.core.cache.backends.redis.RedisCache"
    away = {"BACKEND": backend, "LOCATION": "unix:///nowhere/redis.sock"}
    with override_settings(CACHES={**settings.CACHES, "default": away}):
        yield


@pytest.mark.parametrize("password", [PASSWORD, OTHER])
def test_it_signs_nobody_in_while_attempts_cannot_be_counted(
    viewer: User, no_redis: None, password: str
) -> None:
    client = Client()
    response = client.post(LOGIN, {"login": "vera", "password": password})
    page = response.content.decode()
    assert response.status_code == 503
    assert "Signing in is not possible just now" in page
    assert 'value="vera"' in page
    assert password not in page
    assert client.get("/account/").status_code == 302
    assert client.get(LOGIN).status_code == 200


def test_it_signs_nobody_in_when_redis_leaves_during_the_attempt(
    viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object) -> None:
        raise RedisError("away")

    monkeypatch.setattr("dashboard.accounts.AccountAdapter._rollback_login_failed_rl_usage", away)
    client = Client()
    response = client.post(LOGIN, {"login": "vera", "password": PASSWORD})
    assert response.status_code == 503
    assert client.get("/account/").status_code == 302


def test_it_checks_no_old_password_while_attempts_cannot_be_counted(
    viewer: User, sign_in: SignIn, no_redis: None
) -> None:
    assert "cannot be checked just now" in change(sign_in(viewer), PASSWORD, NEW)
    viewer.refresh_from_db()
    assert viewer.check_password(PASSWORD)


def test_a_page_asks_redis_nothing(viewer: User, sign_in: SignIn) -> None:
    client = sign_in(viewer)
    backend = "django.core.cache.backends.redis.RedisCache"
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:  # where it hangs, pages would
        mute.setblocking(False)
        address = f"redis://127.0.0.1:{mute.getsockname()[1]}"
        with override_settings(
            CACHES={**settings.CACHES, "default": {"BACKEND": backend, "LOCATION": address}}
        ):
            caches["process"].clear()
            assert [client.get(path).status_code for path in ("/", "/containers/")] == [200, 200]
        with pytest.raises(BlockingIOError):
            mute.accept()
    assert UserSession.objects.filter(user=viewer).exists()


def test_it_lists_sessions_and_ends_one_elsewhere(viewer: User) -> None:
    here = signed_in("vera", HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux) Firefox/140.0")
    there = signed_in("vera", HTTP_USER_AGENT="<script>alert(1)</script>")
    page = here.get("/account/sessions/").content.decode()
    assert "Firefox on Linux" in page
    assert "<script>alert" not in page
    other = UserSession.objects.get(user_agent__contains="script")
    here.post(f"/account/sessions/{other.pk}/end/")
    assert there.get("/account/").status_code == 302
    assert here.get("/account/").status_code == 200
    assert last().action == "session.end"


def test_it_ends_all_other_sessions(viewer: User) -> None:
    here, *others = [signed_in("vera") for _ in range(3)]
    here.post("/account/sessions/end/")
    assert [client.get("/account/").status_code for client in others] == [302, 302]
    assert here.get("/account/").status_code == 200


def test_it_ends_no_session_of_others(viewer: User, operator: User) -> None:
    victim, attacker = signed_in("olga"), signed_in("vera")
    pk = UserSession.objects.get(user=operator).pk
    assert attacker.post(f"/account/sessions/{pk}/end/").status_code == 404
    assert victim.get("/account/").status_code == 200


def test_it_translates_that_there_is_no_such_session(
    viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.sessions._", {"session": "Sitzung"}.__getitem__)
    page = signed_in("vera").post("/account/sessions/0/end/").content.decode()
    assert "There is no such Sitzung." in page


def change(client: Client, old: str, new: str, again: str = "") -> str:
    """Post the form that changes the password; return the page."""
    data = {"old_password": old, "password": new, "password_again": again or new}
    return client.post("/accounts/password/", data, follow=True).content.decode()


def test_it_changes_the_password_and_ends_other_sessions(viewer: User) -> None:
    here, there = signed_in("vera"), signed_in("vera")
    assert "Your password was changed" in change(here, PASSWORD, NEW)
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302
    assert "account.password" in AuditEntry.objects.values_list("action", flat=True)


@pytest.mark.parametrize(
    ("old", "new", "again", "said"),
    [
        ("wrong", NEW, NEW, "This is not your password."),
        (PASSWORD, NEW, NEW + "x", "This is not the same password."),
        (PASSWORD, "tiny", "tiny", "too short"),
        (PASSWORD, "x" * 300, "x" * 300, "at most 256"),
    ],
)
def test_it_keeps_the_password_when_something_is_wrong(
    viewer: User, sign_in: SignIn, old: str, new: str, again: str, said: str
) -> None:
    page = change(sign_in(viewer), old, new, again)
    assert said in page
    assert f'value="{new}"' not in page
    viewer.refresh_from_db()
    assert viewer.check_password(PASSWORD)


def test_it_slows_guessing_of_the_old_password(viewer: User, sign_in: SignIn) -> None:
    client = sign_in(viewer)
    for _ in range(5):
        change(client, "wrong", NEW)
    assert "Too many attempts" in change(client, PASSWORD, NEW)


def test_it_sets_a_password_by_link_and_signs_in(viewer: User) -> None:
    client, path = Client(), f"/accounts/password/link/{link_of(viewer)}/"
    assert "vera" in client.get(path).content.decode()
    wrong = client.post(path, {"password": "tiny", "password_again": "tiny"})
    assert wrong.status_code == 422
    client.post(path, {"password": NEW, "password_again": NEW})
    assert client.get("/account/").status_code == 200
    assert Client().get(path).status_code == 404


def test_it_asks_scripts_to_sign_in(viewer: User) -> None:
    answer = Client().get("/account/", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.json() == {"message": "Sign in again."}


def test_it_writes_a_session_once_a_minute(
    viewer: User, django_assert_num_queries: Callable[..., object]
) -> None:
    client = signed_in("vera")
    client.get("/account/tokens/")
    seen = UserSession.objects.get().last_seen_at
    client.get("/account/tokens/")
    assert UserSession.objects.get().last_seen_at == seen


@pytest.mark.parametrize("zone", ["Europe/Berlin", "", "../../etc/passwd", "Nowhere/Land", 7])
def test_it_bears_any_stored_time_zone(viewer: User, sign_in: SignIn, zone: object) -> None:
    viewer.preferences = {"time_zone": zone}
    viewer.save()
    assert sign_in(viewer).get("/account/").status_code == 200
