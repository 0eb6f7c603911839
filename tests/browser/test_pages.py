"""Pages of hosts and containers in real Chromium, over engines that need no Docker."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fleet.engine.fake import FakeEngine, fake_in_thread, in_fake
from tests.browser.conftest import Api
from tests.stack import Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
SignIn = Callable[..., Page]


@dataclass
class Fleet:
    """A host in the environment `faked`, and its containers by name."""

    fake: FakeEngine
    host: int
    containers: dict[str, int]


@pytest.fixture(scope="module")
def fleet(stack: Stack, api: Api) -> Iterator[Fleet]:
    """One engine with two containers that Quayside watches."""
    folder = Path(tempfile.mkdtemp(prefix="qfk-", dir="/tmp"))
    with fake_in_thread(folder / "fake.sock") as fake:
        for name in ("web-1", "web-2"):
            in_fake(fake, partial(fake.state.add, name))
        body = {"name": "fake-1", "url": fake.url, "environment": "faked"}
        host = api("POST", "/hosts", body)["id"]
        eventually(lambda: len(_containers(api)) == 2, "its containers are known", seconds=30)
        yield Fleet(fake, host, _containers(api))
        api("DELETE", f"/hosts/{host}")
    shutil.rmtree(folder, ignore_errors=True)


def _containers(api: Api) -> dict[str, int]:
    rows: list[dict[str, Any]] = api("GET", "/containers?host=fake-1")["items"]
    return {row["name"]: row["id"] for row in rows}


def live(page: Page, address: str) -> None:
    """Open a page and wait until it is live."""
    page.goto(address)
    page.wait_for_selector("html[data-connection=live]")


def test_a_job_started_elsewhere_appears_and_moves(
    stack: Stack, api: Api, fleet: Fleet, sign_in: SignIn
) -> None:
    page = sign_in()
    pk = fleet.containers["web-1"]
    live(page, f"{stack.url}/containers/{pk}/jobs/")
    expect(page.locator("#jobs-empty")).to_contain_text("No jobs yet")
    page.evaluate("window.stayed = true")
    in_fake(fleet.fake, lambda: setattr(fleet.fake.faults, "stop_takes", 4.0))
    job = api("POST", f"/containers/{pk}/restart", {})["job"]["id"]
    in_list = page.locator(f"#job-rows > #container-job-{job}")
    expect(in_list.locator(".col-state")).to_contain_text("running")
    expect(page.locator("#jobs-empty")).not_to_contain_text("No jobs yet")
    expect(in_list.locator(".col-state")).to_contain_text("succeeded", timeout=20_000)
    expect(in_list.locator(".col-actor")).to_have_text("root")
    assert page.evaluate("window.stayed"), "the page was not loaded again"
