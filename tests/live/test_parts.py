"""The small parts: pace, kept HTML, marks in it, differences."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from dashboard.live.difference import Known, lacking, update_text
from dashboard.live.html import HtmlCache, draw
from dashboard.live.moments import SITE, ago_mark, finish, site_of
from dashboard.live.pace import Pace
from dashboard.live.topics.base import Part, Snapshot
from dashboard.live.topics.jobs import fragment


def test_it_lets_a_few_through_at_once_then_at_a_rate() -> None:
    pace = Pace(rate=10, burst=3)
    assert [pace.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert pace.delay(100.0) == pytest.approx(0.1)
    assert not pace.take(100.05)
    assert pace.take(100.11)
    assert [pace.take(200.0) for _ in range(4)] == [True, True, True, False]


def test_it_draws_a_part_once() -> None:
    cache, drawn = HtmlCache(), []
    part = Part("1", lambda: drawn.append(1) or "<p>")  # type: ignore[func-returns-value]
    assert [cache.draw("a", part) for _ in range(3)] == ["<p>"] * 3
    assert drawn == [1]
    cache.draw("a", Part("2", part.render))
    assert drawn == [1, 1]


def test_it_forgets_the_least_used_html() -> None:
    cache, drawn = HtmlCache(limit=25), []

    def part(name: str) -> Part:
        return Part("1", lambda: drawn.append(name) or "x" * 10)  # type: ignore[func-returns-value]

    for name in ("a", "b", "a", "c", "a", "b"):
        cache.draw(name, part(name))
    assert drawn == ["a", "b", "c", "b"]
    assert cache.size <= 25


def test_it_fills_in_how_long_ago_it_is_now() -> None:
    mark = ago_mark(timezone.now() - timedelta(hours=3, minutes=1))
    assert "3 h ago" in finish(mark, "localhost")
    assert "[[ago" not in finish(ago_mark(datetime(1960, 1, 1, tzinfo=UTC)), "localhost")
    assert "–" in ago_mark(None)


def test_it_fills_in_the_name_we_are_reached_by() -> None:
    assert finish(f"http://{SITE}:8080", "quay.example") == "http://quay.example:8080"


@pytest.mark.parametrize(
    ("header", "site"),
    [
        ("localhost:8000", "localhost"),
        ("Quay.example", "quay.example"),
        ("[::1]:8000", "[::1]"),
        ('x"onclick=', "localhost"),
        ("<script>", "localhost"),
        ("", "localhost"),
    ],
)
def test_it_believes_only_host_names(header: str, site: str) -> None:
    assert site_of(header) == site


def snapshot(**revs: str) -> Snapshot:
    """Return a snapshot of rows in this order."""
    parts = {name: Part(rev, lambda: "<tr>") for name, rev in revs.items()}
    return Snapshot(parts, {"rows": list(parts)})


def test_it_finds_what_a_page_lacks() -> None:
    known = Known.of(snapshot(a="1", b="1", c="1"))
    assert lacking(known, snapshot(a="1", b="1", c="1")) == ([], {})
    assert lacking(known, snapshot(a="1", b="2", c="1")) == (["b"], {})
    assert lacking(known, snapshot(c="1", a="1")) == ([], {"rows": ["c", "a"]})
    assert lacking(known, snapshot(a="1", b="1", c="1", d="1")) == (
        ["d"],
        {"rows": ["a", "b", "c", "d"]},
    )


def test_it_says_nothing_to_a_page_that_has_all() -> None:
    now = snapshot(a="1")
    assert update_text("t", "", Known.of(now), now, "localhost") is None
    text = update_text("t", "q=1", Known(), now, "localhost") or ""
    assert re.search(r'"args":"q=1".*"set":\{"a":"<tr>"\}.*"rows":\["a"\]', text)


def test_it_draws_in_the_order_asked_for() -> None:
    now = snapshot(first="1", second="1")
    assert list(draw(now, ["second", "first"], "localhost")) == ["second", "first"]


def test_it_tells_fragments_apart_that_somebody_made_alike() -> None:
    """What is drawn is kept for everybody: these two searches have one CRC-32."""
    mine, yours = ({"base": text} for text in ("c50963c80102", "d3f504638284"))
    assert fragment("jobs-foot", "t", mine).rev != fragment("jobs-foot", "t", yours).rev
