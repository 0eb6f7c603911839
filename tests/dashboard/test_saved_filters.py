"""The pages of saved filters, and their menu on the list and on logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from fleet.models import Host, SavedFilter, User
from fleet.selectors.saved_filters import SHOWN
from tests.conftest import make_container

SignIn = Callable[[User], Client]
SCRIPT = {"Accept": "application/json"}


@pytest.fixture
def client(viewer: User, sign_in: SignIn) -> Client:
    """A viewer's browser."""
    return sign_in(viewer)


@pytest.fixture
def saved(viewer: User) -> SavedFilter:
    """A filter of the viewer's."""
    query = "q=web&state=running"
    return SavedFilter.objects.create(owner=viewer, name="Web <up>", query=query)


def text_of(client: Client, address: str, **headers: str) -> str:
    """Return a page."""
    response = client.get(address, headers=headers)
    assert response.status_code == 200
    return unescape(response.content.decode())


def test_the_list_offers_to_save_what_is_set(client: Client, host: Host) -> None:
    assert "Save this filter" not in text_of(client, "/containers/?sort=-host")
    assert "No saved filters yet." in text_of(client, "/containers/")
    html = text_of(client, "/containers/?state=failed&sort=-host")
    assert "/saved-filters/add/?query=state%3Dfailed&next=%2Fcontainers%2F%3Fstate%3Dfailed" in html
    assert "Save this filter" not in text_of(client, "/containers/?state=nonsense")


def test_it_is_saved_with_and_without_scripts(client: Client, viewer: User) -> None:
    where = "/saved-filters/add/?query=state%3Dfailed&next=/containers/%3Fstate%3Dfailed"
    assert "<!doctype" in text_of(client, where).lower()
    dialog = text_of(client, where, **{"HX-Request": "true"})
    assert dialog.startswith("<form") and 'value="state=failed"' in dialog
    sent = {"name": "Failed", "query": "state=failed", "next": "/containers/?state=failed"}
    answer = client.post("/saved-filters/add/", sent)
    assert (answer.status_code, answer.headers["Location"]) == (302, sent["next"])
    answer = client.post("/saved-filters/add/", {**sent, "name": "failed"}, headers=SCRIPT)
    assert answer.status_code == 422
    assert json.loads(answer.content)["message"] == "You have a saved filter of this name already."
    answer = client.post("/saved-filters/add/", {**sent, "name": ""})
    assert answer.status_code == 422 and "Enter a name." in answer.content.decode()
    answer = client.post("/saved-filters/add/", {**sent, "name": "F2"}, headers=SCRIPT)
    assert json.loads(answer.content) == {"location": sent["next"]}
    assert viewer.saved_filters.count() == 2


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example/", "/\\evil", ""])
def test_it_leads_only_to_pages_of_ours(client: Client, back: str) -> None:
    sent = {"name": "X", "query": "q=web", "next": back}
    assert client.post("/saved-filters/add/", sent).headers["Location"] == "/saved-filters/"


def test_the_menu_opens_shows_and_changes_them(
    client: Client, saved: SavedFilter, operator: User
) -> None:
    other = SavedFilter.objects.create(owner=operator, name="Ours", query="q=db", shared=True)
    SavedFilter.objects.create(owner=operator, name="Private", query="q=db")
    html = text_of(client, "/containers/?state=running&q=web")
    assert 'href="/containers/?q=web&state=running" aria-current="true"' in html
    assert f'href="/logs/?filter={saved.pk}"' in html and f'"/logs/?filter={other.pk}"' in html
    assert f"/saved-filters/{saved.pk}/?" in html and f"/saved-filters/{other.pk}/?" not in html
    assert "olga" in html and "Private" not in html and "Save this filter" not in html


def test_a_menu_of_many_leads_to_the_page_of_all(client: Client, operator: User) -> None:
    for number in range(SHOWN + 3):
        name = f"Theirs {number:02}"
        SavedFilter.objects.create(owner=operator, name=name, query="q=db", shared=True)
    html = text_of(client, "/containers/")
    assert html.count('<span class="cut">Theirs') == SHOWN and "(3 more)" in html
    assert text_of(client, "/saved-filters/").count(">Theirs") == SHOWN + 3


