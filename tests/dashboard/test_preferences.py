"""What tables remember."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from fleet.models import Host, User
from tests.conftest import make_container

ADDRESS = "/preferences/"


@pytest.fixture
def client(stranger: User, sign_in: Callable[[User], Client]) -> Client:
    """A browser."""
    return sign_in(stranger)


def kept(user: User) -> Any:
    """Return what is stored."""
    user.refresh_from_db()
    return user.preferences


def test_it_remembers_columns_of_each_page(client: Client, stranger: User) -> None:
    client.post(ADDRESS, {"page": "containers", "columns": ["", "state", "host"]})
    client.post(ADDRESS, {"page": "jobs", "columns": ["", "who"]})
    assert kept(stranger)["columns"] == {"containers": ["state", "host"], "jobs": ["who"]}


def test_it_leaves_alone_what_was_not_sent(client: Client, stranger: User) -> None:
    client.post(ADDRESS, {"density": "compact"})
    client.post(ADDRESS, {"page_size": "250"})
    assert kept(stranger) == {"density": "compact", "page_size": 250}


@pytest.mark.parametrize(
    "data",
    [
        {"density": "enormous"},
        {"page_size": "7"},
        {"page_size": "1e9"},
        {"page": "<script>", "columns": ["a"]},
        {"page": "containers", "columns": ["a b"]},
        {"page": "containers", "columns": ["x" * 41]},
        {"page": "containers", "columns": [f"c{number}" for number in range(99)]},
    ],
)
def test_it_refuses_nonsense(client: Client, stranger: User, data: Any) -> None:
    response = client.post(ADDRESS, data)
    assert response.status_code == 400
    assert response.json()["message"]
    assert kept(stranger) == {}


def test_it_takes_posts_only(client: Client) -> None:
    assert client.get(ADDRESS).status_code == 405


def test_it_answers_scripts_without_a_page(client: Client) -> None:
    response = client.post(ADDRESS, {"density": "compact"}, headers={"Accept": "application/json"})
    assert response.status_code == 204


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/containers/?q=a&page=3&size=25", "/containers/?q=a"),
        ("http://testserver/jobs/", "/jobs/"),
        ("http://evil.example/containers/", "/containers/"),
        ("", "/containers/"),
    ],
)
def test_it_goes_back_to_the_page_of_the_form(client: Client, referer: str, back: str) -> None:
    response = client.post(ADDRESS, {"page_size": "100"}, headers={"Referer": referer})
    assert response.status_code == 302
    assert response["Location"] == back


def test_it_shows_the_list_as_it_was_wanted(
    administrator: User, host: Host, sign_in: Callable[[User], Client]
) -> None:
    for number in range(30):
        make_container(host, f"web-{number}")
    browser = sign_in(administrator)
    browser.post(ADDRESS, {"page": "containers", "columns": ["state"], "page_size": "25"})
    html = browser.get("/containers/").content.decode()
    assert html.count('<tr id="container-') == 25
    assert "hide-image" in html
    assert "hide-state" not in html


@pytest.mark.parametrize(
    "broken", [{"columns": {"containers": 5}}, {"columns": "x", "density": 5, "page_size": "many"}]
)
def test_it_survives_what_it_never_stored(
    administrator: User, sign_in: Callable[[User], Client], broken: Any
) -> None:
    administrator.preferences = broken
    administrator.save()
    assert sign_in(administrator).get("/containers/").status_code == 200


def test_it_leads_to_no_other_site(client: Client) -> None:
    back = client.post(
        ADDRESS, {"density": "compact"}, HTTP_REFERER="http://testserver//evil.example/x?q=1"
    )
    assert back["Location"] == "/evil.example/x?q=1"
