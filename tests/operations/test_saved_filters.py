"""Saved filters: whose they are, what may be saved, and that they give no right."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from fleet.access import Refused, Unknown, access_filter, visible_filters
from fleet.actor import actor_for
from fleet.logs.selection import selected, selected_now
from fleet.models import AuditEntry, Host, Role, SavedFilter, User
from fleet.operations import saved_filters
from fleet.operations.errors import Invalid
from fleet.operations.saved_filters import (
    saved_filter_create,
    saved_filter_remove,
    saved_filter_update,
)
from fleet.selectors.saved_filters import filter_choices
from fleet.tokens import create_token
from tests.conftest import make_container

pytestmark = pytest.mark.django_db


def save(user: User, name: str = "Web", query: str = "q=web", **more: Any) -> SavedFilter:
    """Save a filter of a user's."""
    data = {"name": name, "query": query, **more}
    return saved_filter_create(actor=actor_for(user), data=data)


def problem(user: User, **data: Any) -> dict[str, list[str]]:
    """Return what is wrong with a filter that cannot be saved."""
    with pytest.raises(Invalid) as wrong:
        saved_filter_create(actor=actor_for(user), data={"name": "X", "query": "q=web", **data})
    return wrong.value.fields


def test_it_keeps_the_filter_in_one_spelling(viewer: User) -> None:
    one = save(viewer, query="?stack=shop&state=failed&state=dead&q=a++b&sort=-host&size=100")
    assert one.query == "q=a+b&state=dead&state=failed&stack=shop"
    found = filter_choices(actor_for(viewer), one.query)
    assert found.current == one and found.own == [one] and not found.shared


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "two\nlines", "a\x00b", "WEB", "  web "])
def test_it_refuses_names(viewer: User, name: str) -> None:
    save(viewer)
    assert list(problem(viewer, name=name)) == ["name"]
    assert SavedFilter.objects.count() == 1


def test_names_differ_in_more_than_case_in_every_script(viewer: User, operator: User) -> None:
    save(viewer, "Überall É")
    assert "already" in problem(viewer, name="ÜBERALL é")["name"][0]
    save(operator, "ÜBERALL é")  # another's


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "set a filter first"),
        ("sort=-name&page=2", "set a filter first"),
        ("state=running&hots=a", "no filter “hots”"),
        ("state=sleeping", "no state “sleeping”"),
        ("q=" + "x" * 201, "at most 200"),
        ("q=" + "x" * 5000, "too long"),
        ("label=" + "ü" * 599 + "&image=" + "ü" * 599, "too long to be saved"),
    ],
)
def test_it_refuses_filters_that_find_nothing(viewer: User, query: str, words: str) -> None:
    assert words in problem(viewer, query=query)["query"][0]


def test_it_never_keeps_a_value_that_is_hidden(operator: User) -> None:
    told = problem(operator, query="label=API_KEY%3Dhunter2")
    assert "API_KEY" in told["query"][0] and "hunter2" not in str(told)
    save(operator, query="label=API_KEY")
    assert "hunter2" not in str(list(AuditEntry.objects.values_list("detail", flat=True)))


def test_one_user_has_a_limit(viewer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_filters, "LIMIT", 2)
    save(viewer, "One")
    save(viewer, "Two")
    assert "You have 2 saved filters" in problem(viewer)[""][0]


def test_others_see_only_what_is_shared(viewer: User, operator: User, actor: Any) -> None:
    own, shared = save(viewer), save(viewer, "Ours", shared=True)
    other = actor_for(operator)
    assert list(visible_filters(other)) == [shared]
    assert access_filter(other, shared.pk) == shared
    with pytest.raises(Unknown):
        access_filter(other, own.pk)
    for who in (other, actor):
        with pytest.raises(Refused, match=r"belongs to vera"):
            saved_filter_update(actor=who, filter_id=shared.pk, data={"name": "Mine"})
    with pytest.raises(Refused, match=r"belongs to vera"):
        saved_filter_remove(actor=other, filter_id=shared.pk)
    assert saved_filter_remove(actor=actor, filter_id=shared.pk) == shared
    with pytest.raises(Unknown):
        saved_filter_remove(actor=actor, filter_id=own.pk)


