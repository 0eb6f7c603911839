"""Several events of one act as one line: which belong together, and what the line says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import QueryDict

from fleet.actor import Actor
from fleet.models import Container, Event, Host, Job, User
from fleet.publish import EventsAdded, publish_async
from fleet.selectors.events import EventQuery, EventRow, event_page, latest_rows
from fleet.selectors.fleet import fleet_page
from fleet.selectors.hosts import host_page
from tests.live.pages import Page

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Step = tuple[Any, ...]  # kind, seconds after NOW, more fields of the event
STOP: list[Step] = [
    ("kill", 0, {"detail": {"signal": "15"}}),
    ("die", 1, {"detail": {"exit_code": 0}, "from_state": "running", "to_state": "exited"}),
    ("stop", 1.01),
]
RESTART: list[Step] = [
    *STOP,
    ("start", 1.2, {"from_state": "exited", "to_state": "running"}),
    ("restart", 1.21),
]


def tell(host: Host, steps: list[Step], **fields: Any) -> list[Event]:
    """Make the events of a container, each with its seconds after NOW."""
    made = []
    for kind, seconds, *more in steps:
        known = {"object_kind": "container", "object_id": "c" * 64, "object_name": "web-1"}
        values = {**known, **(more[0] if more else {}), **fields}
        at = NOW + timedelta(seconds=seconds)
        made.append(Event.objects.create(host=host, kind=kind, at=at, **values))
    return made


def rows(actor: Actor, query: str = "", size: int = 100) -> list[EventRow]:
    return event_page(actor, EventQuery.parse(QueryDict(query)), size).rows


def kinds(row: EventRow) -> list[str]:
    return [event.kind for event in row.events]


def died(code: int, at: float = 0) -> Step:
    return ("die", at, {"detail": {"exit_code": code}})


@pytest.mark.parametrize(
    ("steps", "words", "tone", "icon"),
    [
        (STOP, "stopped, exit 0", "idle", "player-stop"),
        (RESTART, "restarted", "idle", "refresh"),
        ([("kill", 0), died(137), ("destroy", 1)], "killed, exit 137, removed", "idle", "trash"),
        ([("kill", 0), ("kill", 10), died(137, 10), ("stop", 10)], "stopped, exit 137", "idle",
         "player-stop"),
        ([("kill", 0), died(1), ("stop", 0)], "stopped, exit 1", "bad", "player-stop"),
        ([("oom", 0), died(137)], "ran out of memory, exit 137", "bad", "flame"),
        ([died(1), ("start", 1)], "exited with 1, started again", "bad", "player-stop"),
        ([died(0), ("destroy", 0)], "exited with 0, removed", "idle", "trash"),
        ([("create", 0), ("start", 1)], "created, started", "ok", "player-play"),
        ([("kill", 0, {"detail": {"signal": "15"}}), ("kill", 1, {"detail": {"signal": "9"}})],
         "was sent SIGKILL", "idle", "skull"),
    ],
)  # fmt: skip
def test_it_says_the_outcome_of_an_act(
    actor: Actor, host: Host, steps: list[Step], words: str, tone: str, icon: str
) -> None:
    made = tell(host, steps)
    (row,) = rows(actor)
    assert (row.words, row.tone, row.icon) == (words, tone, icon)
    assert row.events == made and row.event == made[-1] and row.key == made[0].pk


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        ([died(1), ("start", 6)], [["start"], ["die"]]),
        ([("kill", 0), died(1, 16)], [["die"], ["kill"]]),
        ([died(1), ("start", 1), died(1, 2), ("start", 3)], [["die", "start"]] * 2),
        ([("start", 0), ("start", 1)], [["start"]] * 2),
        ([("start", 0), ("kill", 1), died(0, 2)], [["kill", "die"], ["start"]]),
        ([died(0), ("rename", 1), ("start", 2)], [["start"], ["rename"], ["die"]]),
        ([("pause", 0), ("unpause", 1)], [["unpause"], ["pause"]]),
        ([("some_new_kind", 0), ("start", 0)], [["start"], ["some_new_kind"]]),
    ],
)
def test_it_leaves_apart_what_does_not_belong_together(
    actor: Actor, host: Host, steps: list[Step], lines: list[list[str]]
) -> None:
    tell(host, steps)
    assert [kinds(row) for row in rows(actor)] == lines


def test_it_folds_each_container_for_itself(actor: Actor, host: Host, other_host: Host) -> None:
    tell(host, STOP)
    tell(host, RESTART, object_id="d" * 64, object_name="db-1")
    tell(other_host, STOP[:2])  # a cloned machine may have the same id
    tell(host, [("pull", 1)], object_kind="image", object_id="c" * 64)
    found = [(row.event.host, row.event.object_kind, kinds(row)) for row in rows(actor)]
    assert found == [
        (host, "container", ["kill", "die", "stop", "start", "restart"]),
        (host, "container", ["kill", "die", "stop"]),
        (host, "image", ["pull"]),
        (other_host, "container", ["kill", "die"]),
    ]


def test_it_shows_the_states_before_and_after_an_act(actor: Actor, host: Host) -> None:
    tell(host, STOP)
    tell(host, RESTART, object_id="d" * 64)
    assert [row.states for row in rows(actor)] == [("", ""), ("running", "exited")]


def test_an_act_has_the_cause_of_its_events(actor: Actor, host: Host, container: Container) -> None:
    job = Job.objects.create(
        operation="container.restart", host=host, target_kind="container", state="succeeded",
        target_engine_id=container.engine_id, started_at=NOW, finished_at=NOW,
    )  # fmt: skip
    tell(host, [("kill", 0), died(0, 10), ("stop", 10)], object_id=container.engine_id)
    (row,) = rows(actor)
    assert (row.job, row.container) == (job, container.pk)


def test_a_border_between_pages_cuts_an_act_and_loses_nothing(actor: Actor, host: Host) -> None:
    made = tell(host, RESTART)
    page = event_page(actor, EventQuery.parse(QueryDict("")), 2)
    assert [row.events for row in page.rows] == [made[3:]]
    assert page.rows[0].words == "restarted"
    older = event_page(actor, EventQuery.parse(QueryDict(f"before={page.older}")), 3)
    assert [row.events for row in older.rows] == [made[:3]]
    assert older.rows[0].words == "stopped, exit 0" and older.older is None
    newer = event_page(actor, EventQuery.parse(QueryDict(f"after={older.newer}")), 2)
    assert [row.events for row in newer.rows] == [made[3:]]


def test_a_filter_by_kind_shows_the_single_events(actor: Actor, host: Host) -> None:
    tell(host, RESTART)
    (row,) = rows(actor, "kind=die")
    assert (row.words, row.parts) == ("exited with 0", ())


def test_short_lists_are_full_of_acts(actor: Actor, host: Host) -> None:
    for number in range(15):
        later = [(kind, number * 60 + seconds, *more) for kind, seconds, *more in RESTART]
        tell(host, later, object_id=f"{number:064x}")
    assert [len(row.parts) for row in fleet_page(actor).events] == [5] * 12
    assert [len(row.parts) for row in host_page(actor, host).events] == [5] * 10
    assert len(latest_rows(actor, Event.objects.all(), 3)) == 3


@pytest.mark.parametrize("path", ["/events/", "/hosts/{host}/events/", "/containers/{pk}/events/"])
def test_pages_show_one_line_that_unfolds(
    administrator: User, sign_in: Any, host: Host, container: Container, path: str
) -> None:
    first = tell(host, STOP, object_id=container.engine_id)[0]
    html = sign_in(administrator).get(path.format(host=host.pk, pk=container.pk)).content.decode()
    assert html.count('<tr id="event-') == 1
    assert f'<tr id="event-{first.pk}"' in html and "stopped, exit 0" in html
    fold = html.split(f'<details class="event-fold" id="fold-{first.pk}">')[1].split("</details>")[
        0
    ]
    assert "<summary>3 events</summary>" in fold and fold.count("<li") == 3
    assert fold.index("was sent SIGTERM") < fold.index("exited with 0") < fold.rindex("stopped")


@pytest.mark.parametrize("path", ["/", "/hosts/{host}/"])
def test_short_lists_show_one_line_that_unfolds(
    administrator: User, sign_in: Any, host: Host, path: str
) -> None:
    first = tell(host, RESTART)[0]
    html = sign_in(administrator).get(path.format(host=host.pk)).content.decode()
    assert html.count(f'id="fold-{first.pk}"') == 1 and "<summary>5 events</summary>" in html


@pytest.mark.django_db(transaction=True)
async def test_a_line_grows_in_its_place_while_its_act_goes_on(
    administrator: User, host: Host
) -> None:
    async with Page(administrator) as page:
        await page.follow(topic="events")
        (first,) = await sync_to_async(tell)(host, STOP[:1])
        row = f"event-{first.pk}"
        await publish_async(EventsAdded(host.pk, [first.pk]))
        await page.shows(lambda page: "was sent SIGTERM" in page.html.get(row, ""))
        for event in await sync_to_async(tell)(host, STOP[1:]):
            await publish_async(EventsAdded(host.pk, [event.pk]))
        await page.shows(lambda page: "stopped, exit 0" in page.html[row])
        assert [name for name in page.html if name.startswith("event-")] == [row]
