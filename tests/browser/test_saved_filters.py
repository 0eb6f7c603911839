"""Saved filters in a real Chromium: saved and opened by keyboard, and their logs as one view."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from playwright.sync_api import Page, expect

from fleet.engine.fake import in_fake
from tests.browser.conftest import Api, Fleet
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_it_is_saved_opened_and_its_logs_are_one_view(
    stack: Stack, api: Api, fleet: Fleet, sign_in: Callable[..., Page]
) -> None:
    for container in list(fleet.fake.state.containers.values()):
        in_fake(fleet.fake, partial(container.write, f"hello from {container.name}"))
    page = sign_in()
    page.goto(f"{stack.url}/containers/?q=web")
    page.locator(".saved-save").focus()
    page.keyboard.press("Enter")
    name = page.locator("#dialog [name=name]")
    expect(name).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#dialog [data-problem]")).to_have_text("Enter a name.")
    expect(name).to_be_focused()
    page.keyboard.type("Web here")
    page.keyboard.press("Enter")
    button = page.locator(".saved-button")
    expect(button).to_have_text("Web here")
    expect(page.locator("#toasts")).to_contain_text("was saved")
    button.focus()
    for key in ("Enter", "Tab", "ArrowDown", "Enter"):  # the menu, its name, its logs
        page.keyboard.press(key)
    expect(page).to_have_title("Logs of Web here · Quayside")
    expect(page.locator(".log-line")).to_have_count(2)
    (saved,) = api("GET", "/saved-filters")["items"]
    api("PATCH", f"/saved-filters/{saved['id']}", {"query": "q=web-2"})
    expect(page.locator(".log-mark", has_text="was changed")).to_have_count(1)
    expect(page.locator(".log-mark", has_text="web-1 on fake-1 no longer")).to_have_count(1)
    api("DELETE", f"/saved-filters/{saved['id']}")
    expect(page.locator(".log-mark", has_text="was deleted")).to_have_count(1)
    page.reload()
    expect(page.locator("main")).to_contain_text("There is no such saved filter.")
