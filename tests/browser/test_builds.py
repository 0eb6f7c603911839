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
from tests.programs import program
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(240)]
SLOW = SEED.replace("apt-get install", "sleep 2 && apt-get install")
ADVISED = "FROM debian:latest\n" + "ENV A=1\n" * 60 + "WORKDIR app\n"
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


@pytest.mark.skipif(not program("hadolint"), reason="There is no hadolint here.")
def test_advice_stands_beside_what_is_typed(
    stack: Stack, hosts: dict[str, int], sign_in: Callable[..., Page]
) -> None:
    page = sign_in()
    page.goto(f"{stack.url}/builds/add/")
    area, rows = page.locator("textarea[name=dockerfile_text]"), page.locator(".advice-list > li")
    expect(page.locator(".advice-sum")).to_have_text("It comes as you type.")
    area.click()
    page.keyboard.insert_text(ADVISED)
    expect(rows).to_have_count(2)
    expect(page.locator(".advice-sum")).to_have_text("1 error, 1 warning")
    expect(rows.first).to_contain_text("Line 1")
    expect(rows.first.get_by_role("link", name="DL3007")).to_have_attribute(
        "href", "https://github.com/hadolint/hadolint/wiki/DL3007"
    )
    expect(page.locator(".editor-mark")).to_have_count(2)
    # A click chooses the line, far below, and brings it into view.
    rows.nth(1).locator(".advice-go").click()
    expect(area).to_be_focused()
    chosen = "area => area.value.slice(area.selectionStart, area.selectionEnd)"
    assert area.evaluate(chosen) == "WORKDIR app"
    assert area.evaluate("area => area.scrollTop") > 300
    # A mark leads to what is said of its line.
    page.locator(".editor-mark.tone-bad").click()
    expect(rows.nth(1).locator(".advice-go")).to_be_focused()
    area.fill("FROM debian:12\nCOPI a /\n")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("“COPI” is no instruction")
    area.fill("FROM debian:12\nCOPY a /\n")
    expect(page.locator(".advice-sum")).to_have_text("No advice.")
    expect(page.locator(".editor-mark")).to_have_count(0)