def test_nothing_is_a_narrow_tokens_own(viewer: User) -> None:
    own, shared = save(viewer), save(viewer, "Ours", shared=True)
    narrow = actor_for(
        viewer, via="api", token=create_token(viewer, "t", None, Role.objects.get(name="viewer"))[0]
    )
    assert list(visible_filters(narrow)) == [shared]
    with pytest.raises(Refused):
        saved_filter_create(actor=narrow, data={"name": "New", "query": "q=web"})
    with pytest.raises(Refused):
        saved_filter_remove(actor=narrow, filter_id=shared.pk)
    with pytest.raises(Unknown):
        saved_filter_remove(actor=narrow, filter_id=own.pk)


def test_nobody_has_none(viewer: User) -> None:
    save(viewer, shared=True)
    assert list(visible_filters(actor_for(None))) == []


def test_it_changes_what_is_named_and_writes_it_down(viewer: User) -> None:
    one = save(viewer)
    data = {"name": "Shop", "query": "stack=shop"}
    changed = saved_filter_update(actor=actor_for(viewer), filter_id=one.pk, data=data)
    one.refresh_from_db()
    assert (one.name, one.query, one.shared) == ("Shop", "stack=shop", False)
    assert changed.updated_at > changed.created_at
    saved_filter_update(actor=actor_for(viewer), filter_id=one.pk, data={"name": "SHOP"})
    saved_filter_remove(actor=actor_for(viewer), filter_id=one.pk)
    entries = AuditEntry.objects.order_by("number")
    assert [entry.action for entry in entries] == [
        "filter.create", "filter.update", "filter.update", "filter.remove",
    ]  # fmt: skip
    assert entries[1].detail == {
        "changes": {"name": ["Web", "Shop"], "query": ["q=web", "stack=shop"]}
    }


def test_a_change_that_is_refused_changes_nothing(viewer: User) -> None:
    one = save(viewer)
    with pytest.raises(Invalid):
        data = {"name": "", "shared": True}
        saved_filter_update(actor=actor_for(viewer), filter_id=one.pk, data=data)
    one.refresh_from_db()
    assert (one.name, one.shared) == ("Web", False)


def test_the_same_filter_finds_for_each_what_they_may_see(
    host: Host, other_host: Host, viewer: User, stranger: User, administrator: User
) -> None:
    for on in (host, other_host):
        make_container(on, "web-1")
    one = save(administrator, query="q=web", shared=True)
    found = {
        user.username: sorted(
            source.host
            for source in selected(actor_for(user), QueryDict(f"filter={one.pk}")).sources
        )
        for user in (administrator, viewer, stranger)
    }
    assert found == {"root": ["prod-1", "stage-1"], "vera": ["stage-1"], "sam": []}


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 30, "12"])
def test_a_filter_that_is_not_there_selects_nothing(viewer: User, number: str) -> None:
    with pytest.raises(Unknown, match="saved filter"):
        selected(actor_for(viewer), QueryDict(f"filter={number}&q=web"))


def test_a_view_follows_its_filter_and_outlives_it(host: Host, viewer: User) -> None:
    web, batch = make_container(host, "web-1"), make_container(host, "batch")
    one, actor = save(viewer), actor_for(viewer)
    args = QueryDict(f"filter={one.pk}")
    before = selected(actor, args)
    assert [source.container for source in before.sources] == [web.pk]
    saved_filter_update(actor=actor, filter_id=one.pk, data={"query": "q=batch"})
    now = selected_now(actor, args, before.sources)
    assert now is not None and [source.container for source in now.sources] == [batch.pk]
    saved_filter_remove(actor=actor, filter_id=one.pk)
    left = selected_now(actor, args, now.sources)
    assert left is not None and left.lost and left.sources == now.sources
