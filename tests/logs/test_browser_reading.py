"""The log viewer in a real Chromium: one thing done after another, and scripts that do not come."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.logs.viewer import SOURCE, FakeLogs, at_end, count, state
from tests.logs.viewer_fixtures import page, server

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
