"""What went wrong is told in words: to people as a page, to scripts and the API as JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from config.asgi import application
from dashboard.body_limit import LIMIT
from fleet.models import Container, Host, User
from tests.test_hostile import COOKIE
from tests.test_walk import address, client_of
from tests.walk_people import PEOPLE
from tests.walk_routes import Route
from tests.walk_table import PAGES
from tests.world import World, world

__all__ = ["world"]

SignIn = Callable[[User], Client]
COMMUNICATOR: Any = ApplicationCommunicator  # it has no types
BACK = re.compile(r'<a class="btn" href="([^"]+)">([^<]+)</a>')
SIX_MB = "x" * (6 * 1024 * 1024 + 1)


def is_page(answer: Any, status: int, *words: str) -> bool:
    """Return whether the answer is our page with these words, and one way on."""
    text = answer.content.decode()
    return (
        answer.status_code == status
        and answer["Content-Type"] == "text/html; charset=utf-8"
        and 'class="plain' in text
        and len(BACK.findall(text)) == 1
        and all(word in text for word in words)
    )


def is_problem(answer: Any, status: int, words: str) -> bool:
    """Return whether the answer is a problem with these words in its detail."""
    return (
        answer.status_code == status
        and answer["Content-Type"] == "application/problem+json"
        and answer.json()["status"] == status
        and words in answer.json()["detail"]
    )


def only_forms(routes: list[Route]) -> Iterator[Route]:
    """Yield the routes that take a POST and show nothing; scripts alone send to webhooks."""
    return (r for r in routes if not r.get and not r.route.startswith("hooks/"))


# --- 405 -----------------------------------------------------------------------------------


def test_an_address_for_forms_says_so_and_leads_back(
    host: Host, administrator: User, sign_in: SignIn
) -> None:
    answer = sign_in(administrator).get(f"/hosts/{host.pk}/disable/")
    assert is_page(answer, 405, "This address only takes a form.")
    assert BACK.findall(answer.content.decode()) == [(f"/hosts/{host.pk}/", "Go back to the host")]
    assert answer["Allow"] == "POST"


def test_every_way_back_is_a_page(world: World) -> None:
    client = client_of(world.people["administrator"])
    for route in only_forms([*PAGES, *PEOPLE]):
        answer = client.get(address(route, world))
        assert is_page(answer, 405), route.route
        ((href, words),) = BACK.findall(answer.content.decode())
        assert client.get(href).status_code == 200, route.route
        assert words != "Go back", route.route


def test_a_page_that_takes_no_form_says_so(
    container: Container, administrator: User, sign_in: SignIn
) -> None:
    answer = sign_in(administrator).post(f"/containers/{container.pk}/logs/")
    assert is_page(answer, 405, "This address takes no such form.", "Go back to the container")


def test_a_script_gets_a_message_for_its_toast(administrator: User, sign_in: SignIn) -> None:
    answer = sign_in(administrator).post("/events/", headers={"accept": "application/json"})
    assert answer.status_code == 405
    assert answer.json() == {"message": "This address takes no such form."}


def test_the_api_names_the_methods_that_it_takes(administrator: User, sign_in: SignIn) -> None:
    answer = sign_in(administrator).delete("/api/v1/hosts")
    assert is_problem(answer, 405, "takes")
    assert {"GET", "POST"} <= set(answer["Allow"].split(", "))
    assert answer["Allow"] in answer.json()["detail"]


# --- The others ----------------------------------------------------------------------------


def test_what_makes_no_sense_gets_words(db: None) -> None:
    assert is_page(Client().get("/", HTTP_COOKIE=COOKIE), 400, "make sense")
    assert is_problem(Client().get("/api/v1/hosts", HTTP_COOKIE=COOKIE), 400, "make sense")


def test_what_is_not_allowed_says_what_it_needs(host: Host, viewer: User, sign_in: SignIn) -> None:
    answer = sign_in(viewer).get(f"/hosts/{host.pk}/edit/")
    assert is_page(answer, 403, "Not allowed", "needs the permission")


def test_what_is_not_there_gets_words(administrator: User, sign_in: SignIn) -> None:
    client = sign_in(administrator)
    assert is_page(client.get("/nowhere/"), 404, "There is no such page.")
    assert is_page(client.get("/hosts/99/"), 404, "There is no such host.")
    assert is_problem(client.get("/api/v1/nowhere"), 404, "no such page")


def test_a_form_without_its_token_gets_words(administrator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(administrator, backend="django.contrib.auth.backends.ModelBackend")
    assert is_page(client.post("/account/sessions/end/"), 403, "This form has expired.")
    asked = client.post("/account/sessions/end/", headers={"accept": "application/json"})
    assert asked.status_code == 403 and "expired" in asked.json()["message"]
    api = client.post("/api/v1/environments", {"name": "x"}, content_type="application/json")
    assert is_problem(api, 403, "X-CSRFToken")


def test_a_form_that_is_too_large_gets_words(administrator: User, sign_in: SignIn) -> None:
    client = sign_in(administrator)
    assert is_page(client.post("/account/", {"first_name": SIX_MB}), 413, "larger than")
    body = {"name": SIX_MB}
    answer = client.post("/api/v1/environments", body, content_type="application/json")
    assert is_problem(answer, 413, "larger than")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "kind"),
    [("/hosts/add/", b"text/html; charset=utf-8"), ("/api/v1/hosts", b"application/problem+json")],
)
async def test_a_body_that_is_too_large_gets_words(path: str, kind: bytes) -> None:
    headers = [(b"host", b"localhost"), (b"content-length", str(LIMIT + 1).encode())]
    asked = COMMUNICATOR(
        application,
        {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
         "query_string": b"", "headers": headers, "client": ["127.0.0.1", 5000]},
    )  # fmt: skip
    start, body = await asked.receive_output(10), await asked.receive_output(10)
    told = {name.lower(): value for name, value in start["headers"]}
    assert start["status"] == 413 and b"larger than" in body["body"]
    assert told[b"content-type"] == kind and told[b"connection"] == b"close"
    assert b"content-security-policy" in told


def test_who_tries_too_often_gets_words(db: None, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    cache.clear()
    User.objects.create(username="somebody", is_superuser=True)
    tries = [Client().post("/accounts/login/", {"login": "x", "password": "y"}) for _ in range(2)]
    cache.clear()
    assert is_page(tries[1], 429, "too many attempts", "Sign in")


def test_a_bug_gets_words(
    administrator: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_args: object) -> None:
        raise ZeroDivisionError("a secret")

    client = sign_in(administrator)
    client.raise_request_exception = False
    monkeypatch.setattr("dashboard.views.fleet.fleet_page", break_down)
    answer = client.get("/")
    assert is_page(answer, 500, "Something broke", "It was logged.")
    assert "a secret" not in answer.content.decode()
    asked = client.get("/", headers={"accept": "application/json"})
    assert asked.status_code == 500 and "logged" in asked.json()["message"]


def test_a_database_that_is_away_gets_words() -> None:
    """Without the mark `db`, every question to the database fails."""
    client = Client(raise_request_exception=False)
    assert is_page(client.get("/hosts/"), 500, "Something broke")
