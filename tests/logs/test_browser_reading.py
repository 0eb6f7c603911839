"""The log viewer in a real Chromium: one thing done after another, and scripts that do not come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.live.topics.log_wire import HEADER, PART
from tests.logs.viewer import SOURCE, FakeLogs, at, at_end, count, frame, shown, state
from tests.logs.viewer_fixtures import asked, page, server

pytestmark = pytest.mark.browser
__all__ = ["page", "server"]
SETTLE = 450  # ms after which a key moves a view that has just gone to its end


def begun(page: Page, server: FakeLogs) -> None:
    """Let the page have 30 lines of a log that has older ones."""
    server.send(type="log.sources", topic="logs", sources=[SOURCE])
    server.send(type="log.answered", topic="logs", source=0, more=True)
    server.lines(*(f"line {n}" for n in range(15, 45)), start=15)
    count(page, "30 lines")


# --- Scrolling --------------------------------------------------------------------------------

BLANK = """() => {
  const box = document.querySelector('[data-log-scroll]').getBoundingClientRect();
  return document.querySelector('.log-lines').getBoundingClientRect().top - box.top;
}"""


def test_it_draws_all_when_the_end_is_left_again(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines(*(f"old {n}" for n in range(300)))
    count(page, "300 lines")
    at_end(page)
    page.click("[data-log-pause]")
    state(page, "Paused")
    page.click("[data-log-pause]")
    state(page, "Following")
    page.wait_for_timeout(SETTLE)
    page.evaluate("document.querySelector('[data-log-scroll]').scrollTop -= 200")
    state(page, "Scrolled back")
    page.wait_for_function(f"() => ({BLANK})() <= 0")
    server.lines("new", start=300)
    expect(page.locator("[data-log-new]")).to_have_text("1 new line")


# --- Searching --------------------------------------------------------------------------------


def test_it_searches_what_a_filter_lets_through(page: Page, server: FakeLogs) -> None:
    begun(page, server)
    hits = page.locator("[data-log-hits]")
    page.fill("#log-q", "line")
    expect(hits).to_have_text("30 hits")
    page.click("[data-log-filter]")
    page.fill("#log-f", "line 3")
    expect(hits).to_have_text("10 hits")
    expect(page.locator("[data-log-next]")).to_be_enabled()
    page.click("text=Search the whole log")
    offer = page.locator("[data-log-offer]")
    expect(offer).to_contain_text("The whole log is fetched and searched …")
    older = [frame(f"line {n}", at(n)) for n in range(16)]
    server.part(int(asked(server)["part"]), *older)
    expect(hits).to_have_text("11 of 11")
    expect(offer).to_be_hidden()
    server.lines("line 345", start=345)
    expect(hits).to_have_text("11 of 12")


def test_what_waits_for_a_fetch_goes_on_after_its_last_look(page: Page, server: FakeLogs) -> None:
    begun(page, server)
    page.click("[popovertarget=log-view]")
    page.check("[value=times-utc]")
    page.keyboard.press("Escape")
    page.click("[data-log-older]")
    part = int(asked(server)["part"])
    server.lines("line 45", start=45)
    count(page, "31 lines")
    server.part(part, *(frame(f"line {n}", at(n)) for n in range(10, 16)))
    peek = asked(server)  # more was written meanwhile: is this the beginning?
    assert "tail" not in peek and "since" not in peek
    page.fill("#log-at", "2026-01-01 10:00:12")
    page.press("#log-at", "Enter")
    server.send_bytes(HEADER.pack(PART, 0, int(peek["part"])) + frame("line 10", at(10)))
    expect(page.locator(".log-line.is-marked")).to_contain_text("line 12")


# A filter whose lines' numbers change while it still looks at lines.
MOVED = """
async () => {
  const { Queries } = await import('/static/js/log/queries.js');
  const { Lines } = await import('/static/js/log/lines.js');
  const { Rows } = await import('/static/js/log/rows.js');
  const { Store } = await import('/static/js/log/store.js');
  const { mergeInto } = await import('/static/js/log/merge.js');
  const store = new Store();
  const rows = new Rows(store);
  const added = (texts, time, lines) => {
    for (const text of texts) {
      const bytes = new TextEncoder().encode(text);
      lines.push(store.blocks.add(bytes), 0, bytes.length, time, 1, 0);
    }
    return lines;
  };
  const numbers = () => Array.from({ length: rows.count }, (_, row) => rows.line(row)).join();
  const told = new Set();
  const queries = new Queries({ store, rows, post: () => {} }, () => '', () => told.add(numbers()));
  const idle = async () => {
    do await new Promise((done) => setTimeout(done, 20)); while (queries.facts().filtering);
  };
  added(['a', 'b', 'a'], 2, store.live);
  queries.filter({ text: 'a' });
  queries.run();
  await idle();
  told.clear();
  const moved = mergeInto(store, 0, store.count, added(['a', 'b'], 1, new Lines()));
  rows.forget();
  queries.moved(moved);
  queries.run();
  await idle();
  return [...told];
}
"""


def test_a_filter_shows_no_line_twice_while_it_looks_anew(page: Page) -> None:
    assert page.evaluate(MOVED) == ["0,2,4"]


# --- One line, and links ----------------------------------------------------------------------

OTHER = {"index": 1, "container": 13, "name": "db-1", "title": "db-1 · prod-3"}


def test_a_line_is_shown_among_all_wherever_it_has_gone(page: Page, server: FakeLogs) -> None:
    server.send(type="log.sources", topic="logs", sources=[SOURCE | {"tail": 3}, OTHER])
    for source in (0, 1):
        server.send(type="log.answered", topic="logs", source=source)
    server.frames(*(frame(f"a{n}", at(n)) for n in (10, 11, 12)))
    server.frames(*(frame(f"b{n}", at(n)) for n in (5, 9, 13)), source=1)
    expect(page.locator(".log-mark.is-edge")).to_be_visible()
    page.click("[data-log-filter]")
    page.select_option("#log-source", "1")
    shown(page, "b5", "b9", "b13")
    page.click("text=b13")
    page.click("text=Show among all lines")
    marked = page.locator(".log-line.is-marked .log-text")
    expect(page.locator(".log-line")).to_have_count(6)
    expect(page.locator(".log-mark.is-edge")).to_be_visible()
    expect(marked).to_have_text("b13")
    page.click("[data-log-detail] button:has-text('Close')")
    page.fill("#log-f", "a1")
    shown(page, "a10", "a11", "a12")
    page.click("text=a10")
    # The top was in sight: older lines are fetched.
    server.part(int(asked(server)["part"]), *(frame(f"a{n}", at(n)) for n in (1, 2, 3, 10)))
    count(page, "4 of 9 lines")
    page.fill("#log-q", "a12")
    page.press("#log-q", "Enter")
    expect(marked).to_have_text("a12")
    page.click("text=Show among all lines")
    expect(page.locator(".log-line")).to_have_count(9)
    expect(marked).to_have_text("a10")


def test_a_link_to_a_time_works_in_the_log_that_is_open(page: Page, server: FakeLogs) -> None:
    server.answer()
    server.lines(*(f"line {n}" for n in range(45)))
    count(page, "45 lines")
    marked = page.locator(".log-line.is-marked")
    for line in (20, 30):
        page.evaluate("(ms) => { location.hash = `t=${ms}.000` }", 1767261600000 + line * 1000)
        expect(marked).to_contain_text(f"line {line}")
    page.go_back()
    expect(marked).to_contain_text("line 20")


# --- Scripts that do not come, and pages that are left ----------------------------------------

MATCHER, WORKER, FETCHES = (
    f"/static/js/log/{name}.js" for name in ("matcher", "worker", "fetches")
)
WARM = "(address) => import('/static/js/logs.js').then(({ warm }) => warm(address))"
START = "() => import('/static/js/logs.js').then(({ startPage }) => { startPage(); })"
# What the worker of the next log is told of how wide the lines of the last one were.
LEFT = """
async () => {
  const { begin, startPage } = await import('/static/js/logs.js');
  const frame = () => new Promise(requestAnimationFrame);
  const frames = async () => { for (let n = 0; n < 3; n += 1) await frame(); };
  const [main, log] = [document.querySelector('main'), document.querySelector('[data-log]')];
  const copy = log.cloneNode(true);
  log.remove();
  await frames();
  main.append(copy);
  const stop = startPage();
  await frames();
  stop();
  copy.remove();
  await frames();
  const told = [];
  Worker.prototype.postMessage = (message) => told.push(message);
  begin(new URL(copy.dataset.worker, location.href).href, 'container=12');
  return told.find(({ type }) => type === 'wrap').columns;
}
"""


def test_a_log_that_was_left_says_how_wide_its_lines_were(page: Page) -> None:
    assert page.evaluate(LEFT) > 50


@pytest.fixture
def failing(browser: Browser) -> Iterator[Page]:
    """A page whose scripts may fail."""
    opened = browser.new_page(viewport={"width": 900, "height": 700})
    yield opened
    opened.close()


def opened(page: Page, server: FakeLogs) -> None:
    """Wait until a log is open."""
    server.expect("stream.open")
    server.answer()
    server.lines("hello")
    shown(page, "hello")


def test_a_worker_that_did_not_load_is_not_kept_for_the_next_log(
    failing: Page, server: FakeLogs
) -> None:
    html, server.html = server.html, ""
    server.failing[WORKER] = 1
    failing.goto(server.url)
    with failing.expect_response(f"**{WORKER}"):
        failing.evaluate(WARM, server.url + WORKER)
    failing.wait_for_timeout(50)
    failing.evaluate("(html) => { document.querySelector('main').innerHTML = html }", html)
    failing.evaluate(START)
    opened(failing, server)


@pytest.mark.parametrize("script", [WORKER, FETCHES])
def test_a_log_whose_worker_did_not_load_makes_another(
    failing: Page, server: FakeLogs, script: str
) -> None:
    server.failing[script] = 1
    failing.goto(server.url)
    state(failing, "Opening …")
    failing.fill("#log-q", "hell")
    opened(failing, server)
    expect(failing.locator("[data-log-hits]")).to_have_text("1 hits")


def test_it_says_that_its_worker_does_not_load(failing: Page, server: FakeLogs) -> None:
    server.failing[WORKER] = 99
    failing.goto(server.url)
    expect(failing.locator("[data-log-problem]")).to_contain_text("could not be loaded")
    state(failing, "Ended")


def test_expressions_wait_for_their_script_and_say_when_it_does_not_come(
    failing: Page, server: FakeLogs
) -> None:
    server.failing[MATCHER] = 2
    failing.goto(server.url)
    server.expect("stream.open")
    server.answer()
    server.lines("status=200", "status=503")
    failing.click("[data-log-filter]")
    failing.check("[data-log-filters] [name=regular]", force=True)
    failing.fill("#log-f", r"status=5\d\d")
    problem, field = failing.locator("[data-log-problem]"), failing.locator("#log-f")
    expect(problem).to_contain_text("could not be loaded")
    expect(field).to_have_attribute("aria-invalid", "true")
    shown(failing, "status=200", "status=503")
    server.waits[MATCHER] = 1.2  # more than a batch of lines may take
    failing.press("#log-f", "Enter")
    shown(failing, "status=503")
    expect(problem).to_be_hidden()
    expect(field).not_to_have_attribute("aria-invalid", "true")
    server.waits.clear()
    failing.check("[data-log-search] [name=regular]", force=True)
    failing.fill("#log-q", r"5\d\d")
    expect(failing.locator("[data-log-hits]")).to_have_text("1 hits")
    failing.wait_for_function("() => CSS.highlights.get('log-hit')?.size === 1")
    failing.fill("#log-q", "(")
    expect(failing.locator("#log-q")).to_have_attribute("aria-invalid", "true")
    expect(problem).to_contain_text("no regular expression")
