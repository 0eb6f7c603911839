"""The picture above the list: how many events there were when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.http import QueryDict
from django.test import Client

from fleet.actor import Actor, actor_for
from fleet.models import Host, User
from fleet.selectors.event_density import COUNT, Density, event_density
from fleet.selectors.event_query import EventQuery
from tests.events.test_folds import NOW, died, tell

pytestmark = pytest.mark.django_db
DAY = "since=2026-02-28T12:00:00Z&until=2026-03-01T12:00:00Z"


def density(actor: Actor, query: str = DAY) -> Density:
    return event_density(actor, EventQuery.parse(QueryDict(query)))


def test_it_counts_by_time_and_how_many_were_problems(actor: Actor, host: Host) -> None:
    hours = [-24, -23.6, -23.4, -1, -0.1, 0.1, -30]
    tell(host, [died(number % 2, hour * 3600) for number, hour in enumerate(hours)])
    found = density(actor)
    told = {place: (bar.count, bar.problems) for place, bar in enumerate(found.bars) if bar.count}
    assert told == {0: (2, 1), 1: (1, 0), 46: (1, 1), 47: (1, 0)}
    assert (found.total, found.problems, found.most, len(found.bars)) == (5, 2, 2, COUNT)
    assert found.bars[0].since == NOW - timedelta(days=1) and found.bars[-1].until == NOW


@pytest.mark.parametrize(
    ("query", "bars"),
    [
        ("", COUNT),
        ("range=7d", COUNT),
        ("since=2026-03-01T12:00:00Z&until=2026-03-01T12:00:10Z", 10),
        ("since=2026-03-01T12:00:00Z&until=2026-02-01T12:00:00Z", 0),
    ],
)  # fmt: skip
def test_it_has_bars_for_any_time(actor: Actor, query: str, bars: int) -> None:
    found = density(actor, query)
    assert len(found.bars) == bars and found.most == 1


def test_it_counts_only_what_may_be_seen_and_fits(
    viewer: User, host: Host, other_host: Host
) -> None:
    tell(host, [died(1, -60)], object_name="mine")
    tell(other_host, [died(1, -60)], object_name="theirs")
    assert density(actor_for(viewer)).total == 1
    assert density(actor_for(viewer), f"{DAY}&q=theirs").total == 0


def test_a_bar_leads_to_its_time_and_keeps_the_filters(
    administrator: User, sign_in: Callable[[User], Client], host: Host
) -> None:
    tell(host, [died(1, -60)])
    html = sign_in(administrator).get(f"/events/density/?{DAY}&host={host.pk}").content.decode()
    assert html.count("<a ") == 1 and 'class="is-bad"' in html
    assert f"/events/?host={host.pk}&amp;since=2026-03-01T11%3A30%3A00%2B00%3A00" in html
    assert "1 event" in html and "1 problem" in html


def test_where_nothing_happened_there_is_no_picture(
    administrator: User, sign_in: Callable[[User], Client]
) -> None:
    assert "<svg" not in sign_in(administrator).get("/events/density/").content.decode()
