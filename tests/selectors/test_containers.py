"""The container list: right rows, right counts, few queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from fleet.actor import Actor, actor_for
from fleet.models import Container, Host, User
from fleet.selectors.containers import (
    ContainerPage,
    ContainerQuery,
    container_page,
    filter_containers,
    list_problems,
    service_choices,
    stack_choices,
)
from fleet.selectors.hosts import HostQuery, host_list
from tests.conftest import grant, make_container


def page_of(actor: Actor, text: str = "") -> ContainerPage:
    """Return the page for a query string."""
    return container_page(actor, ContainerQuery.parse(QueryDict(text)))


def names(actor: Actor, text: str) -> list[str]:
    """Return the names on the page, checked against the unpaged filter."""
    page = page_of(actor, text)
    rows = filter_containers(actor, QueryDict(text))
    assert page.total == rows.count()
    assert [row.pk for row in page.rows] == [row.pk for row in rows[: page.query.size]]
    return [row.name for row in page.rows]


@pytest.fixture
def fleet(host: Host, other_host: Host) -> dict[str, Container]:
    """Some containers of two hosts; production is unreachable."""
    other_host.state = "unreachable"
    other_host.save()
    made = [
        make_container(
            host,
            "web",
            health="healthy",
            compose_project="shop",
            compose_service="web",
            image="nginx:1.27",
        ),
        make_container(
            host, "worker", health="unhealthy", compose_project="shop", compose_service="worker"
        ),
        make_container(host, "batch", state="exited", exit_code=1, labels={"tier": "back"}),
        make_container(
            other_host,
            "db",
            swarm_stack="data",
            swarm_service="data_db",
            labels={"tier": "front", "1": "one"},
        ),
    ]
    return {container.name: container for container in made}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["batch", "db", "web", "worker"]),
        ("q=w", ["db", "web", "worker"]),  # db's image holds a w too
        ("q=WEB", ["web"]),
        ("q=nginx+web", ["web"]),
        ("q=nginx+batch", []),
        ("q=stage-1", ["batch", "web", "worker"]),
        ("host=prod-1", ["db"]),
        ("host=prod-1&host=stage-1", ["batch", "db", "web", "worker"]),
        ("host=nowhere", []),
        ("environment=staging", ["batch", "web", "worker"]),
        ("environment=staging&state=running", ["web", "worker"]),
        ("state=exited", ["batch"]),
        ("state=exited&state=running", ["batch", "db", "web", "worker"]),
        ("state=unreachable", ["db"]),
        ("state=failed", ["batch"]),
        ("state=failed&state=running", ["batch", "db", "web", "worker"]),
        ("state=failed&health=healthy", []),
        ("state=runing", []),
        ("health=unhealthy", ["worker"]),
        ("health=none", ["batch", "db"]),
        ("health=healthy&state=exited", []),
        ("stack=shop", ["web", "worker"]),
        ("stack=data", ["db"]),
        ("service=web", ["web"]),
        ("service=data_db", ["db"]),
        ("service=web&service=data_db", ["db", "web"]),
        ("service=web&stack=shop", ["web"]),
        ("service=web&stack=data", []),
        ("service=WEB", []),
        ("service=we", []),
        ("image=NGINX", ["web"]),
        ("label=tier", ["batch", "db"]),
        ("label=tier%3Dback", ["batch"]),
        ("label=tier%3D", []),
        ("label=1", ["db"]),
        ("label=1%3Done", ["db"]),
        ("label=nothing", []),
        ("sort=-name", ["worker", "web", "db", "batch"]),
        ("sort=host", ["db", "batch", "web", "worker"]),
        ("sort=state", ["batch", "db", "web", "worker"]),
    ],
)
def test_it_finds_what_matches(
    actor: Actor, fleet: dict[str, Container], text: str, expected: list[str]
) -> None:
    for container in fleet.values():
        container.search = f"{container.name} {container.image} {container.host.name}".lower()
        container.search = container.search.replace(
            "lab/busybox:1", "lab/w" * (container.name == "db")
        )
        container.save()
    assert names(actor, text) == expected


def test_it_finds_a_host_by_its_id(actor: Actor, fleet: dict[str, Container], host: Host) -> None:
    assert names(actor, f"host={host.pk}") == ["batch", "web", "worker"]


TRICKY = ("100%", "a_b", "it's", 'say "hi"', "back\\slash", "<script>", "ünïcode", "$.x[0]", "a.b")


@pytest.mark.parametrize("text", TRICKY)
def test_it_takes_every_sign_as_it_stands(actor: Actor, host: Host, text: str) -> None:
    make_container(host, "other", search="other axb 1000 ax", labels={"axb": "1"})
    make_container(host, "wanted", search=f"wanted {text}", labels={text: text})
    query = QueryDict(mutable=True)
    query["q"] = text
    assert names(actor, query.urlencode()) == ["wanted"]
    for label in (text, f"{text}={text}"):
        query = QueryDict(mutable=True)
        query["label"] = label
        assert names(actor, query.urlencode()) == ["wanted"]


def test_it_looks_for_every_word(actor: Actor, host: Host) -> None:
    words = [f"w{number}" for number in range(60)]
    make_container(host, "all", search=" ".join(words))
    make_container(host, "most", search=" ".join(words[:-1]))
    assert len(" ".join(words[:50])) < 200
    query = QueryDict(mutable=True)
    query["q"] = " ".join(words[-50:])
    assert names(actor, query.urlencode()) == ["all"]
    query["q"] = " ".join(chr(0x4E00 + number) for number in range(100))  # the most there can be
    assert names(actor, query.urlencode()) == []


@pytest.mark.parametrize(
    "text",
    [
        *("host=%00", "host=%20", "stack=%0A", "q=%00", "image=%00", "label=%00"),
        *("environment=%00", "state=%00", "health=%00", "q=" + "web+" * 51 + "x", "q=" + "w" * 201),
        *("image=" + "w" * 601, "label=" + "w" * 602, "host=" + "w" * 601, "stack=" + "w" * 601),
        *("service=%00", "service=" + "w" * 601),
    ],
)
def test_it_finds_nothing_by_what_cannot_be_looked_for(actor: Actor, host: Host, text: str) -> None:
    make_container(host, "web", search="w" * 1000, image="w" * 512, labels={"w" * 601: "1"})
    make_container(host, "plain", search="web x " + "w" * 200)
    assert names(actor, text) == []
    assert names(actor, parse_again(text)) == []


def parse_again(text: str) -> str:
    """Return the address that the list gives itself."""
    return ContainerQuery.parse(QueryDict(text)).urlencode()


def test_it_counts_states_whatever_state_is_asked_for(
    actor: Actor, fleet: dict[str, Container]
) -> None:
    page = page_of(actor, "state=exited")
    assert page.states == {"running": 3, "exited": 1, "failed": 1, "unreachable": 1}
    assert page.healths == {"healthy": 1, "unhealthy": 1, "none": 2}
    assert page.total == 1


@pytest.mark.parametrize(
    ("state", "fields", "failed"),
    [
        ("exited", {"exit_code": 1}, True),
        ("exited", {"exit_code": -1}, True),
        ("exited", {"exit_code": 143}, True),
        ("exited", {"exit_code": 0, "oom_killed": True}, True),
        ("exited", {"oom_killed": True}, True),
        ("exited", {"exit_code": 0}, False),
        ("exited", {}, False),
        ("running", {"exit_code": 1}, False),
        ("running", {"oom_killed": True}, False),
        ("restarting", {"exit_code": 1}, False),
        ("dead", {"exit_code": 1}, False),
    ],
)
def test_it_tells_failed_from_exited_in_lists_and_counts(
    actor: Actor, host: Host, state: str, fields: dict[str, Any], failed: bool
) -> None:
    make_container(host, "it", state=state, **fields)
    assert names(actor, "state=failed") == (["it"] if failed else [])
    assert names(actor, f"state={state}") == ["it"]
    assert page_of(actor).states["failed"] == int(failed)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite says it in these words")
def test_it_counts_from_an_index_alone(actor: Actor, host: Host) -> None:
    with CaptureQueriesContext(connection) as captured:
        page_of(actor)
        host_list(actor, HostQuery())
    counts = [query["sql"] for query in captured if "GROUP BY" in query["sql"]]
    assert len(counts) == 2
    for sql in counts:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
        assert "COVERING INDEX" in plan and "TEMP B-TREE FOR GROUP BY" not in plan, plan


def test_the_last_check_of_a_stopped_container_counts_no_more(
    actor: Actor, fleet: dict[str, Container], host: Host
) -> None:
    make_container(host, "stopped", state="exited", health="unhealthy")
    assert page_of(actor).healths["unhealthy"] == 1
    assert names(actor, "health=unhealthy") == ["worker"]
    assert names(actor, "health=unhealthy&health=none") == ["batch", "db", "worker"]


def test_it_orders_containers_of_one_name_by_host(
    actor: Actor, host: Host, other_host: Host
) -> None:
    for place in (other_host, host, other_host):
        make_container(place, "web")
    found = [row.host_id for row in page_of(actor).rows]
    assert found == sorted(found)


def test_it_shows_only_what_the_actor_may_see(viewer: User, fleet: dict[str, Container]) -> None:
    actor = actor_for(viewer)
    page = page_of(actor)
    assert [row.name for row in page.rows] == ["batch", "web", "worker"]
    assert page.states == {"running": 2, "exited": 1, "failed": 1}
    assert names(actor, "host=prod-1") == []
    assert stack_choices(actor) == ["shop"]
    assert service_choices(actor) == ["web", "worker"]
    assert service_choices(actor, ["data"]) == []


def test_it_offers_services_of_the_chosen_stacks(actor: Actor, fleet: dict[str, Container]) -> None:
    assert service_choices(actor) == ["data_db", "web", "worker"]
    assert service_choices(actor, ["data"]) == ["data_db"]
    assert service_choices(actor, ["data", "shop"]) == ["data_db", "web", "worker"]
    assert service_choices(actor, ["nowhere"]) == []


def test_it_shows_a_stranger_nothing(stranger: User, fleet: dict[str, Container]) -> None:
    page = page_of(actor_for(stranger))
    assert (page.rows, page.total, page.hosts, page.states) == ([], 0, {}, {})


def test_it_pages(actor: Actor, host: Host) -> None:
    for number in range(60):
        make_container(host, f"web-{number:02}")
    last = page_of(actor, "size=25&page=3")
    assert last.rows[0].name == "web-50"
    assert (last.first, last.last, last.total, last.pages) == (51, 60, 60, 3)
    beyond = page_of(actor, "size=25&page=99")
    assert (beyond.page, len(beyond.rows)) == (3, 10)


SECRET_LABELS = {
    "app.password": "hunter2",
    "backup.url": "postgres://me:hunter2@db",
    "tier": "front",
    "EMPTY_TOKEN": "",
}
GUESSES = ["app.password=hunter2", "backup.url=postgres://me:hunter2@db"]


@pytest.mark.parametrize("guess", GUESSES)
def test_a_guess_of_a_hidden_label_is_not_confirmed(viewer: User, host: Host, guess: str) -> None:
    make_container(host, "web", labels=SECRET_LABELS)
    actor = actor_for(viewer)
    for label in (guess, f"{guess}x"):
        query = QueryDict(mutable=True)
        query["label"] = label
        assert names(actor, query.urlencode()) == []
        assert page_of(actor, query.urlencode()).states == {}
        (words,) = list_problems(actor, ContainerQuery.parse(query))
        assert guess.partition("=")[0] in words and "hunter2" not in words


@pytest.mark.parametrize(
    "text", ["label=app.password", "label=tier%3Dfront", "label=EMPTY_TOKEN%3D"]
)
def test_what_pages_show_of_a_label_is_found(viewer: User, host: Host, text: str) -> None:
    make_container(host, "web", labels=SECRET_LABELS)
    actor = actor_for(viewer)
    assert names(actor, text) == ["web"]
    assert list_problems(actor, ContainerQuery.parse(QueryDict(text))) == []


@pytest.mark.parametrize("guess", GUESSES)
def test_hidden_labels_are_found_where_one_may_see_them(
    operator: User, actor: Actor, host: Host, other_host: Host, guess: str
) -> None:
    make_container(host, "mine", labels=SECRET_LABELS)
    make_container(other_host, "theirs", labels=SECRET_LABELS)
    grant(operator, "viewer", other_host)
    query = QueryDict(mutable=True)
    query["label"] = guess
    assert names(actor_for(operator), query.urlencode()) == ["mine"]
    assert names(actor, query.urlencode()) == ["mine", "theirs"]
    assert len(list_problems(actor_for(operator), ContainerQuery.parse(query))) == 1
    assert list_problems(actor, ContainerQuery.parse(query)) == []


@pytest.mark.parametrize(
    "text", ["", "q=web", "label=a_password%3Db", "state=running&label=a%3Db&sort=host&stack=x"]
)
def test_it_needs_four_queries_for_any_number_of_rows(
    actor: Actor,
    host: Host,
    other_host: Host,
    text: str,
    django_assert_max_num_queries: Callable[[int], Any],
) -> None:
    for number in range(30):
        make_container(
            (host, other_host)[number % 2],
            f"web-{number}",
            labels={"a": "b", "a_password": "b"},
            compose_project="x",
        )
    with django_assert_max_num_queries(4):
        page = page_of(actor, text)
        assert len(page.rows) == 30
        assert {row.host.environment.name for row in page.rows} == {"staging", "production"}
