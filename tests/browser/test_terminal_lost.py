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
    shows(term, "~ #")  # until then it is not typed into: xterm answers what is shown again
    enter(term, "echo here-$((6*7))")
    shows(term, "here-42")
    term.click("[data-term-end]")


# A dot is a piece of its own: more of them in a second than a page may send messages.
DOTS = "i=0; while [ $i -lt 2500 ]; do printf .; i=$((i+1)); usleep 200; done; echo all-$i"


def test_a_program_that_writes_in_very_small_pieces(term: Page) -> None:
    term.evaluate(
        "() => { const one = terminals.at(-1); window.told = 0; const send = one.send;"
        "one.send = (data) => { told += String(data).includes('shown'); send.call(one, data); } }"
    )
    enter(term, f"clear; {DOTS}")
    shows(term, "all-2500")
    state(term, "Connected · ash")
    assert 0 < term.evaluate("() => told") < 200
    enter(term, "clear; seq 1 50000; echo flood-$((6*7))")
    shows(term, "flood-42")
    term.click("[data-term-end]")


def test_what_was_closed_for_too_many_messages_is_gone_back_to(term: Page) -> None:
    enter(term, "echo before-$((6*7)); sleep 4322; echo slept")
    shows(term, "before-42")
    term.evaluate(
        '() => { for (let i = 0; i < 4000; i++) terminals.at(-1).send(\'{"type":"stay"}\') }'
    )
    state(term, "Connection closed; the process lives on for a while")
    expect(term.locator("[data-term-again]")).to_have_text("Take it back")
    term.click("[data-term-again]")
    state(term, "Connected · ash")
    shows(term, "before-42")
    term.keyboard.press("Control+c")
    enter(term, "echo after-$((6*7))")
    shows(term, "after-42")
    assert "slept" not in screen(term).replace("echo slept", "")
    term.click("[data-term-end]")
    state(term, "You ended it.")
    expect(term.locator("[data-term-again]")).to_have_text("Start again")
    term.click("[data-term-again]")
    state(term, "Connected · ash")
    assert "before" not in screen(term)
