"""Registries in a real Chromium: added from the empty list, tested, and live for who looks on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Api
from tests.lab.registry import RegistryServer, make_many
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


def test_one_is_looked_into_down_to_a_layer(
    stack: Stack, api: Api, sign_in: Callable[..., Page], open_registry_server: RegistryServer
) -> None:
    for tag in ("1.9", "1.10"):
        made = open_registry_server.push("team/app", tag)
    make_many(open_registry_server.folder, 130)
    page = sign_in()
    page.goto(f"{stack.url}/registries/add/?kind=distribution")
    page.fill("[name=name]", "Shelf")
    page.fill("[name=url]", open_registry_server.url)
    page.locator("[name=serves][value=every]").check()
    page.get_by_text("Certificate and safety").click()
    page.locator("[name=insecure]").check()
    page.click("#registry-form button:has-text('Test connection')")
    expect(page.locator("#probe .note.tone-ok")).to_be_visible()
    page.click("#registry-form button:has-text('Add registry')")
    names = page.locator(".repositories a")
    expect(names).to_have_count(100)
    page.click(".more a")
    expect(names).to_have_count(131)
    page.fill("#repository-q", "team")
    expect(names).to_have_count(1)
    names.click()
    first = page.locator(".tag-table tbody tr").first
    expect(first).to_contain_text("1.10")
    expect(first).to_contain_text("linux/amd64")
    first.get_by_role("link", name="1.10", exact=True).click()
    expect(page.locator(".layers")).to_contain_text("COPY hello /hello")
    expect(page.locator("#same")).to_contain_text("1.9")
    expect(page.locator(f"[data-copy$='@{made.digest}']")).to_be_visible()
    page.get_by_role("link", name="Delete").click()
    expect(page.locator(".note.tone-warn")).to_contain_text("1 other tag")
    page.click("text=Delete image")
    expect(page.locator("main")).to_contain_text("was deleted")
    expect(page.locator("#answer")).to_contain_text("No tags")
    api("DELETE", f"/registries/{api('GET', '/registries')['items'][0]['id']}")
