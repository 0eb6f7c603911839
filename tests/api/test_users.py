"""Resetting passwords and ending sessions by the API."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.test import Client

from fleet.models import AuditEntry, Role, User
from fleet.sessions import sessions_of
from tests.api.conftest import Caller

Call = Callable[..., Caller]
SignIn = Callable[[User], Client]
NEW = "quite another phrase"


def test_it_answers_a_link_that_sets_a_password(
    administrator: User, viewer: User, call_as: Call
) -> None:
    caller = call_as(administrator)
    status, body = caller.call("POST", f"/users/{viewer.pk}/reset-password", {"password": ""})
    viewer.refresh_from_db()
    assert status == 200
    assert body["link"].startswith("http://testserver/accounts/password/link/")
    assert not viewer.has_usable_password()
    page, form = urlsplit(body["link"]).path, {"password": NEW, "password_again": NEW}
    assert Client().get(page).status_code == 200
    Client().post(page, form)
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    assert Client().get(page).status_code == 404


def test_it_sets_a_password_and_ends_the_sessions(
    administrator: User, viewer: User, call_as: Call, sign_in: SignIn
) -> None:
    browser = sign_in(viewer)
    browser.get("/")
    path = f"/users/{viewer.pk}/reset-password"
    assert call_as(administrator).call("POST", path, {"password": NEW}) == (200, {"link": ""})
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    assert browser.get("/").status_code == 302
    assert NEW not in str(AuditEntry.objects.values())


@pytest.mark.parametrize("password", ["short", "x" * 257, 7])
def test_it_says_what_is_wrong_with_a_password(
    administrator: User, viewer: User, call_as: Call, password: object
) -> None:
    path, before = f"/users/{viewer.pk}/reset-password", viewer.password
    status, problem = call_as(administrator).call("POST", path, {"password": password})
    assert (status, list(problem["errors"])) == (422, ["password"])
    viewer.refresh_from_db()
    assert viewer.password == before


def test_no_cache_keeps_the_link(administrator: User, viewer: User, call_as: Call) -> None:
    caller = call_as(administrator)
    response = caller.client.post(
        f"/api/v1/users/{viewer.pk}/reset-password",
        {},
        content_type="application/json",
        headers={"Authorization": f"Bearer {caller.secret}"},
    )
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")


def test_a_narrow_token_gets_no_link_of_a_wider_account(administrator: User, call_as: Call) -> None:
    Role.objects.create(name="people", permissions=["people.manage"])
    caller, before = call_as(administrator, role="people"), administrator.password
    status, problem = caller.call("POST", f"/users/{administrator.pk}/reset-password", {})
    assert status == 403
    assert "further than your own rights" in problem["detail"]
    administrator.refresh_from_db()
    assert administrator.password == before


def test_it_signs_somebody_out(
    administrator: User, viewer: User, call_as: Call, sign_in: SignIn
) -> None:
    browsers = [sign_in(viewer), sign_in(viewer)]
    for browser in browsers:
        browser.get("/")
    found = call_as(administrator).call("POST", f"/users/{viewer.pk}/sign-out")
    assert found == (200, {"sessions": 2})
    assert not sessions_of(viewer)
    assert [browser.get("/").status_code for browser in browsers] == [302, 302]
    assert AuditEntry.objects.get(action="user.sign_out").via == "api"


@pytest.mark.parametrize("action", ["reset-password", "sign-out"])
def test_it_knows_no_such_user(administrator: User, call_as: Call, action: str) -> None:
    assert call_as(administrator).call("POST", f"/users/{10**9}/{action}", {})[0] == 404
