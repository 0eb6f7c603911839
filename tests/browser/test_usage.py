"""Usage on whole pages: small pictures in rows and tiles, who uses most, a container's charts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from playwright.sync_api import Page, expect

from fleet.engine.fake import in_fake
from tests.browser.conftest import Fleet

pytestmark = pytest.mark.browser


def test_usage_is_where_one_looks_for_it(sign_in: Callable[..., Page], fleet: Fleet) -> None:
    page = sign_in()
    page.goto(f"{page.url}containers/?host=fake-1")
    cell = page.locator(f"[data-spark='{fleet.containers['web-1']}']")
    # Read twice, written, asked for: a few seconds each.
    expect(cell).to_contain_text("25.0 %", timeout=60_000)
    expect(cell).to_contain_text("48.0 MiB")
    expect(cell.locator("svg")).to_have_count(1)

    # A row that is replaced keeps its picture.
    web = next(one for one in fleet.fake.state.containers.values() if one.name == "web-1")
    in_fake(fleet.fake, partial(fleet.fake.state.pause, web))
    row = page.locator(f"#container-{fleet.containers['web-1']}")
    expect(row).to_have_attribute("data-state", "paused")
    expect(cell).to_contain_text("48.0 MiB")
    in_fake(fleet.fake, partial(fleet.fake.state.unpause, web))

    page.click("a:has-text('What uses most')")
    first = page.locator(".top-table tbody tr").first
    expect(first).to_contain_text("25.0 %")
    page.select_option("select[name=environment]", "faked")
    page.wait_for_url("**environment=faked**")
    page.click(".top-kinds a:has-text('Memory')")
    page.wait_for_url("**by=memory**")
    expect(page.locator(".top-table tbody tr")).to_have_count(2)

    page.click(".top-table a:has-text('web-2')")
    expect(page.locator("[data-chart=memory] [data-chart-now]")).to_contain_text("48.0 MiB of 256")
    page.click("a.chip:has-text('7 days')")
    page.wait_for_url("**range=7d")
    page.goto(f"{page.url.split('/containers')[0]}/hosts/{fleet.host}/usage/")
    expect(page.locator("[data-chart=memory] [data-chart-now]")).to_contain_text("96.0 MiB of 8.0")
    page.goto(page.url.split("/hosts")[0] + "/")
    expect(page.locator(f"[data-spark-host='{fleet.host}']")).to_contain_text("96.0 MiB")
