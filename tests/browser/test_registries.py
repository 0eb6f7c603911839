"""Registries in a real Chromium: added from the empty list, tested, and live for who looks on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Api
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]


def test_one_is_added_tested_and_seen_by_others(
    stack: Stack, api: Api, sign_in: Callable[..., Page]
) -> None:
    api("POST", "/environments", {"name": "shops"})
    page, other = sign_in(), sign_in()
    page.goto(f"{stack.url}/registries/")
    expect(page.locator("main")).to_contain_text("No registries yet")
    page.click(".kind:has-text('Other registry')")
    page.fill("[name=name]", "Nowhere")
    page.fill("[name=url]", "127.0.0.1:1")
    page.fill("[name=username]", "ann")
    page.fill("[name=password]", "hunter2")
    expect(page.get_by_label("shops")).to_be_hidden()
    page.get_by_label("Only those chosen here").check()
    page.get_by_label("shops").check()
    page.click("#registry-form button:has-text('Test connection')")
    expect(page.locator("#probe .note.tone-bad")).to_be_visible()
    page.click("#registry-form button:has-text('Add registry')")
    expect(page.locator("h1")).to_contain_text("Nowhere")
    other.goto(f"{stack.url}/registries/")
    row = other.locator("#registry-rows tr", has_text="Nowhere")
    expect(row).to_contain_text("not tested")
    expect(row).to_contain_text("shops")
    page.click("button:has-text('Test connection')")
    expect(page.locator("#probe .note")).to_contain_text("Nowhere:")
    expect(row).to_contain_text("failed")
    expect(page.locator(".facts").first).to_contain_text("failed")
    (made,) = api("GET", "/registries")["items"]
    api("DELETE", f"/registries/{made['id']}")
    expect(row).to_have_count(0)
