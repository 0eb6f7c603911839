"""The page of the container list."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from dashboard.live.topics.containers import Containers
from fleet.actor import Actor
from fleet.models import Host, User
from tests.conftest import grant, make_container, make_host

SignIn = Callable[[User], Client]


@pytest.fixture
def client(administrator: User, sign_in: SignIn) -> Client:
    """An administrator's browser."""
    return sign_in(administrator)


def page_of(client: Client, address: str = "/containers/", **headers: str) -> str:
    """Return the page's HTML."""
    response = client.get(address, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def rows_of(html: str) -> list[str]:
    """Return the ids of the table's rows."""
    return re.findall(r'<tr id="(container-\d+)"', html)


def test_it_shows_rows_with_their_facts(client: Client, host: Host) -> None:
    port = {"container_port": 80, "protocol": "tcp", "host_ip": "0.0.0.0", "host_port": 8080}  # noqa: S104
    made = make_container(host, "web", compose_project="shop", ports=[port], image="nginx:1.27")
    html = page_of(client)
    assert rows_of(html) == [f"container-{made.pk}"]
    for fact in ("web", "stage-1", "nginx:1.27", "http://testserver:8080", "?stack=shop"):
        assert fact in html
    assert 'data-clicks="stop restart"' in html


def test_it_offers_only_what_makes_sense(client: Client, host: Host) -> None:
    made = make_container(host, "web", state="exited", exit_code=0)
    html = page_of(client)
    assert f'href="/containers/{made.pk}/" data-row-menu' in html
    assert 'data-clicks="start"' in html
    assert acts_of(html) == ["start", "restart", "rename", "recreate", "remove", "logs"]


def acts_of(html: str) -> list[str]:
    """Return what the menu of the only row offers."""
    (acts,) = re.findall(r'data-acts="([^"]*)"', html)
    return str(acts).split()


@pytest.mark.parametrize("state", ["paused", "restarting", "created", "dead"])
def test_it_offers_a_terminal_only_where_something_runs(
    client: Client, host: Host, state: str
) -> None:
    made = make_container(host, "web", state=state)
    assert "terminal" not in acts_of(page_of(client))
    type(made).objects.update(state="running")
    assert acts_of(page_of(client))[-2:] == ["logs", "terminal"]


def test_it_offers_no_terminal_where_one_may_not_run_commands(
    operator: User, other_host: Host, sign_in: SignIn
) -> None:
    grant(operator, "viewer", other_host)
    make_container(other_host, "web")
    html = page_of(sign_in(operator))
    assert acts_of(html) == ["logs"]  # the menu itself has it, for rows of another environment
    assert 'data-act="terminal"' in html


def test_it_tells_equal_names_apart_by_their_hosts(client: Client, host: Host) -> None:
    for on in (host, make_host("stage-2", host.environment)):
        make_container(on, "idle-0")
    labels = re.findall(r'aria-label="([^"]* idle-0 [^"]*)"', page_of(client))
    assert sorted(labels) == [
        "Actions for idle-0 on stage-1", "Actions for idle-0 on stage-2",
        "Choose idle-0 on stage-1", "Choose idle-0 on stage-2",
    ]  # fmt: skip


def test_it_offers_a_viewer_to_read_and_no_more(viewer: User, host: Host, sign_in: SignIn) -> None:
    make_container(host, "web")
    html = page_of(sign_in(viewer))
    assert len(rows_of(html)) == 1
    assert "formaction=" not in html
    assert acts_of(html) == re.findall(r'data-act="([^"]*)"', html) == ["logs"]
    assert "hide-tick" in html and "data-bulk-bar" not in html


def test_it_follows_the_list_that_it_shows(client: Client, host: Host) -> None:
    make_container(host, "web")
    html = page_of(client, "/containers/?q=web&sort=-host&page=9")
    assert 'data-live-topic="containers"' in html
    assert 'data-live-args="q=web&amp;sort=-host&amp;page=1&amp;rows=50&amp;columns=' in html


def test_it_has_no_cells_for_columns_that_are_off(client: Client, host: Host) -> None:
    make_container(host, "web")
    row = page_of(client).split("<tbody", 1)[1].split("</tbody>", 1)[0]
    assert 'class="col-host"' in row and "col-created" not in row
    client.post("/preferences/", {"page": "containers", "columns": ["created"]})
    html = page_of(client)
    row = html.split("<tbody", 1)[1].split("</tbody>", 1)[0]
    assert "col-host" not in row and 'class="col-created"' in row
    assert 'rows=50&amp;columns=created"' in html


@pytest.mark.parametrize("chosen", [None, ["created", "id"], [""]])
def test_its_socket_has_nothing_to_send_again(
    client: Client, actor: Actor, host: Host, chosen: list[str] | None
) -> None:
    made = make_container(host, "web")
    if chosen is not None:
        client.post("/preferences/", {"page": "containers", "columns": chosen})
    html = page_of(client)
    args = re.search(r'data-live-args="([^"]*)"', html)
    assert args is not None
    snapshot = Containers().load(actor, QueryDict(unescape(args[1])))
    rev = snapshot.parts[f"container-{made.pk}"].rev
    assert f'id="container-{made.pk}" data-rev="{rev}"' in html


def test_it_says_what_to_do_without_hosts(client: Client) -> None:
    assert "No hosts yet" in page_of(client)


def test_it_says_what_to_do_without_containers(client: Client, host: Host) -> None:
    assert "No containers" in page_of(client)


def test_it_lets_filters_be_removed_when_nothing_matches(client: Client, host: Host) -> None:
    make_container(host, "web")
    html = page_of(client, "/containers/?q=zebra&state=exited")
    assert "No container matches" in html
    assert 'href="?state=exited"' in html  # without the search
    assert 'href="?q=zebra"' in html  # without the state


def test_it_counts_states_as_links(client: Client, host: Host) -> None:
    make_container(host, "web")
    make_container(host, "batch", state="exited", exit_code=0)
    html = page_of(client)
    assert 'href="?state=running"' in html
    assert 'href="?state=exited"' in html


def test_it_has_a_chip_and_a_filter_for_what_failed(client: Client, host: Host) -> None:
    failed = make_container(host, "batch", state="exited", exit_code=3)
    make_container(host, "done", state="exited", exit_code=0)
    html = page_of(client)
    chip = re.search(r'<a class="chip tone-bad" href="\?state=failed">(.*?)</a>', html)
    assert chip is not None
    assert "qi-alert-circle" in chip[1] and "failed <b>1</b>" in chip[1]
    assert "exited <b>2</b>" in html and "<option>failed</option>" in html
    html = page_of(client, "/containers/?state=failed")
    assert rows_of(html) == [f"container-{failed.pk}"]
    assert 'class="chip is-set tone-bad"' in html


def test_it_marks_rows_of_an_unreachable_host(client: Client, host: Host) -> None:
    make_container(host, "web")
    Host.objects.update(state="unreachable")
    html = page_of(client)
    assert "is-away" in html
    assert "cannot be reached" in html


def test_it_escapes_names_everywhere(client: Client, host: Host) -> None:
    nasty = '"><script>alert(1)</script>'
    make_container(host, nasty, image=nasty, compose_project=nasty)
    html = page_of(
        client, "/containers/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&label=%3Cscript%3E"
    )
    assert "<script>alert" not in html
    html = page_of(client)
    assert "<script>alert" not in html


def test_it_says_what_was_wrong_with_the_address(client: Client, host: Host) -> None:
    html = page_of(client, "/containers/?sort=secret&page=x&state=runing")
    assert "cannot be sorted by" in html
    assert "is no page" in html
    assert "There is no state" in html


def test_it_answers_htmx_with_the_table_only(client: Client, host: Host) -> None:
    make_container(host, "web")
    html = page_of(client, **{"HX-Request": "true"})
    assert "<html" not in html
    assert len(rows_of(html)) == 1


def test_it_shows_each_container_once_over_pages(client: Client, host: Host) -> None:
    for number in range(30):
        make_container(host, "same-name", engine_id=f"{number:064x}")
    first = rows_of(page_of(client, "/containers/?size=25"))
    second = rows_of(page_of(client, "/containers/?size=25&page=2"))
    assert len(first) == 25
    assert len(set(first + second)) == 30


def test_it_fills_in_times_and_our_own_name(client: Client, host: Host) -> None:
    make_container(host, "web")
    html = page_of(client)
    assert "[[ago" not in html
    assert "quayside.invalid" not in html


@pytest.mark.parametrize("address", ["/containers/", "/containers/?q=web&state=running"])
def test_it_needs_as_many_queries_for_many_rows_as_for_one(
    client: Client,
    host: Host,
    production: Any,
    address: str,
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    page_of(client)
    make_container(host, "web-0")
    # session, user, grants; hosts, counts, rows, updates; running jobs
    with django_assert_num_queries(9):
        page_of(client, address)
    other = make_host("prod-2", production)
    for number in range(40):
        make_container((host, other)[number % 2], f"web-{number + 1}")
    with django_assert_num_queries(9):
        assert len(rows_of(page_of(client, address))) == 41


def test_it_says_why_a_hidden_label_finds_nothing(
    viewer: User, host: Host, sign_in: SignIn
) -> None:
    make_container(host, "web", labels={"app.password": "hunter2"})
    html = page_of(sign_in(viewer), "/containers/?label=app.password%3Dhunter2")
    assert rows_of(html) == []
    assert "The value of the label “app.password” is hidden" in html


def test_it_lists_stacks_for_the_filter(client: Client, host: Host) -> None:
    make_container(host, "web", compose_project='a"b')
    html = page_of(client, "/containers/stacks/")
    assert html == '<option value="a&quot;b"></option>'


def test_it_lists_services_of_the_chosen_stack(client: Client, host: Host) -> None:
    make_container(host, "web", compose_project="shop", compose_service="web")
    make_container(host, "db", compose_project="data", compose_service='d"b')
    web, db = '<option value="web"></option>', '<option value="d&quot;b"></option>'
    assert page_of(client, "/containers/services/?stack=") == db + web
    assert page_of(client, "/containers/services/?stack=shop") == web
    assert page_of(client, "/containers/services/?stack=nowhere") == ""


def test_it_shows_a_service_with_a_chip(client: Client, host: Host) -> None:
    make_container(host, "shop-web", compose_project="shop", compose_service="web")
    make_container(host, "blog-web", compose_project="blog", compose_service="web")
    make_container(host, "shop-db", compose_project="shop", compose_service="db")
    html = page_of(client, "/containers/?stack=shop&service=web")
    assert "shop-web" in html and "blog-web" not in html and "shop-db" not in html
    assert 'href="?stack=shop"' in html, "the chip of the service takes it away"


def test_it_sends_nobody_to_sign_in(db: None) -> None:
    assert Client().get("/containers/").status_code == 302


@pytest.mark.parametrize(
    ("address", "value"),
    [("/containers/", "sought"), ("/hosts/", ""), ("/registries/search/", "")],
)
def test_the_frame_shows_its_own_search_alone(client: Client, address: str, value: str) -> None:
    html = page_of(client, f"{address}?q=sought")
    assert f'<input id="search" type="search" name="q" value="{value}"' in html
