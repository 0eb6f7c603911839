"""The pages of set-up, account and administration, used as a browser without scripts would."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.password_validation import get_default_password_validators
from django.test import Client

from fleet.models import (
    ApiToken,
    AuditEntry,
    Environment,
    Grant,
    Host,
    Role,
    Team,
    User,
)
from fleet.setup import setup_link
from fleet.tokens import user_of
from tests.conftest import PASSWORD, grant

NEW = "quite another phrase"
SCRIPT = "<script>alert(1)</script>"
SignIn = Callable[[User], Client]
ADMIN = "/administration/"


def page(client: Client, path: str, data: dict[str, Any] | None = None) -> str:
    """Get or post, follow, and return the page."""
    if data is None:
        return client.get(path).content.decode()
    return client.post(path, data, follow=True).content.decode()


def test_it_sets_up_in_the_browser(db: None) -> None:
    client = Client()
    assert client.get("/")["Location"] == "/setup/"
    assert client.get("/accounts/login/")["Location"] == "/setup/"
    assert "terminal" in page(client, "/setup/")
    path = (setup_link("http://testserver") or "").removeprefix("http://testserver")
    wrong = {"username": "ada", "password": NEW, "password_again": "other"}
    assert "This is not the same password." in page(client, path, wrong)
    client.post(path, {"username": "ada", "password": NEW, "password_again": NEW})
    assert User.objects.get().username == "ada"
    assert "Administration" in page(client, "/account/")
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert actions == {"setup.finish", "session.sign_in"}
    assert Client().get(path).status_code == 404
    assert client.get("/setup/")["Location"] == "/"


@pytest.mark.parametrize("token", ["wrong", "a" * 43, SCRIPT, "%00"])
def test_it_answers_a_wrong_link_in_words(db: None, token: str) -> None:
    setup_link("http://testserver")
    for answer in (Client().get(f"/setup/{token}/"), Client().post(f"/setup/{token}/", {})):
        assert answer.status_code == 404
        assert SCRIPT not in answer.content.decode()
    assert not User.objects.exists()


def test_it_shows_every_page_of_the_administration(
    client: Client, operator: User, viewer: User, host: Host
) -> None:
    team = Team.objects.create(name="Night shift")
    team.members.add(viewer)
    Grant.objects.create(team=team, role=Role.objects.get(name="viewer"), scope="host", host=host)
    for path in (
        "", "users/", "users/add/", f"users/{operator.pk}/", f"users/{operator.pk}/remove/",
        "teams/", "teams/add/", f"teams/{team.pk}/", f"teams/{team.pk}/remove/",
        "roles/", "roles/add/", f"roles/{Role.objects.all()[0].pk}/",
        "grants/", "grants/give/", f"grants/{operator.grants.all()[0].pk}/take/", "audit/",
    ):  # fmt: skip
        answer = client.get(ADMIN + path)
        assert answer.status_code == 200, path
        assert "style=" not in answer.content.decode(), path


def test_it_adds_a_user_by_link(client: Client) -> None:
    data = {"username": "nina", "first_name": "N", "sign_in": "link", "password": "ignored"}
    shown = page(client, f"{ADMIN}users/add/", data)
    link = re.search(r'data-copy="http://testserver([^"]+)"', shown)
    assert link
    assert not User.objects.get(username="nina").has_usable_password()
    new = Client()
    new.post(html.unescape(link[1]), {"password": NEW, "password_again": NEW})
    assert new.get("/account/").status_code == 200


def test_it_adds_a_user_with_a_password(client: Client) -> None:
    data = {"username": "nina", "sign_in": "password", "password": NEW}
    assert "nina was added" in page(client, f"{ADMIN}users/add/", data)
    assert User.objects.get(username="nina").check_password(NEW)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"username": SCRIPT, "sign_in": "link"}, "Use letters, digits"),
        ({"username": "x" * 100_000, "sign_in": "link"}, "at most 1000"),
        ({"username": "a\x00b", "sign_in": "link"}, "Null characters"),
        ({"username": "nina", "sign_in": "password"}, "Enter a password, or"),
        ({"username": "nina", "sign_in": "password", "password": "12345"}, "too short"),
        ({"username": "nina", "sign_in": "magic"}, "Select a valid choice"),
        ({"username": "nina", "sign_in": "link", "email": "x"}, "valid email"),
        ({"username": ["a", ""], "sign_in": "link"}, "This field is required"),
        ({}, "This field is required"),
    ],
)
def test_it_says_what_is_wrong_with_a_new_user(
    client: Client, data: dict[str, Any], said: str
) -> None:
    answer = client.post(f"{ADMIN}users/add/", data)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert SCRIPT not in answer.content.decode()
    assert User.objects.count() == 1


def test_it_disables_a_user_and_ends_their_sessions(
    client: Client, operator: User, sign_in: SignIn
) -> None:
    theirs = sign_in(operator)
    assert theirs.get("/account/").status_code == 200
    shown = page(client, f"{ADMIN}users/{operator.pk}/disable/")
    assert "1 session" in shown
    page(client, f"{ADMIN}users/{operator.pk}/disable/", {})
    assert theirs.get("/account/").status_code == 302
    page(client, f"{ADMIN}users/{operator.pk}/enable/", {})
    operator.refresh_from_db()
    assert operator.is_active


def test_it_says_all_rules_of_a_new_password_in_one_sentence(client: Client) -> None:
    shown = page(client, "/accounts/password/")
    (rules,) = re.findall(r'<p class="field-help" id="id_password_help">(.*?)</p>', shown)
    assert rules == (
        "10 to 256 characters: not digits only, no common password,"
        " nothing close to the name or email address."
    )
    known = {"MinimumLength", "NumericPassword", "CommonPassword", "UserAttributeSimilarity"}
    told = {type(rule).__name__ for rule in get_default_password_validators()}
    assert told == {f"{name}Validator" for name in known}, "say the new rule, too"


@pytest.mark.parametrize(
    ("password", "error"),
    [
        ("2short!", "too short"),
        ("9146180275", "entirely numeric"),
        ("password123", "too common"),
        ("administrator-root", "too similar to the first name"),
        ("x" * 257, "at most 256 characters"),
    ],
)
def test_it_says_at_the_field_which_rule_a_password_breaks(
    client: Client, administrator: User, password: str, error: str
) -> None:
    User.objects.filter(pk=administrator.pk).update(first_name="administrator-root")
    data = {"old_password": PASSWORD, "password": password, "password_again": password}
    shown = page(client, "/accounts/password/", data)
    (said,) = re.findall(r'id="id_password_error">.*?<span>(.*?)</span></div>', shown)
    assert error in said


def test_it_resets_a_password_and_shows_the_link_once(
    client: Client, operator: User, sign_in: SignIn
) -> None:
    theirs = sign_in(operator)
    shown = page(client, f"{ADMIN}users/{operator.pk}/reset-password/", {})
    assert "/accounts/password/link/" in shown
    assert theirs.get("/account/").status_code == 302
    operator.refresh_from_db()
    assert not operator.check_password(PASSWORD)


def test_it_keeps_the_last_administrator_and_says_why(client: Client, administrator: User) -> None:
    for action in ("disable", "remove"):
        answer = client.post(f"{ADMIN}users/{administrator.pk}/{action}/")
        assert answer.status_code == 422
        assert "your own account" in answer.content.decode()
    taken = client.post(f"{ADMIN}grants/{administrator.grants.get().pk}/take/")
    assert "nobody who administers the fleet" in taken.content.decode()
    assert administrator.grants.exists()


def test_it_changes_a_user(client: Client, operator: User) -> None:
    page(client, f"{ADMIN}users/{operator.pk}/", {"username": "olja", "email": "o@example.com"})
    operator.refresh_from_db()
    assert (operator.username, operator.email) == ("olja", "o@example.com")
    wrong = page(client, f"{ADMIN}users/{operator.pk}/", {"username": "ROOT"})
    assert "a user of this name already" in wrong
    assert "<h1>olja</h1>" in wrong


def test_it_finds_users(client: Client, operator: User, viewer: User) -> None:
    found = page(client, f"{ADMIN}users/?q=OLG")
    assert "olga" in found
    assert ">vera<" not in found
    assert "No user matches" in page(client, f"{ADMIN}users/?q=%00%3Cscript%3E")


def test_it_makes_changes_and_removes_a_team(client: Client, viewer: User) -> None:
    page(client, f"{ADMIN}teams/add/", {"name": "Night shift", "members": [viewer.pk]})
    team = Team.objects.get()
    assert list(team.members.all()) == [viewer]
    wrong = client.post(f"{ADMIN}teams/{team.pk}/", {"name": SCRIPT, "members": ["x"]})
    assert wrong.status_code == 422
    assert SCRIPT not in wrong.content.decode()
    page(client, f"{ADMIN}teams/{team.pk}/", {"name": "Day shift"})
    team.refresh_from_db()
    assert (team.name, team.members.count()) == ("Day shift", 0)
    page(client, f"{ADMIN}teams/{team.pk}/remove/", {})
    assert not Team.objects.exists()


def test_it_makes_a_role_like_another(client: Client, operator: User) -> None:
    role = Role.objects.get(name="operator")
    shown = page(client, f"{ADMIN}roles/add/?like={role.pk}")
    assert shown.count("checked") == len(role.permissions)
    page(client, f"{ADMIN}roles/add/", {"name": "watcher", "permissions": ["container.view"]})
    assert Role.objects.get(name="watcher").permissions == ["container.view"]
    wrong = client.post(f"{ADMIN}roles/add/", {"name": "odd", "permissions": ["root"]})
    assert wrong.status_code == 422
    built_in = client.post(f"{ADMIN}roles/{role.pk}/", {"name": "x", "permissions": ["host.view"]})
    assert "Built-in roles cannot be changed" in built_in.content.decode()
    in_use = client.post(f"{ADMIN}roles/{role.pk}/remove/")
    assert in_use.status_code == 422


def test_it_gives_and_takes_a_grant(
    client: Client, stranger: User, host: Host, other_host: Host, production: Environment
) -> None:
    viewer = Role.objects.get(name="viewer")
    for where in ("fleet", f"environment:{production.pk}", f"host:{host.pk}"):
        data = {"who": f"user:{stranger.pk}", "role": viewer.pk, "where": where}
        assert "given" in page(client, f"{ADMIN}grants/give/", data)
    assert sorted(stranger.grants.values_list("scope", flat=True)) == [
        "environment", "fleet", "host",
    ]  # fmt: skip
    twice = client.post(f"{ADMIN}grants/give/", data)
    assert twice.status_code == 422
    for given in stranger.grants.all():
        page(client, f"{ADMIN}grants/{given.pk}/take/", {})
    assert not stranger.grants.exists()


@pytest.mark.parametrize(
    "data",
    [
        {"who": "user:999", "where": "fleet"},
        {"who": "team:1", "where": "fleet"},
        {"who": "root", "where": "fleet"},
        {"where": "host:10000000000000000000000000"},
        {"where": ""},
        {"role": "999"},
        {"role": SCRIPT},
    ],
)
def test_it_gives_nothing_for_odd_choices(
    client: Client, stranger: User, data: dict[str, str]
) -> None:
    whole = {"who": f"user:{stranger.pk}", "role": Role.objects.all()[0].pk, "where": "fleet"}
    answer = client.post(f"{ADMIN}grants/give/", {**whole, **data})
    assert answer.status_code == 422
    assert Grant.objects.count() == 1


def test_it_refuses_to_give_more_than_one_has(
    make_user: Callable[..., User], sign_in: SignIn, stranger: User, administrator: User
) -> None:
    people = Role.objects.create(name="people", permissions=["people.manage", "host.view"])
    mara = make_user("mara")
    grant(mara, people.name)
    data = {
        "who": f"user:{stranger.pk}",
        "role": Role.objects.get(name="operator").pk,
        "where": "fleet",
    }
    answer = sign_in(mara).post(f"{ADMIN}grants/give/", data)
    assert answer.status_code == 403
    assert "further than your own rights" in answer.content.decode()
    entry = AuditEntry.objects.order_by("-number")[0]
    assert (entry.result, entry.actor_name) == ("refused", "mara")
    assert not stranger.grants.exists()


def test_it_shows_a_token_once(viewer: User, sign_in: SignIn) -> None:
    client = sign_in(viewer)
    made = client.post("/account/tokens/", {"name": "backup", "days": "7"})
    secret = re.search(r'data-copy="(qs_[^"]+)"', made.content.decode())
    assert secret
    assert user_of(secret[1])
    assert "no-store" in made["Cache-Control"]
    assert secret[1] not in page(client, "/account/tokens/")
    again = client.post("/account/tokens/", {"name": "backup", "days": "7"})
    assert again.status_code == 422
    page(client, f"/account/tokens/{ApiToken.objects.get().pk}/revoke/", {})
    assert user_of(secret[1]) is None


def test_it_revokes_no_token_of_others(viewer: User, operator: User, sign_in: SignIn) -> None:
    sign_in(operator).post("/account/tokens/", {"name": "mine", "days": ""})
    token = ApiToken.objects.get()
    assert sign_in(viewer).post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


@pytest.mark.parametrize(
    "data",
    [
        {"name": SCRIPT, "days": "7"},
        {"name": "x" * 101, "days": "7"},
        {"name": "ok", "days": "99999999999"},
        {"name": "ok", "days": "7", "role": "x"},
        {"name": "", "days": "7"},
    ],
)
def test_it_makes_no_odd_token(viewer: User, sign_in: SignIn, data: dict[str, str]) -> None:
    answer = sign_in(viewer).post("/account/tokens/", data)
    assert answer.status_code == 422
    assert SCRIPT not in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_it_saves_profile_and_preferences(viewer: User, sign_in: SignIn) -> None:
    client = sign_in(viewer)
    viewer.preferences = {"density": "compact"}
    viewer.save()
    page(client, "/account/", {"first_name": SCRIPT, "email": "v@example.com"})
    saved = client.post("/account/preferences/", {"theme": "dark", "time_zone": "Asia/Tokyo"})
    assert saved.cookies["theme"].value == "dark"
    viewer.refresh_from_db()
    assert viewer.preferences == {"density": "compact", "theme": "dark", "time_zone": "Asia/Tokyo"}
    assert viewer.email == "v@example.com"
    shown = page(client, "/account/")
    assert SCRIPT not in shown
    assert 'data-zone="Asia/Tokyo"' in shown
    wrong = client.post("/account/preferences/", {"theme": "pink", "time_zone": "Mars"})
    assert wrong.status_code == 422
