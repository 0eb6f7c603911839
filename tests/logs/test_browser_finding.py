"""The log viewer in a real Chromium: older lines, gaps, search, filters, several containers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

from tests.logs.viewer import SOURCE, FakeLogs, at, count, first_shown, frame, shown, state
from tests.logs.viewer_fixtures import asked, page, server

pytestmark = pytest.mark.browser
__all__ = ["page", "server"]


# --- Parts: older lines and gaps --------------------------------------------------------------


def test_it_fetches_older_lines_without_one_twice(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("three", "four", start=3)
    shown(page, "three", "four")
    page.click("[data-log-older]")
    args = asked(server)
    assert args["container"] == "12" and int(args["tail"]) > 10_000
    assert args["until"].startswith("2026-01-01T10:00:03.")
    older = [frame(text, at(n)) for n, text in enumerate(["zero", "one", "two", "three", "four"])]
    server.part(int(args["part"]), *older)
    shown(page, "zero", "one", "two", "three", "four")
    count(page, "from the beginning")
    expect(page.locator("[data-log-older]")).to_be_hidden()


def test_it_keeps_its_place_when_older_lines_come(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines(*(f"line {n}" for n in range(1000, 1200)), start=1000)
    count(page, "200 lines")
    page.focus("[data-log-scroll]")
    page.keyboard.press("Home")
    args = asked(server)  # the top is in sight
    page.wait_for_timeout(150)
    before = first_shown(page)
    server.part(int(args["part"]), *(frame(f"line {n}", at(n)) for n in range(1100)))
    count(page, "1,200 lines")
    page.wait_for_timeout(150)
    assert first_shown(page) == before
    page.mouse.move(400, 400)
    page.mouse.wheel(0, -100)
    expect(page.locator(".log-line", has_text="line 996")).to_be_visible()


def test_it_fills_a_gap(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("0", "1")
    server.gap(3)
    server.lines("5", "6", start=5)
    page.click("[data-gap]")
    args = asked(server)
    assert args["since"].startswith("2026-01-01T10:00:00.99999") or args["since"] <= at(1)
    assert args["until"] >= at(5)[:26]
    server.part(int(args["part"]), *(frame(str(n), at(n)) for n in range(1, 6)))
    shown(page, "0", "1", "2", "3", "4", "5", "6")
    expect(page.locator(".log-mark")).to_have_count(0)
    server.lines("7", start=7)
    shown(page, *"01234567")


def test_it_says_why_nothing_older_comes(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("one")
    page.click("[data-log-all]")
    server.part(int(asked(server)["part"]), problem="The host does not answer.")
    expect(page.locator("[data-log-problem]")).to_have_text("The host does not answer.")
    page.click("[data-log-all]")
    server.part(int(asked(server)["part"]), frame("zero", "2026-01-01T09:00:00.000000000Z"))
    expect(page.locator("[data-log-problem]")).to_contain_text("stopped in the middle")
    shown(page, "one")


def test_it_tells_what_the_engine_complains_of(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("one", start=1)
    page.click("[data-log-all]")
    complaint = frame("Error grabbing logs: unexpected EOF", "", 3)
    server.part(int(asked(server)["part"]), frame("zero", at(0)), complaint)
    expect(page.locator("[data-log-problem]")).to_have_text("Error grabbing logs: unexpected EOF")
    shown(page, "one")


def test_it_goes_to_a_time(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines(*(f"line {n}" for n in range(45)))
    page.click("[popovertarget=log-view]")
    page.check("[value=times-utc]")
    page.keyboard.press("Escape")
    page.fill("#log-at", "nonsense")
    page.press("#log-at", "Enter")
    expect(page.locator("[data-log-problem]")).to_contain_text("“nonsense” is no time")
    page.fill("#log-at", "2026-01-01 10:00:20")
    page.press("#log-at", "Enter")
    expect(page.locator(".log-line.is-marked")).to_contain_text("line 20")
    expect(page.locator("[data-log-problem]")).to_be_hidden()
    page.fill("#log-at", "2026-01-01 09:00")
    page.press("#log-at", "Enter")
    args = asked(server)
    assert args["since"].startswith("2026-01-01T09:00:00.0") and "tail" not in args
    server.part(
        int(args["part"]), frame("early", "2026-01-01T09:10:00.000000000Z"), frame("line 0", at(0))
    )
    expect(page.locator(".log-line.is-marked")).to_contain_text("early")


def test_it_goes_to_a_time_among_lines_that_are_not_in_order(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.frames(*(frame(f"line {n}", at(n)) for n in (0, 30, 5, 31, 40)))
    page.click("[popovertarget=log-view]")
    page.check("[value=times-utc]")
    page.keyboard.press("Escape")
    page.fill("#log-at", "2026-01-01 10:00:20")
    page.press("#log-at", "Enter")
    expect(page.locator(".log-line.is-marked")).to_contain_text("line 30")


# --- Searching and filtering ------------------------------------------------------------------


def test_it_finds_and_steps_through_hits(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines(*(f"line {n}{' needle' if n % 100 == 50 else ''}" for n in range(300)))
    page.fill("#log-q", "NEEDLE")
    hits = page.locator("[data-log-hits]")
    expect(hits).to_have_text("3 hits")
    page.press("#log-q", "Enter")
    expect(hits).to_have_text("1 of 3")
    expect(page.locator(".log-line.is-marked")).to_contain_text("line 50 needle")
    page.press("#log-q", "Shift+Enter")
    expect(hits).to_have_text("3 of 3")
    expect(page.locator(".log-line.is-marked")).to_contain_text("line 250 needle")
    assert page.evaluate("CSS.highlights.get('log-hit-now').size") == 1
    page.check("[data-log-search] [name=cased]", force=True)
    expect(hits).to_have_text("no hit")
    page.press("#log-q", "Escape")
    expect(hits).to_have_text("")


def test_it_filters_and_keeps_stack_traces_whole(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("INFO fine", "ERROR boom", "  at a.b(C.java:1)", "  at c.d(E.java:2)", "INFO ok")
    page.click("[data-log-filter]")
    page.click(".chip:has([value=error])")
    shown(page, "ERROR boom", "  at a.b(C.java:1)", "  at c.d(E.java:2)")
    count(page, "3 of 5 lines")
    server.lines("ERROR again", "INFO not this", start=5)
    expect(page.locator(".log-line")).to_have_count(4)
    page.click(".chip:has([value=error])")
    page.fill("#log-f", "E.java")
    shown(page, "ERROR boom", "  at a.b(C.java:1)", "  at c.d(E.java:2)")
    page.click(".log-line:has-text('c.d')")
    page.click(".log-detail button:has-text('Show among all lines')")
    expect(page.locator(".log-line")).to_have_count(7)
    expect(page.locator(".log-line.is-marked")).to_contain_text("c.d")


def test_it_filters_by_stream_and_time(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("out", start=1)
    server.lines("err", stream=2, start=2)
    page.click("[data-log-filter]")
    page.select_option("[name=stream]", "stderr")
    shown(page, "err")
    page.select_option("[name=stream]", "")
    page.fill("#log-until", "2000-01-01T00:00")
    state(page, "No line matches.")
    page.click("[data-log-filters] [type=reset]")
    shown(page, "out", "err")


def test_it_takes_expressions_but_not_for_ever(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("status=200", "status=503", "a" * 40 + "!")
    page.click("[data-log-filter]")
    page.check("[data-log-filters] [name=regular]", force=True)
    page.fill("#log-f", r"status=5\d\d")
    shown(page, "status=503")
    page.fill("#log-f", "(")
    problem = page.locator("[data-log-problem]")
    expect(problem).to_contain_text("no regular expression")
    page.fill("#log-f", "^(a+)+$")
    expect(problem).to_contain_text("takes too long")
    server.lines("still here", start=3)
    expect(page.locator(".log-line").last).to_contain_text("still here")


# --- Several containers -----------------------------------------------------------------------


def test_it_merges_containers_in_order_of_time(page: Page, server: FakeLogs) -> None:
    other = {"index": 1, "container": 13, "name": "db-1", "title": "db-1 · prod-3"}
    server.answer(other)
    server.frames(frame("a1", at(1)), frame("a3", at(3)), source=0)
    server.frames(frame("b0", at(0)), frame("b2", at(2)), source=1)
    shown(page, "b0", "a1", "b2", "a3")
    expect(page.locator(".log-line .log-source")).to_have_text(["db-1", "web-1", "db-1", "web-1"])
    page.click("[data-log-filter]")
    page.select_option("#log-source", "1")
    shown(page, "b0", "b2")
    server.cut()
    args = parse_qs(server.expect("stream.open")["args"])
    assert args["place"] == [f"12,1,{at(3)}", f"13,1,{at(2)}"]
    # The first one is gone meanwhile: the server's numbers are others.
    server.send(type="log.sources", topic="logs", sources=[other | {"index": 0}])
    server.frames(frame("b4", at(4)), source=0)
    shown(page, "b0", "b2", "b4")


# --- Filters of a log that is not whole -------------------------------------------------------


def begun(page: Page, server: FakeLogs) -> None:
    """Let the page have 30 lines of a log that has older ones."""
    server.send(type="log.sources", topic="logs", sources=[SOURCE])
    server.send(type="log.answered", topic="logs", source=0, more=True)
    server.lines(*(f"INFO line {n}" for n in range(15, 45)), start=15)
    count(page, "30 lines")


def test_a_filter_says_what_it_has_not_looked_at(page: Page, server: FakeLogs) -> None:
    begun(page, server)
    page.click("[data-log-filter]")
    page.fill("#log-f", "line 3")
    offer = page.locator("[data-log-offer]")
    expect(offer).to_contain_text("Only the 30 lines that are fetched were looked at.")
    page.fill("#log-f", "needle")
    state(page, "No line matches.")
    expect(offer).to_contain_text("Only the 30 lines that are fetched were looked at.")
    page.click("text=Look through the whole log")
    args = asked(server)
    assert "tail" not in args and "since" not in args
    expect(offer).to_contain_text("The whole log is fetched and looked through …")
    older = [frame(f"{'needle' if n == 3 else 'INFO line'} {n}", at(n)) for n in range(16)]
    server.part(int(args["part"]), *older)
    shown(page, "needle 3")
    expect(offer).to_be_hidden()
    page.fill("#log-f", "no such line")
    state(page, "No line matches.")


def test_a_filter_fetches_lines_from_its_time_on(page: Page, server: FakeLogs) -> None:
    begun(page, server)
    page.click("[data-log-filter]")
    local = page.evaluate(
        "() => { const d = new Date(Date.UTC(2026, 0, 1, 10, 0, 10));"
        " return new Date(d - d.getTimezoneOffset() * 60000).toISOString().slice(0, 19) }"
    )
    page.fill("#log-since", local)
    args = asked(server)
    assert args["since"].startswith("2026-01-01T10:00:10.0") and "tail" not in args
    server.part(int(args["part"]), *(frame(f"INFO line {n}", at(n)) for n in range(10, 16)))
    count(page, "35 of 35 lines")
    state(page, "Following")
    expect(page.locator("[data-log-offer]")).to_be_hidden()
    page.focus("[data-log-scroll]")
    page.keyboard.press("Home")
    expect(page.locator(".log-line").first).to_contain_text("line 10")


# --- One line ---------------------------------------------------------------------------------


def test_a_line_is_copied_and_linked_to(page: Page, server: FakeLogs) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    server.answer()
    server.lines(*(f"line {n}" for n in range(45)))
    page.click(".log-line:has-text('line 40')")
    page.click(".log-detail button:has-text('Copy'):not(:has-text('link'))")
    expect(page.locator("#toasts")).to_contain_text("The line was copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "line 40"
    page.click(".log-detail button:has-text('Copy link')")
    expect(page.locator("#toasts")).to_contain_text("The link to this line was copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    page.goto("about:blank")
    page.goto(link)
    server.expect("stream.open")
    server.answer()
    server.lines(*(f"line {n}" for n in range(45)))
    expect(page.locator(".log-line.is-marked")).to_contain_text("line 40")


def test_times_are_shown_as_ages(page: Page, server: FakeLogs) -> None:
    server.answer()
    for text, ago in (("old", 7300), ("young", 130)):
        when = datetime.now(UTC) - timedelta(seconds=ago)
        server.frames(frame(text, f"{when:%Y-%m-%dT%H:%M:%S.%f}000Z"))
    page.click("[popovertarget=log-view]")
    page.check("[value=times-age]")
    expect(page.locator(".log-line time")).to_have_text(["−2 h", "−2 min"])
