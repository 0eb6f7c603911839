"""The buttons of the row in use (static/js/rowacts.js) in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.fake_live import FakeLive, row_with_menu

pytestmark = pytest.mark.browser


@pytest.fixture
def server() -> Iterator[FakeLive]:
    """A server with three rows whose containers can be stopped."""
    fake = FakeLive()
    fake.rows = {f"c-{number}": row_with_menu(number, "1", "stop") for number in (1, 2, 3)}
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def page(browser: Browser, server: FakeLive) -> Iterator[Page]:
    """A live page, the mouse away from the list."""
    opened = browser.new_page(viewport={"width": 900, "height": 700})
    opened.mouse.move(880, 690)
    opened.goto(server.url)
    expect(opened.locator("html")).to_have_attribute("data-connection", "live", timeout=15000)
    yield opened
    opened.close()


def test_it_makes_the_buttons_of_the_row_under_the_pointer(page: Page) -> None:
    expect(page.locator("button.row-act")).to_have_count(0)
    page.locator("#c-2").hover()
    made = page.locator("button.row-act")
    expect(made).to_have_count(1)
    expect(made).to_have_attribute("formaction", "/c/2/stop/")
    expect(made).to_have_attribute("form", "act")
    expect(made).to_have_accessible_name("Stop web on h1")
    expect(made).to_have_class("row-act with-icon qi-stop")


def test_the_keyboard_reaches_them(page: Page) -> None:
    page.locator("#c-1 .name a").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#c-1 button.row-act")).to_be_focused()


def test_a_change_that_leaves_them_right_leaves_them_alone(page: Page, server: FakeLive) -> None:
    page.locator("#c-2").hover()
    page.evaluate("document.querySelector('button.row-act').mark = true")
    server.update(c_2=row_with_menu(2, "2", "stop"))
    expect(page.locator("#c-2")).to_have_attribute("data-rev", "2")
    assert page.evaluate("document.querySelector('#c-2 button.row-act').mark") is True


def test_a_change_puts_the_right_ones_in_place(page: Page, server: FakeLive) -> None:
    page.locator("#c-2").hover()
    server.update(c_2=row_with_menu(2, "2", "start"), c_3=row_with_menu(3, "2", "start"))
    expect(page.locator("#c-2 button.row-act")).to_have_attribute("formaction", "/c/2/start/")
    expect(page.locator("#c-3 button.row-act")).to_have_count(0)
