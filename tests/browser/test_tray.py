"""The tray of running jobs, in real Chromium over a real engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Api
from tests.lab.lab import Lab
from tests.stack import Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(240)]

SignIn = Callable[..., Page]
DESKTOP: dict[str, Any] = {}
TOUCH: dict[str, Any] = {"has_touch": True, "is_mobile": True}
PHONE = (360, 740)


@pytest.fixture
def running(hosts: dict[str, int], lab: Lab, api: Api) -> Iterator[int]:
    """A job that runs: as the first process of its container, sleep ignores SIGTERM."""
    lab[1].clear()
    engine_id = lab[1].run("--name", "stubborn-1", "--stop-signal", "TERM")
    found: list[dict[str, Any]] = []

    def is_seen() -> bool:
        rows = api("GET", "/containers?q=stubborn-1")["items"]
        found[:] = [row for row in rows if row["engine_id"] == engine_id]
        return bool(found)

    eventually(is_seen, "the container is seen")
    job = api("POST", f"/containers/{found[0]['id']}/stop", {"timeout": 100})["id"]
    yield job
    api("POST", f"/jobs/{job}/cancel")
    lab[1].docker("kill", "stubborn-1")  # to remove it would wait for the stop
    lab[1].clear()


def open_tray(page: Page) -> Locator:
    """Open the tray; return the row of the job that runs."""
    page.wait_for_selector("html[data-connection=live]")
    page.locator(".top [data-tray-toggle]").click()
    row = page.locator("#tray-jobs > li", has_text="stubborn-1")
    expect(row).to_contain_text("running")
    return row


@pytest.mark.parametrize(
    ("context", "size"),
    [(DESKTOP, (1440, 900)), (TOUCH, (1180, 820)), (TOUCH, PHONE)],
    ids=["desktop", "touch", "phone"],
)
def test_it_cancels_a_running_job_from_the_tray(
    running: int, api: Api, sign_in: SignIn, context: dict[str, Any], size: tuple[int, int]
) -> None:
    page = sign_in(**context)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    row = open_tray(page)
    page.mouse.move(1, size[1] - 200)  # a button that needs the pointer over it is no button
    cancel = row.get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()
    assert cancel.evaluate("one => one.checkVisibility({opacityProperty: true})")
    cancel.tap() if context else cancel.click()
    expect(page.locator("#toasts")).to_contain_text("stubborn-1")
    expect(page.locator("#toasts > li").first).to_be_in_viewport()
    expect(row).to_have_count(0)
    assert api("GET", f"/jobs/{running}")["state"] == "cancelled"


def test_it_stands_whole_in_a_narrow_window(running: int, stack: Stack, sign_in: SignIn) -> None:
    page = sign_in()
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    row = open_tray(page)
    tray = page.locator("#tray").bounding_box()
    assert tray is not None
    assert tray["x"] >= 0
    assert tray["x"] + tray["width"] <= PHONE[0]
    head = row.locator(".tray-job-head")
    tops = head.evaluate("one => [...one.children].map(c => c.getBoundingClientRect())")
    middles = [box["top"] + box["height"] / 2 for box in tops]
    assert max(middles) - min(middles) < 4  # state, title and button in one line
