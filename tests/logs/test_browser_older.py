"""What a view lacks, in a real Chromium: older lines of several, gaps, what was rotated away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard.live.topics.log_wire import HEADER, PART
from tests.logs.viewer import SOURCE, FakeLogs, count, first_shown, frame, shown
from tests.logs.viewer_fixtures import asked, page, server

pytestmark = pytest.mark.browser
__all__ = ["page", "server"]
TEN = datetime(2026, 1, 1, 10, microsecond=1, tzinfo=UTC)  # no whole seconds, as of Podman
WEB = SOURCE | {"tail": 3}
DB = {"index": 1, "container": 13, "name": "db-1", "title": "db-1 · prod-3", "tail": 3}


def at(seconds: float) -> str:
    """Return a time so many seconds after ten."""
    return f"{TEN + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%f}000Z"


def some(name: str, *seconds: float) -> list[bytes]:
    """Return lines of these seconds, which say them: a10, b3."""
    return [frame(f"{name}{second:g}", at(second)) for second in seconds]


def many(name: str, first: float, last: float, number: int) -> list[bytes]:
    """Return so many lines from one second to another."""
    step = (last - first) / (number - 1)
    return [frame(f"{name}-{n}", at(first + n * step)) for n in range(number)]


def two(server: FakeLogs, *more: dict[str, Any]) -> None:
    """Two containers answer, each with as many lines as were asked for: there may be older ones."""
    server.send(type="log.sources", topic="logs", sources=[WEB, DB, *more])
    for source in (WEB, DB):
        server.send(type="log.answered", topic="logs", source=source["index"])
    server.frames(*some("a", 10, 11, 12))
    server.frames(*some("b", 5, 7, 9), source=1)


def texts(page: Page) -> list[str]:
    """Return all lines and marks that are drawn."""
    return page.locator(".log-line .log-text, .log-mark > span").all_inner_texts()


EDGE = "Above this, lines of {} are missing."


def test_older_lines_of_all_come_in_order(page: Page, server: FakeLogs) -> None:
    two(server)
    shown(page, "b5", "b7", "b9", "a10", "a11", "a12")
    # web-1 reaches least far back: what stands above its first line is not all there was.
    edge = page.locator(".log-mark.is-edge")
    expect(edge).to_contain_text(EDGE.format("web-1, db-1"))
    assert texts(page)[3:5] == [EDGE.format("web-1, db-1"), "a10"]
    page.click("[data-log-older]")
    args = asked(server)
    assert args["container"] == "12" and int(args["tail"]) > 5000
    assert args["until"].startswith("2026-01-01T10:00:10.00000")
    server.part(int(args["part"]), *some("a", 4, 6, 8, 10))
    args = asked(server)
    assert args["container"] == "13"
    assert args["until"].startswith("2026-01-01T10:00:05.00000")
    server.part(int(args["part"]), *some("b", 1, 3, 5))
    shown(page, "b1", "b3", "a4", "b5", "a6", "b7", "a8", "b9", "a10", "a11", "a12")
    expect(page.locator(".log-mark")).to_have_count(0)
    count(page, "from the beginning")


def test_who_reaches_further_back_is_not_asked(page: Page, server: FakeLogs) -> None:
    two(server)
    shown(page, "b5", "b7", "b9", "a10", "a11", "a12")
    page.click("[data-log-edge]")
    args = asked(server)
    server.part(int(args["part"]), *many("old", 6, 9.9, 5200), *some("a", 10))
    count(page, "5,206 lines")
    page.focus("[data-log-scroll]")
    page.keyboard.press("Home")
    expect(page.locator(".log-line").first).to_contain_text("b5")
    edge = page.locator(".log-mark.is-edge")
    expect(edge).to_contain_text(EDGE.format("web-1, db-1"))
    # The edge is in sight: the next page is fetched, of the same one.
    args = asked(server)
    assert args["container"] == "12"
    assert int(args["tail"]) > 10_200
    assert args["until"].startswith("2026-01-01T10:00:06.00000")


def test_it_keeps_its_place_below_the_edge(page: Page, server: FakeLogs) -> None:
    server.send(type="log.sources", topic="logs", sources=[WEB, DB])
    server.send(type="log.answered", topic="logs", source=0)
    server.frames(*many("a", 10, 20, 200))
    server.frames(*some("b", 5, 7, 9), source=1)
    count(page, "203 lines")
    page.focus("[data-log-scroll]")
    page.keyboard.press("Home")
    args = asked(server)
    expect(page.locator(".log-mark.is-edge")).to_be_visible()
    before = page.locator(".log-line", has_text="a-0").bounding_box()
    server.part(int(args["part"]), *many("old", 6, 9.9, 5300), frame("a-0", at(10)))
    count(page, "5,503 lines")
    expect(page.locator(".log-line", has_text="old-5299")).to_be_visible()
    page.wait_for_timeout(150)
    assert page.locator(".log-line", has_text="a-0").bounding_box() == before


@pytest.fixture
def small(server: FakeLogs) -> None:
    """The browser keeps 4,000 lines."""
    server.changed["/static/js/log/store.js"] = ("2_000_000", "4000")


@pytest.mark.usefixtures("small")
def test_whole_logs_are_merged_until_the_view_is_full(page: Page, server: FakeLogs) -> None:
    two(server)
    shown(page, "b5", "b7", "b9", "a10", "a11", "a12")
    page.click("[data-log-all]")
    args = asked(server)
    assert (args["container"], args.get("tail")) == ("12", None)
    server.part(int(args["part"]), *many("old", 0, 9.9, 3000), *some("a", 10))
    args = asked(server)
    assert args["container"] == "13"
    server.part(int(args["part"]), *some("b", 1, 3, 5))
    expect(page.locator("[data-log-problem]")).to_contain_text("This view is full")
    count(page, "full: older lines do not fit")
    expect(page.locator("[data-log-cancel]")).to_be_hidden()  # it is full before it has ended
    expect(page.locator("[data-log-all]")).to_be_disabled()
    lines = page.evaluate("document.querySelector('[data-log-count]').textContent")
    assert 1500 < int(lines.split(" ")[0].replace(",", "")) < 3800
    page.focus("[data-log-scroll]")
    page.keyboard.press("Home")
    expect(page.locator(".log-line").first).to_contain_text("b1")
    # db-1 is whole; of web-1 the newest lines are kept, and the edge says so.
    expect(page.locator(".log-mark.is-edge")).to_contain_text(EDGE.format("web-1"))
    page.fill("#log-q", "nowhere")
    expect(page.locator("[data-log-offer]")).to_contain_text("no more fit into this view")
    expect(page.locator("[data-log-further]")).to_be_hidden()


def test_a_host_that_is_away_keeps_the_others_from_nothing(page: Page, server: FakeLogs) -> None:
    two(server)
    shown(page, "b5", "b7", "b9", "a10", "a11", "a12")
    page.click("[data-log-all]")
    server.part(int(asked(server)["part"]), problem="The host does not answer.")
    server.part(int(asked(server)["part"]), *some("b", 1, 3, 5))
    shown(page, "b1", "b3", "b5", "b7", "b9", "a10", "a11", "a12")
    problem = page.locator("[data-log-problem]")
    expect(problem).to_have_text("web-1: The host does not answer.")
    expect(page.locator(".log-mark.is-edge")).to_contain_text(EDGE.format("web-1"))


def test_what_is_not_all_says_so(page: Page, server: FakeLogs) -> None:
    server.send(type="log.sources", topic="logs", sources=[WEB, DB])
    for source in (0, 1):
        server.send(type="log.answered", topic="logs", source=source)
    server.frames(*many("a", 10, 20, 100))
    server.frames(*many("b", 1, 9, 100), source=1)
    count(page, "200 lines")
    partial = page.locator("[data-log-partial]")
    expect(partial).to_be_hidden()
    page.evaluate("document.querySelector('[data-log-scroll]').scrollTop = 0")  # past the edge
    expect(partial).to_have_text("Lines of web-1, db-1 are missing here: fetch them")
    expect(page.locator(".log-line.is-partial").first).to_contain_text("b-0")
    partial.click()
    args = asked(server)
    assert (args["container"], args["since"][:20]) == ("12", "2026-01-01T10:00:01.")
    assert "tail" not in args
    server.part(int(args["part"]), *many("older", 1.5, 9.3, 10), frame("a-0", at(10)))
    expect(page.locator(".log-line", has_text="older-0")).to_be_visible()
    expect(partial).to_be_hidden()
    expect(page.locator(".log-line.is-partial")).to_have_count(0)


def test_what_a_filter_hides_is_not_said_to_be_missing(page: Page, server: FakeLogs) -> None:
    two(server)
    server.mark("started")
    server.mark("restarted", source=1)
    edge = page.locator(".log-mark.is-edge")
    expect(edge).to_contain_text(EDGE.format("web-1, db-1"))
    page.click("[data-log-filter]")
    page.select_option("#log-filter [name=source]", "1")
    shown(page, "b5", "b7", "b9")
    expect(page.locator(".log-mark")).to_have_text(["db-1: (restarted)"])
    # Nothing older is fetched of the one that is not shown, which reaches least far back.
    page.click("[data-log-older]")
    args = asked(server)
    assert args["container"] == "13"
    server.part(int(args["part"]), *some("b", 1, 3, 5))
    shown(page, "b1", "b3", "b5", "b7", "b9")
    count(page, "from the beginning")
    page.select_option("#log-filter [name=source]", "")
    expect(edge).to_contain_text(EDGE.format("web-1"))
    shown(page, "b1", "b3", "b5", "b7", "b9", "a10", "a11", "a12")
    page.click("[data-log-edge]")
    assert asked(server)["container"] == "12"


def test_it_goes_to_a_time_in_all_of_them(page: Page, server: FakeLogs) -> None:
    two(server)
    shown(page, "b5", "b7", "b9", "a10", "a11", "a12")
    page.click("[popovertarget=log-view]")
    page.check("[value=times-utc]")
    page.keyboard.press("Escape")
    page.fill("#log-at", "2026-01-01 10:00:04")
    page.press("#log-at", "Enter")
    for name, container in (("a", "12"), ("b", "13")):
        args = asked(server)
        assert (args["container"], "tail" in args) == (container, False)
        assert args["since"].startswith("2026-01-01T10:00:04.0")
        server.part(
            int(args["part"]), *some(name, 4.5 if name == "a" else 4.2, 10 if name == "a" else 5)
        )
    shown(page, "b4.2", "a4.5", "b5", "b7", "b9", "a10", "a11", "a12")
    expect(page.locator(".log-line.is-marked")).to_contain_text("b4.2")
    expect(page.locator(".log-mark")).to_have_count(0)  # all is there from that time on


def test_a_gap_of_one_is_filled_among_the_others(page: Page, server: FakeLogs) -> None:
    two(server)
    shown(page, "b5", "b7", "b9", "a10", "a11", "a12")
    server.gap(3)
    server.frames(*some("a", 20))
    server.frames(*some("b", 13.5, 15.5, 19), source=1)
    expect(page.locator(".log-line")).to_have_count(10)
    page.click("[data-gap]")
    args = asked(server)
    assert args["container"] == "12"
    assert args["since"].startswith("2026-01-01T10:00:12.00000")
    assert args["until"].startswith("2026-01-01T10:00:20.00000")
    server.part(int(args["part"]), *some("a", 12, 13, 14, 16, 20))
    shown(
        page, "b5", "b7", "b9", "a10", "a11", "a12", "a13", "b13.5", "a14", "b15.5", "a16", "b19",
        "a20",
    )  # fmt: skip
    expect(page.locator("[data-gap]")).to_have_count(0)
    server.frames(*some("b", 21), source=1)
    expect(page.locator(".log-line").last).to_contain_text("b21")


def test_a_slow_host_s_first_lines_go_to_their_place(page: Page, server: FakeLogs) -> None:
    server.send(type="log.sources", topic="logs", sources=[WEB | {"tail": 9}, DB | {"tail": 9}])
    server.frames(*some("a", 10, 12))
    shown(page, "a10", "a12")
    server.frames(*some("b", 8, 9), source=1)
    shown(page, "b8", "b9", "a10", "a12")
    server.frames(*some("b", 11, 13), source=1)  # they come in pieces
    shown(page, "b8", "b9", "a10", "b11", "a12", "b13")
    expect(page.locator(".log-mark")).to_have_count(0)  # less than asked for is all


def test_what_a_rotation_swallowed_is_fetched(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.frames(*some("a", 1, 2, 5, 2, 5, 6, 7))  # some came twice: engines do that, too
    server.mark("lost", since=at(1), until=at(6), text="The engine has left out 2 lines.")
    server.frames(*some("a", 8))
    page.click(".log-mark.is-lost button")
    args = asked(server)
    assert (args["since"], args["until"]) == (at(1), at(6))
    server.part(int(args["part"]), *some("a", 1, 2, 3, 4, 5, 6))
    shown(page, "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8")
    expect(page.locator(".log-mark")).to_have_count(0)


def test_it_says_what_the_engine_has_no_more(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.frames(*some("a", 1, 2, 5, 6, 7))
    server.mark("lost", since=at(1), until=at(6))
    problem = page.locator("[data-log-problem]")
    page.click(".log-mark.is-lost button")
    server.part(int(asked(server)["part"]), *some("a", 6))
    expect(problem).to_contain_text("rotated away")
    shown(page, "a1", "a2", "a5", "a6", "a7")
    page.click(".log-mark.is-lost button")
    server.part(int(asked(server)["part"]), *some("a", 1, 2))
    expect(problem).to_contain_text("stopped in the middle")
    page.click(".log-mark.is-lost button")
    server.part(int(asked(server)["part"]), *some("a", 4, 5, 6))
    expect(problem).to_contain_text("1 lines were fetched.")
    shown(page, "a1", "a2", "a4", "a5", "a6", "a7")
    expect(page.locator(".log-mark.is-lost")).to_have_count(1)


def test_a_search_goes_on_in_the_whole_log(page: Page, server: FakeLogs) -> None:
    server.send(type="log.sources", topic="logs", sources=[WEB])
    server.send(type="log.answered", topic="logs", source=0)
    server.frames(*some("a", 10, 11, 12))
    shown(page, "a10", "a11", "a12")
    offer = page.locator("[data-log-offer]")
    expect(offer).to_be_hidden()
    page.fill("#log-q", "a5")
    expect(page.locator("[data-log-hits]")).to_have_text("no hit")
    expect(offer).to_contain_text("Only the 3 lines that are fetched were searched.")
    page.click("[data-log-further]")
    args = asked(server)
    assert "tail" not in args
    expect(offer).to_contain_text("is fetched and searched")
    server.part(int(args["part"]), *some("a", 4, 5, 6, 55, 10))
    expect(page.locator("[data-log-hits]")).to_have_text("2 of 2")
    expect(page.locator(".log-line.is-marked")).to_contain_text("a55")
    expect(offer).to_be_hidden()
    page.press("#log-q", "Enter")
    expect(page.locator(".log-line.is-marked .log-text")).to_have_text("a5")


def test_a_short_page_while_more_is_written_is_no_proof(page: Page, server: FakeLogs) -> None:
    server.send(type="log.sources", topic="logs", sources=[WEB])
    server.send(type="log.answered", topic="logs", source=0)
    server.frames(*some("a", 10, 11, 12))
    shown(page, "a10", "a11", "a12")
    page.click("[data-log-older]")
    part = int(asked(server)["part"])
    server.frames(*some("a", 13))  # had it been more, the page would be short for that
    server.part(part, *some("a", 8, 10))
    args = asked(server)
    assert "tail" not in args and "since" not in args
    assert args["until"].startswith("2026-01-01T10:00:08.00000")
    server.send_bytes(HEADER.pack(PART, 0, int(args["part"])) + some("a", 2)[0])
    assert server.expect("stream.close")["topic"] == "log-part"  # the oldest line is enough
    shown(page, "a8", "a10", "a11", "a12", "a13")
    page.click("[data-log-older]")
    server.part(int(asked(server)["part"]), *some("a", 2, 8))
    count(page, "from the beginning")
    shown(page, "a2", "a8", "a10", "a11", "a12", "a13")


def test_fetching_can_be_stopped(page: Page, server: FakeLogs) -> None:
    two(server)
    shown(page, "b5", "b7", "b9", "a10", "a11", "a12")
    page.click("[data-log-all]")
    part = int(asked(server)["part"])
    count(page, "Fetching web-1 (1 of 2): 0 lines")
    page.click("[data-log-cancel]")
    assert server.expect("stream.close")["topic"] == "log-part"
    server.part(part, *some("a", 1, 10))
    expect(page.locator("[data-log-cancel]")).to_be_hidden()
    server.frames(*some("a", 13))
    shown(page, "b5", "b7", "b9", "a10", "a11", "a12", "a13")
    assert first_shown(page).endswith("b5")
