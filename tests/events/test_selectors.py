"""Events: filters, pages by key, words, and who caused them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone

from fleet.actor import Actor, actor_for
from fleet.models import Container, Event, Host, Job, User
from fleet.selectors.event_words import event_tone, event_words
from fleet.selectors.events import EventQuery, EventRow, event_page

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def make_event(host: Host, **fields: Any) -> Event:
    fields = {
        "at": NOW,
        "kind": "start",
        "object_kind": "container",
        "object_id": "c" * 64,
        "object_name": "web-1",
        **fields,
    }
    return Event.objects.create(host=host, **fields)


def rows(actor: Actor, query: str = "", size: int = 100) -> list[EventRow]:
    return event_page(actor, EventQuery.parse(QueryDict(query)), size).rows


def test_it_pages_by_key_through_events_of_the_same_moment(actor: Actor, host: Host) -> None:
    made = [make_event(host, at=NOW + timedelta(seconds=i // 4)).pk for i in range(10)]
    seen: list[int] = []
    query, pages = "", 0
    while True:
        page = event_page(actor, EventQuery.parse(QueryDict(query)), 3)
        seen += [row.event.pk for row in page.rows]
        pages += 1
        if page.older is None:
            break
        query = f"before={page.older}"
    assert seen == sorted(made, reverse=True)
    assert pages == 4


def test_it_pages_back_to_newer_ones(actor: Actor, host: Host) -> None:
    made = [make_event(host, at=NOW + timedelta(seconds=i)).pk for i in range(7)][::-1]
    third = event_page(actor, EventQuery.parse(QueryDict(f"before={cursor(made[5])}")), 3)
    back = event_page(actor, EventQuery.parse(QueryDict(f"after={third.newer}")), 3)
    assert [row.event.pk for row in back.rows] == made[3:6]
    assert back.newer is not None and back.older is not None


def cursor(pk: int) -> str:
    from fleet.selectors.events import Cursor

    return str(Cursor.of(Event.objects.get(pk=pk)))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=WEB", {"web-1"}),
        ("q=%25", set()),
        ("q=%3Cscript%3E", set()),
        ("kind=die", {"db-1"}),
        ("object=image", {"nginx"}),
        ("container=" + "d" * 64, {"db-1"}),
        ("since=2026-03-01T12:30", {"nginx"}),
        ("until=2026-03-01T11:30", {"db-1"}),
        ("host=99999999", set()),
        ("kind=' OR 1=1", set()),
    ],
)
def test_it_filters(actor: Actor, host: Host, query: str, names: set[str]) -> None:
    make_event(host)
    make_event(
        host, kind="die", object_name="db-1", object_id="d" * 64, at=NOW - timedelta(hours=1)
    )
    make_event(
        host, kind="pull", object_kind="image", object_name="nginx", at=NOW + timedelta(hours=1)
    )
    assert {row.event.object_name for row in rows(actor, query)} == names


@pytest.mark.parametrize("query", ["since=yesterday", "until=9999999-01-01", "host=-1", "host=x"])
def test_it_leaves_out_wrong_values_and_says_so(actor: Actor, host: Host, query: str) -> None:
    make_event(host)
    parsed = EventQuery.parse(QueryDict(query))
    assert len(parsed.problems) == 1
    assert len(event_page(actor, parsed).rows) == 1


@pytest.mark.parametrize("text", ["x", "1-", "-1-1"])
def test_it_leaves_a_cursor_out_that_is_none(actor: Actor, host: Host, text: str) -> None:
    make_event(host)
    for name in ("before", "after"):
        query = EventQuery.parse(QueryDict(f"{name}={text}"))
        assert (query.before, query.after) == (None, None)
        assert len(event_page(actor, query).rows) == 1


@pytest.mark.parametrize("text", ["99999999999999999-1", "1-999999999999999999"])
def test_a_far_away_cursor_has_each_event_on_one_side(actor: Actor, host: Host, text: str) -> None:
    make_event(host)
    queries = [EventQuery.parse(QueryDict(f"{name}={text}")) for name in ("before", "after")]
    assert sum(len(event_page(actor, query).rows) for query in queries) == 1


def test_it_shows_only_hosts_that_may_be_seen(
    viewer: User, stranger: User, host: Host, other_host: Host
) -> None:
    make_event(host, object_name="mine")
    make_event(other_host, object_name="theirs")
    assert [row.event.object_name for row in rows(actor_for(viewer))] == ["mine"]
    assert rows(actor_for(viewer), f"host={other_host.pk}") == []
    assert rows(actor_for(stranger)) == []


def test_it_links_the_container_and_the_job_that_caused_it(
    actor: Actor, host: Host, container: Container
) -> None:
    job = Job.objects.create(
        operation="container.restart",
        host=host,
        target_kind="container",
        target_engine_id=container.engine_id,
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=2),
        state="succeeded",
        actor_name="olga",
    )
    make_event(host, object_id=container.engine_id, at=NOW + timedelta(seconds=1))
    make_event(host, object_id=container.engine_id, at=NOW + timedelta(minutes=1))
    make_event(host, object_id="e" * 64, at=NOW + timedelta(seconds=1))
    found = {(row.event.at, row.event.object_id): row for row in rows(actor)}
    caused = found[NOW + timedelta(seconds=1), container.engine_id]
    assert (caused.job, caused.container) == (job, container.pk)
    assert found[NOW + timedelta(minutes=1), container.engine_id].job is None
    assert found[NOW + timedelta(seconds=1), "e" * 64].container is None


def test_it_groups_by_day(actor: Actor, host: Host) -> None:
    for days in (0, 0, 1):
        make_event(host, at=NOW - timedelta(days=days))
    with timezone.override("Asia/Tokyo"):
        page = event_page(actor, EventQuery.parse(QueryDict("")))
        assert [(str(day), len(found)) for day, found in page.days] == [
            ("2026-03-01", 2), ("2026-02-28", 1),
        ]  # fmt: skip


def test_it_asks_a_constant_number_of_queries(
    actor: Actor, host: Host, django_assert_num_queries: Any
) -> None:
    for i in range(60):
        make_event(host, object_id=f"{i:064x}")
    with django_assert_num_queries(3):
        assert len(rows(actor)) == 60


def died(code: int, **detail: Any) -> dict[str, Any]:
    return {"kind": "die", "detail": {"exit_code": code, **detail}}


@pytest.mark.parametrize(
    ("fields", "words", "tone"),
    [
        (
            {"kind": "die", "detail": {"exit_code": 137}},
            "exited with 137 (SIGKILL: killed or out of memory)",
            "bad",
        ),
        ({"kind": "die", "detail": {"exit_code": 0}}, "exited with 0", "idle"),
        (
            {"kind": "die", "detail": {"exit_code": 143}},
            "exited with 143 (SIGTERM: told to stop)",
            "idle",
        ),
        ({"kind": "kill", "detail": {"signal": "9"}}, "was sent SIGKILL", "idle"),
        ({"kind": "rename", "detail": {"old_name": "old"}}, "renamed, was old", "idle"),
        ({"kind": "health_status", "to_state": "unhealthy"}, "became unhealthy", "warn"),
        ({"kind": "seen", "from_state": "running", "to_state": ""}, "was found gone", "idle"),
        ({"kind": "oom"}, "ran out of memory", "bad"),
        ({"kind": "some_new_kind"}, "some new kind", "idle"),
        ({"kind": "die", "detail": ["odd"]}, "exited", "idle"),
    ],
)
def test_it_says_what_happened(fields: dict[str, Any], words: str, tone: str) -> None:
    event = Event(object_kind="container", **fields)
    assert (event_words(event), event_tone(event)) == (words, tone)
