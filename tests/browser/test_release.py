"""A release in real Chromium: typed, built, pushed, pulled and restarted, as one strip."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Api
from tests.lab.lab import Lab
from tests.stack import Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(240)]
AWAY = "127.0.0.1:5998/app:1"  # where no registry is


@pytest.fixture
def name(lab: Lab) -> Iterator[str]:
    """A name in the open registry, and a container of the second host that uses it."""
    live = f"{lab.registry}/released/web:live"
    lab[2].docker("tag", "lab/busybox:1", live)
    lab[2].docker("run", "-d", "--stop-signal", "KILL", "--name", "released", live, "sleep", "1000")
    yield live
    lab[2].docker("rm", "-f", "released")
    for number in (1, 2):
        for image in lab[number].docker("images", "--format", "{{.Repository}}:{{.Tag}}").split():
            if image.startswith(live.rpartition(":")[0]) or image == AWAY:
                lab[number].docker("rmi", "-f", image)


def test_a_release_is_typed_and_watched(
    stack: Stack, api: Api, hosts: dict[str, int], lab: Lab, name: str,
    sign_in: Callable[..., Page],
) -> None:  # fmt: skip
    eventually(
        lambda: api("GET", "/containers?q=released")["count"] == 1, "it is known", seconds=30
    )
    page = sign_in()
    page.goto(f"{stack.url}/builds/add/")
    page.fill("input[name=name]", "released")
    page.select_option("select[name=host]", label="lab-1 (lab)")
    page.fill("textarea[name=dockerfile_text]", "FROM lab/busybox:1\nCMD sleep 1000\n")
    page.fill("textarea[name=tags]", f"{name}\n{AWAY}")
    page.check("input[name=push]")
    expect(page.locator(".release-where")).to_be_hidden()  # there is nothing to deploy yet
    page.select_option("select[name=deploy]", "restart")
    page.fill("[data-host-search]", "lab-2")
    page.locator(".pull-host:visible").click()
    expect(page.locator("[data-host-count]")).to_have_text("1 chosen")
    page.click("button:has-text('Save and build')")
    page.wait_for_url("**/runs/1/")
    pipes = page.locator(".pipe")
    expect(pipes).to_have_count(3)
    expect(pipes.nth(1)).to_contain_text("failed", timeout=30_000)
    expect(pipes.nth(2)).to_contain_text("skipped")
    expect(page.locator(".pipe-why.is-bad")).to_contain_text("could not reach the registry")
    # Without the name that leads nowhere it goes through.
    page.goto(page.url.partition("runs/")[0] + "edit/")
    page.fill("textarea[name=tags]", name)
    page.click("button:has-text('Save and build')")
    page.wait_for_url("**/runs/2/")
    expect(page.locator(".page-header .state")).to_have_text("succeeded", timeout=45_000)
    for number, word in enumerate(("Build", "Push", "Deploy")):
        expect(pipes.nth(number)).to_contain_text(word)
        expect(pipes.nth(number).locator(".qi-circle-check")).to_be_visible()
    expect(page.locator(".run-state-card dt", has_text="Digest")).to_be_visible()
    pipes.nth(1).locator("a").click()
    expect(page.locator("h1")).to_contain_text("Push released")
