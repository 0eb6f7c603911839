"""Terminals in real Chromium whose connection is lost, or closed by Quayside."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_terminal import container, enter, screen, shows, state
from tests.stack import Stack

__all__ = ["container"]
pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(180)]
KEEP_SOCKETS = """window.terminals = [];
window.WebSocket = class extends WebSocket {
  constructor(address) {
    super(address);
    if (address.endsWith("/ws/terminal/")) terminals.push(this);
  }
};"""


@pytest.fixture
def term(sign_in: Callable[..., Page], stack: Stack, container: int) -> Page:
    """A page with a shell in it, whose sockets the test has, too."""
    page = sign_in()
    page.add_init_script(KEEP_SOCKETS)
    page.goto(f"{stack.url}/containers/{container}/terminal/")
    state(page, "Connected · ash")
    shows(page, "~ #")
    return page


def come_back(page: Page) -> None:
    """Lose the connection; return once the page has another."""
    page.evaluate("() => terminals.at(-1).close()")
    page.wait_for_function("() => terminals.length === 2 && terminals[1].readyState === 1")
    state(page, "Connected · ash")


def test_what_is_typed_elsewhere_stays_there(term: Page) -> None:
    term.click("text=Run something else")
    term.focus("#term-command")
    come_back(term)
    shows(term, "~ #")
    term.keyboard.type("rm -r x")
    expect(term.locator("#term-command")).to_have_value("rm -r x")
    assert "rm" not in screen(term)
    term.keyboard.press("Escape")
    enter(term, "echo back-$((6*7))")
    shows(term, "back-42")
    term.click("[data-term-end]")


def test_the_terminal_keeps_the_focus_that_it_has(term: Page) -> None:
    come_back(term)
    enter(term, "echo here-$((6*7))")
    shows(term, "here-42")
    term.click("[data-term-end]")