def test_it_costs_the_list_one_query(client: Client, viewer: User, saved: SavedFilter) -> None:
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get("/containers/")
        counts.append(sum("savedfilter" in query["sql"] for query in queries))
        SavedFilter.objects.create(owner=viewer, name=str(number), query="q=a")
    assert counts == [1, 1]


def test_it_is_changed_and_replaced_by_what_is_set_now(client: Client, saved: SavedFilter) -> None:
    where = f"/saved-filters/{saved.pk}/"
    assert "Let it find what is set now" not in text_of(client, where)
    assert "Let it find what is set now" in text_of(client, f"{where}?query=q%3Ddb")
    sent = {"name": "DB", "query": "q=db", "next": "/containers/?q=db", "shared": "on"}
    client.post(where, sent)
    saved.refresh_from_db()
    assert (saved.name, saved.query, saved.shared) == ("DB", "q=web&state=running", True)
    answer = client.post(where, {**sent, "replace": "on"})
    assert answer.headers["Location"] == "/containers/?q=db"
    saved.refresh_from_db()
    assert (saved.query, saved.shared) == ("q=db", True)


def test_changing_one_leads_back_to_what_was_shown(client: Client, saved: SavedFilter) -> None:
    where, back = f"/saved-filters/{saved.pk}/", "/logs/?filter=77"
    sent = {"name": "DB", "query": "q=db", "next": back}
    assert client.post(where, sent).headers["Location"] == back
    logs = client.post(where, {**sent, "replace": "on"}).headers["Location"]
    assert logs == f"/logs/?filter={saved.pk}"  # what was set now has this name from now on
    assert client.post(f"{where}remove/", {"next": back}).headers["Location"] == back


def test_it_is_deleted_after_a_question(client: Client, saved: SavedFilter) -> None:
    where = f"/saved-filters/{saved.pk}/remove/"
    assert "The filter goes." in text_of(client, where)
    answer = client.post(where, {"next": f"/logs/?filter={saved.pk}"})
    assert answer.headers["Location"] == "/logs/"
    assert not SavedFilter.objects.exists()
    assert client.post(where).status_code == 404


def test_the_page_of_all_of_them(client: Client, saved: SavedFilter) -> None:
    html = client.get("/saved-filters/").content.decode()
    assert "Web &lt;up&gt;" in html and "state: <b" in html
    saved.delete()
    assert "No saved filters yet" in text_of(client, "/saved-filters/")


def test_who_removes_a_user_is_told_of_what_they_share(
    saved: SavedFilter, viewer: User, administrator: User, sign_in: SignIn
) -> None:
    where = f"/administration/users/{viewer.pk}/remove/"
    assert "shared with all" not in text_of(sign_in(administrator), where)
    SavedFilter.objects.update(shared=True)
    assert "1 filter shared with all" in text_of(sign_in(administrator), where)


def test_logs_of_a_saved_filter(client: Client, saved: SavedFilter, host: Host) -> None:
    make_container(host, "web-1")
    html = text_of(client, f"/logs/?filter={saved.pk}")
    assert f'data-args="filter={saved.pk}"' in html and "Logs of Web <up>" in html
    assert 'name="state" value="running"' in html  # choosing on does not lose it
    assert f'href="/logs/?filter={saved.pk}" aria-current="true"' in html
    saved.query = "q=nothing"
    saved.save()
    assert "No container matches" in text_of(client, f"/logs/?filter={saved.pk}")


def test_logs_of_a_filter_that_one_may_not_use(
    saved: SavedFilter, operator: User, sign_in: SignIn
) -> None:
    hidden = sign_in(operator).get(f"/logs/?filter={saved.pk}")
    missing = sign_in(operator).get("/logs/?filter=99999")
    assert hidden.status_code == missing.status_code == 404
    assert "There is no such saved filter. It was deleted" in hidden.content.decode()
    assert 'href="/logs/"' in hidden.content.decode()
    assert "Web" not in hidden.content.decode()


def test_a_shared_one_shows_no_more_than_ones_rights(
    host: Host, other_host: Host, actor: Any, client: Client
) -> None:
    make_container(host, "web-1")
    make_container(other_host, "web-secret")
    one = SavedFilter.objects.create(owner=actor.user, name="All", query="q=web", shared=True)
    html = text_of(client, f"/logs/?filter={one.pk}")
    assert "web-1" in html and "web-secret" not in html
