"""Query strings of container lists, from sensible to hostile."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from fleet.selectors.containers import ContainerQuery


def parse(text: str) -> ContainerQuery:
    """Read a query string."""
    return ContainerQuery.parse(QueryDict(text))


def test_it_reads_filters_order_and_page() -> None:
    query = parse("q=web&state=running&state=exited&host=a&sort=-created&page=3&size=100")
    assert query.q == "web"
    assert query.state == ("running", "exited")
    assert query.host == ("a",)
    assert (query.sort, query.page, query.size) == ("-created", 3, 100)
    assert query.problems == ()


@pytest.mark.parametrize(
    "text",
    ["sort=secret", "sort=-", "page=0", "page=-1", "page=x", "page=99999999", "size=7", "size=²"],
)
def test_it_falls_back_to_defaults_and_says_so(text: str) -> None:
    query = parse(text)
    assert (query.sort, query.page, query.size) == ("name", 1, 50)
    assert len(query.problems) == 1


def test_it_never_widens_the_list_for_a_state_that_does_not_exist() -> None:
    query = parse("state=runing")
    assert query.state == ("runing",)
    assert "runing" in query.problems[0]
    assert "running" in query.problems[0]


@pytest.mark.parametrize("name", ["q", "image", "label", "host", "stack", "service"])
def test_it_keeps_what_is_too_long_too_long_in_its_own_address(name: str) -> None:
    query = parse(f"{name}=" + "x" * 10_000)
    assert list(query.filter_problems) == [name]
    assert len(query.urlencode()) < 1000
    for text in (query.urlencode(), query.live_args()):
        assert parse(text).filter_problems == query.filter_problems


def test_it_drops_what_is_not_printable() -> None:
    assert parse("q=a%00b%0a").q == "ab"


@pytest.mark.parametrize(
    "text", ["host=%00", "host=%20", "stack=%0A", "service=%00", "q=%00", "label=%E2%80%8B"]
)
def test_a_filter_without_a_character_stays_one(text: str) -> None:
    query = parse(text)
    assert query.filtered
    assert list(query.filter_problems) == [text.partition("=")[0]]
    assert parse(query.urlencode()) == query


@pytest.mark.parametrize("text", ["q=%20", "q=", "host=", "stack=&host="])
def test_a_field_that_was_left_empty_is_no_filter(text: str) -> None:
    query = parse(text)
    assert (query.filtered, query.problems) == (False, ())


def test_it_tells_problems_of_filters_by_their_name() -> None:
    query = parse("state=nope&health=nope&sort=nope&page=x")
    assert list(query.filter_problems) == ["state", "health"]
    assert len(query.problems) == 4
    assert "failed" in query.filter_problems["state"][0]


def test_it_keeps_values_apart_and_once() -> None:
    assert parse("state=running&state=running&state=").state == ("running",)


def test_it_uses_the_usual_size_unless_asked_for_another() -> None:
    usual = ContainerQuery.parse(QueryDict(""), size=250)
    assert (usual.size, usual.sized) == (250, False)
    asked = ContainerQuery.parse(QueryDict("size=25"), size=250)
    assert (asked.size, asked.sized) == (25, True)


@pytest.mark.parametrize(
    "text", ["", "q=a+b%26c", "label=a%3Db&label=c", "size=100&page=4&sort=-host", "host=%C3%BC"]
)
def test_it_survives_its_own_address(text: str) -> None:
    query = parse(text)
    assert parse(query.urlencode(page=query.page)) == query
    assert parse(query.live_args()).urlencode() == query.urlencode()


def test_it_adds_and_takes_away_filters() -> None:
    query = parse("state=running&page=7")
    assert query.toggled("state", "running") == ""
    assert query.toggled("state", "exited") == "state=running&state=exited"


def test_it_reads_single_values() -> None:
    query = ContainerQuery.from_values({"q": "", "host": "a", "state": None, "label": "k=v"})
    assert query == parse("host=a&label=k%3Dv")
