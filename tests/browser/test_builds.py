"""Builds in real Chromium over a real engine: typed, watched, tagged; failed, and pointed at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Api
from tests.build_runs.conftest import SEED, make_base, tags_on
from tests.lab.lab import Lab
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(240)]
SLOW = SEED.replace("apt-get install", "sleep 2 && apt-get install")
BROKEN = "FROM ubuntu:18.04\n# next\nRUN echo about to fail && exit 3\n"


@pytest.fixture
def based(lab: Lab, tmp_path: Path) -> Iterator[Lab]:
    """The first host has an image that is called ubuntu:18.04."""
    make_base(lab, tmp_path / "base")
    yield lab
    for name in tags_on(lab):
        if name.startswith("built/"):
            lab[1].docker("rmi", "-f", name)


def test_the_seed_is_typed_watched_and_tagged(
    stack: Stack, api: Api, hosts: dict[str, int], based: Lab, sign_in: Callable[..., Page]
) -> None:
    page = sign_in()
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url("**/builds/")
    page.click("text=Add the first build")
    page.wait_for_url("**/builds/add/")
    page.fill("input[name=name]", "nginx")
    page.select_option("select[name=host]", label="lab-1 (lab)")
    page.click("textarea[name=dockerfile_text]")
    page.keyboard.insert_text(SLOW)
    expect(page.locator(".paint-word").first).to_have_text("FROM")
    page.fill("textarea[name=tags]", "built/nginx:{n}\nbuilt/nginx:latest")
    page.click("button:has-text('Save and build')")
    page.wait_for_url("**/runs/1/")
    # While the step sleeps, what it has said is there, and it is open.
    expect(page.locator(".run-line", has_text="bionic InRelease")).to_be_visible(timeout=30_000)
    expect(page.locator(".run-step.is-running")).to_have_count(1)
    expect(page.locator(".run-result")).to_have_text("Built nginx.", timeout=30_000)
    expect(page.locator(".run-state-card")).to_contain_text("built/nginx:1")
    assert {"built/nginx:1", "built/nginx:latest"} <= set(tags_on(based))
    # What is done folds; a click unfolds it, with its colours.
    line = page.locator(".run-line", has_text="Selecting previously unselected")
    expect(line).to_be_hidden()
    step = page.locator(".run-step", has_text="RUN apt-get update")
    expect(step.locator(".step-took")).to_have_text(re.compile(r"\d s$"))
    step.locator(".step-fold").click()
    expect(line).to_be_visible()
    expect(line.locator("span.ansi-bold")).to_have_text("nginx")
    page.goto(f"{stack.url}/builds/")
    row = page.locator("#build-rows > tr", has_text="nginx")
    expect(row).to_contain_text("succeeded")
    expect(row).to_contain_text("built/nginx:1")


def test_a_failing_step_is_open_and_its_line_shown(
    stack: Stack, api: Api, hosts: dict[str, int], based: Lab, sign_in: Callable[..., Page]
) -> None:
    body = {"name": "broken", "host": hosts["lab-1"], "dockerfile_text": BROKEN}
    build = api("POST", "/builds", body)["id"]
    page = sign_in()
    page.goto(f"{stack.url}/builds/{build}/")
    page.wait_for_selector("html[data-connection=live]")
    page.click("button:has-text('Build')")
    page.wait_for_url("**/runs/1/")
    expect(page.locator(".run-result")).to_contain_text("Line 3 of the", timeout=30_000)
    expect(page.locator(".code-lines .is-marked")).to_have_text("RUN echo about to fail && exit 3")
    expect(page.locator(".run-line", has_text="about to fail").first).to_be_visible()
    page.click("button:has-text('Build again')")
    page.wait_for_url("**/runs/2/")
