"""The log viewer in a real Chromium, against a server that says what the test wants."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from fleet.engine.log_blocks import pack
from fleet.models import HostState
from tests.logs.viewer import FakeLogs, at, at_end, count, first_shown, frame, shown, state
from tests.logs.viewer_fixtures import asked, page, server

pytestmark = pytest.mark.browser
__all__ = ["page", "server"]
AWAY = "Host unreachable: the log goes on when it is back."


# --- States -----------------------------------------------------------------------------------


def test_it_shows_lines_and_says_its_state(page: Page, server: FakeLogs) -> None:
    state(page, "Opening …")
    server.answer()
    state(page, "No output yet.")
    server.lines("hello")
    shown(page, "hello")
    state(page, "Following")
    count(page, "1 lines")


def test_it_pauses_and_goes_on(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("one")
    page.click("[data-log-pause]")
    state(page, "Paused")
    server.lines("two", start=1)
    expect(page.locator("[data-log-new]")).to_have_text("1 new line")
    expect(page.locator("[data-log-pause]")).to_have_attribute("aria-pressed", "true")
    page.click("[data-log-pause]")
    shown(page, "one", "two")
    state(page, "Following")


def test_it_says_gaps_and_ends_in_words(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.gap(1234)
    server.gap(-1)
    server.mark("removed", "log.end")
    marks = page.locator(".log-mark")
    expect(marks).to_have_count(3)
    expect(marks.nth(0)).to_contain_text("1,234 lines were left out")
    expect(marks.nth(1)).to_contain_text("Lines are missing here")
    expect(marks.nth(2)).to_have_text("(removed)")
    state(page, "Ended")


def test_it_says_that_the_host_is_away_while_the_stream_is_just_quiet(
    page: Page, server: FakeLogs
) -> None:
    server.answer()
    server.lines("hello")
    state(page, "Following")
    seen = page.locator(".log-seen")
    expect(seen).to_be_hidden()
    server.host(HostState.UNREACHABLE)
    state(page, AWAY)
    expect(seen).to_have_text("prod-3 was last seen 2 min ago.")
    server.host(HostState.REACHABLE)
    state(page, "Following")
    expect(seen).to_be_hidden()


def test_it_says_that_the_stream_has_lost_the_host_until_it_is_back(
    page: Page, server: FakeLogs
) -> None:
    server.answer()
    server.lines("hello")
    server.mark("away")
    state(page, AWAY)
    server.mark("back")
    state(page, "Following")
    server.lines("again", start=1)
    shown(page, "hello", "again")


def test_it_shows_nothing_more_to_who_may_not_read_it(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("private")
    shown(page, "private")
    server.send(type="gone", topic="logs", message="There is no such container.")
    expect(page.locator(".log-mark")).to_have_text("There is no such container.")
    expect(page.locator(".log-line")).to_have_count(0)
    state(page, "Ended")


def test_it_asks_for_what_it_lacks_after_a_lost_connection(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.frames(frame("a", at(0)), frame("b", at(0)), pack(1, f"{at(1)} half".encode()))
    shown(page, "a", "b")
    server.cut()
    assert asked(server) == {"container": "12", "place": f"12,2,{at(0)}"}
    server.answer()
    server.frames(pack(1, f"{at(1)} half".encode()), pack(1, f"{at(1)} a line\n".encode()))
    shown(page, "a", "b", "halfa line")


# --- What a log says --------------------------------------------------------------------------


def test_it_runs_nothing_that_a_log_says(page: Page, server: FakeLogs) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m<b onclick=alert(1)>x</b>"
    server.answer()
    server.lines(evil, stream=2)
    server.send(type="log.mark", topic="logs", source=0, code="ended", text="<i>ended</i>")
    shown(page, evil.replace("\x1b[31m", ""))
    assert page.locator(".log-lines :is(script, img, b, i)").count() == 0
    page.click(".log-line")
    expect(page.locator(".log-detail pre")).to_have_text(evil.replace("\x1b[31m", ""))
    assert page.locator(".log-detail :is(script, img, b)").count() == 0


def test_it_tells_stderr_apart_without_colour(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("fine")
    server.lines("oh no", stream=2, start=1)
    expect(page.locator(".log-line.is-err .log-tag")).to_have_text("err")
    assert page.locator(".log-tag").count() == 1


def test_it_turns_terminal_colours_into_classes(page: Page, server: FakeLogs) -> None:
    text = (
        "\x1b[1;31mred\x1b[0m \x1b[38;5;208mc256\x1b[39m"
        " \x1b[48;2;0;0;255mrgb\x1b[m \x1b[7minv\x1b[27m."
    )
    server.answer()
    server.lines(text, "\x1b]0;title\x07\x1b[2K\x1b[1Aclean\x08\x00", "tab\tkept")
    shown(page, "red c256 rgb inv.", "clean", "tab\tkept")
    spans = page.locator(".log-text span")
    classes = [spans.nth(n).get_attribute("class") for n in range(spans.count())]
    assert classes == ["ansi-bold ansi-fg-1", "ansi-fg-208", "ansi-bg-21", "ansi-inverse"]
    colours = [spans.nth(n).evaluate("e => getComputedStyle(e).color") for n in (0, 1)]
    plain = page.locator(".log-text").first.evaluate("e => getComputedStyle(e).color")
    assert plain not in colours and colours[0] != colours[1]


def test_it_reads_strange_bytes(page: Page, server: FakeLogs) -> None:
    when = at(0).encode()
    server.answer()
    server.frames(
        pack(1, when + b" bad \xff\xfe utf\n"),
        pack(1, when + b" 10%\r50%\r100%\n"),
        pack(1, when + b" crlf\r\n"),
        pack(1, b"no time\n"),
        pack(1, b"2026-01-01T10:00:00+01:00 other engine\n"),
        pack(1, when + b" \n"),
        pack(1, when + b" in two "),
        pack(2, when + b" between\n"),
        pack(1, when + b" pieces\n"),
        pack(1, when + b" no end"),
    )
    server.mark("ended")
    shown(
        page, "bad �� utf", "100%", "crlf", "no time", "other engine", "", "between",
        "in two pieces", "no end",
    )  # fmt: skip


def test_it_cuts_long_lines_and_shows_all_of_one_on_demand(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("x" * 50_000)
    expect(page.locator(".log-more")).to_have_text("show all 50,000 characters")
    assert len(page.locator(".log-text").inner_text()) == 4000
    page.click(".log-more")
    assert len(page.locator(".log-detail pre").inner_text()) == 50_000
    page.keyboard.press("Escape")


def test_one_click_tells_the_fields_of_a_line(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines('{"level":"error","msg":"it broke","ms":12}', 'level=warn msg="slow query" ms=7')
    expect(page.locator(".log-line.is-error")).to_have_count(1)
    expect(page.locator(".log-line.is-warn")).to_have_count(1)
    page.click(".log-line.is-warn")
    expect(page.locator(".log-fields")).to_have_text("levelwarnmsgslow queryms7")


# --- Scrolling --------------------------------------------------------------------------------


def test_it_never_moves_what_somebody_reads(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines(*(f"old {n}" for n in range(300)))
    count(page, "300 lines")
    at_end(page)
    page.locator("[data-log-scroll]").hover()
    page.mouse.wheel(0, -1500)
    state(page, "Scrolled back")
    page.wait_for_timeout(200)
    before = first_shown(page)
    server.lines(*(f"new {n}" for n in range(500)), start=300)
    expect(page.locator("[data-log-new]")).to_have_text("500 new lines")
    assert first_shown(page) == before
    page.click("[data-log-new]")
    expect(page.locator(".log-line").last).to_contain_text("new 499")
    at_end(page)
    state(page, "Following")


def test_it_follows_again_at_the_end(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines(*(f"old {n}" for n in range(300)))
    count(page, "300 lines")
    at_end(page)
    page.focus("[data-log-scroll]")
    page.keyboard.press("Home")
    state(page, "Scrolled back")
    server.lines("later", start=300)
    page.keyboard.press("End")
    state(page, "Following")
    expect(page.locator(".log-line").last).to_contain_text("later")


def test_it_stays_while_somebody_marks_text(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("one", "two")
    shown(page, "one", "two")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.log-line .log-text'))")
    state(page, "Scrolled back")
    server.lines(*(f"more {n}" for n in range(100)), start=2)
    expect(page.locator("[data-log-new]")).to_have_text("100 new lines")
    assert page.evaluate("getSelection().toString()") == "one"


def test_a_hundred_thousand_lines_are_a_few_elements(page: Page, server: FakeLogs) -> None:
    server.answer()
    total, step = 100_000, 5_000
    for start in range(0, total, step):
        server.lines(*(f"line {n}" for n in range(start, start + step)), start=start)
    count(page, "100,000 lines")
    expect(page.locator(".log-line").last).to_contain_text("line 99999")
    assert page.locator(".log-line").count() < 200
    page.evaluate("document.querySelector('[data-log-scroll]').scrollTop = 20 * 50000 + 8")
    expect(page.locator(".log-line", has_text="line 50003")).to_be_visible()
    assert first_shown(page).endswith("line 50000")


def test_rows_are_as_high_as_they_were_thought(page: Page, server: FakeLogs) -> None:
    server.answer()
    texts = ["short", "x" * 700, "word " * 90, "wide 漢字" * 30, "\x1b[31mred\x1b[0m" * 60, "end"]
    server.lines(*texts)
    server.lines(*texts, stream=2, start=6)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
    server.frames(*(frame(text, now, stream) for text in texts[1:3] for stream in (1, 2)))
    server.frames(frame("w" * 700, "2024-05-06T10:00:00.000000000Z"))
    count(page, "17 lines")
    page.wait_for_timeout(200)
    heights = page.locator(".log-line").evaluate_all(
        "rows => rows.map((row) => [row.getBoundingClientRect().height,"
        " parseFloat(row.style.minHeight || 20)])"
    )
    assert [height for height, _thought in heights] == [thought for _height, thought in heights]
    assert max(height for height, _thought in heights) > 40


def test_it_switches_times_and_wrapping(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines("y" * 1_900)
    time = page.locator(".log-line time")
    expect(time).to_be_visible()
    wide = (
        "() => { const s = document.querySelector('[data-log-scroll]');"
        " return s.scrollWidth > s.clientWidth }"
    )
    assert not page.evaluate(wide)
    page.click("[popovertarget=log-view]")
    page.check("[value=times-utc]")
    expect(time).to_contain_text("01-01 10:00:00.000")
    page.check("[value=times-off]")
    expect(time).to_have_count(0)
    page.uncheck("[value=wrap]")
    page.wait_for_function(wide)


def test_fields_become_columns(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines('{"msg":"served","path":"/a"}', "plain")
    page.click("[popovertarget=log-view]")
    page.check("[value='field:path']")
    expect(page.locator(".log-cell")).to_have_text(["/a"])


# What a source says goes through turns of its own here: nothing waits for a clock.
TURNS = """
async (said) => {
  const { Sources } = await import('/static/js/log/sources.js');
  const { Store } = await import('/static/js/log/store.js');
  const [store, turns, wait] = [new Store(), [], window.setTimeout];
  const sources = new Sources(store, () => {}, () => {});
  sources.told([0, 1].map((index) => ({ index, container: index })));
  const text = (_, at) => store.text(...store.locate(at));
  const lines = () => Array.from({ length: store.count }, text);
  const found = [];
  try {
    window.setTimeout = (work) => turns.push(work);
    for (const one of said) {
      for (const [source, text] of one) sources.feed(source, new TextEncoder().encode(text), 0);
      for (const turn of turns.splice(0)) turn();
      found.push(lines());
    }
  } finally {
    window.setTimeout = wait;
  }
  return [found, turns.length];
}
"""


def test_a_line_waits_a_whole_turn_for_earlier_ones(page: Page) -> None:
    def said(source: int, second: int) -> tuple[int, str]:
        return source, frame(f"{'ab'[source]}{second}", at(0, second)).decode()

    turns: list[list[tuple[int, str]]] = [
        [said(0, 2)], [said(1, 1), said(1, 3)], [said(0, 3)], [said(0, 4)], [], [],
    ]  # fmt: skip
    found, waiting = page.evaluate(TURNS, turns)
    # b1 came a turn later than a2, in time; b3 has not waited yet then.
    assert found == [
        [], ["b1", "a2"], ["b1", "a2", "a3", "b3"], ["b1", "a2", "a3", "b3"],
        ["b1", "a2", "a3", "b3", "a4"], ["b1", "a2", "a3", "b3", "a4"],
    ]  # fmt: skip
    assert waiting == 0
