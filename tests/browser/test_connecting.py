"""Sockets of terminals and logs that never open: a network takes everything, answers nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.fake_live import FakeLive

pytestmark = pytest.mark.browser
# In place of the browser's own: it opens when the test says so.
STUB = """() => {
  window.made = [];
  window.heard = [];
  window.WebSocket = class {
    static CONNECTING = 0;
    static OPEN = 1;
    readyState = 0;
    sent = [];
    constructor() { made.push(this); }
    open() { this.readyState = 1; this.onopen(); }
    close() { this.readyState = 3; }
    send(data) { this.sent.push(data); }
  };
}"""
TERMINAL = """async () => {
  const { TermSocket } = await import("/static/js/termsocket.js");
  const note = (name) => () => heard.push(name);
  const on = Object.fromEntries(["message", "output", "lost", "closed"].map((n) => [n, note(n)]));
  window.socket = new TermSocket({ ...on, size: () => ({ cols: 80, rows: 24 }) });
  socket.begin({ type: "open", container: 1, ask: {} });
}"""
LOG = """async () => {
  const { Link } = await import("/static/js/log/link.js");
  const note = (name) => () => heard.push(name);
  const on = { open: note("open"), closed: note("lost"), bytes() {}, message() {} };
  window.socket = new Link("ws://nowhere.test/", on);
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose clock and whose sockets the test has; its own scripts are away."""
    server = FakeLive()
    server.start()
    opened = browser.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.route("**/app.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    opened.clock.install()
    opened.goto(server.url)
    opened.evaluate(STUB)
    yield opened
    opened.close()
    server.stop()
    assert errors == []


def made(page: Page) -> list[int]:
    """Return the states of all sockets that were made."""
    found: list[int] = page.evaluate("() => made.map((one) => one.readyState)")
    return found


@pytest.mark.parametrize("begin", [TERMINAL, LOG], ids=["terminal", "log"])
def test_one_that_does_not_open_is_given_up(page: Page, begin: str) -> None:
    page.evaluate(begin)
    page.clock.run_for(9_900)
    assert made(page) == [0]
    page.clock.run_for(600)
    assert made(page) == [3, 0]
    assert page.evaluate("() => heard") == ["lost"]
    page.evaluate("() => made[0].onopen()")  # too late: it is another's turn
    assert page.evaluate("() => made[0].sent") == []
    page.evaluate("() => made[1].open()")
    page.clock.run_for(15_000)
    assert made(page) == [3, 1]


@pytest.mark.parametrize("begin", [TERMINAL, LOG], ids=["terminal", "log"])
def test_one_that_was_ended_meanwhile_stays_away(page: Page, begin: str) -> None:
    page.evaluate(begin)
    page.clock.run_for(5_000)
    page.evaluate("() => socket.stop()")
    page.clock.run_for(20_000)
    assert made(page) == [3]
