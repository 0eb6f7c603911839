"""Triggers in real Chromium over a real engine: a webhook that a shell sends to builds an image."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Api
from tests.lab.lab import Lab
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(240)]


def shell(script: str) -> str:
    """Run what the page says that a shell should do."""
    done = subprocess.run(
        ["/bin/sh", "-c", script.replace("curl ", "curl -s ")],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    return done.stdout


def test_a_webhook_is_added_sent_to_and_builds(
    stack: Stack, api: Api, hosts: dict[str, int], lab: Lab, sign_in: Callable[..., Page]
) -> None:
    body = {
        "name": "hooked", "host": hosts["lab-1"], "tags": ["built/hooked:{n}"],
        "dockerfile_text": "FROM lab/busybox:1\nLABEL pushed=yes\n",
    }  # fmt: skip
    build = api("POST", "/builds", body)["id"]
    page = sign_in()
    page.goto(f"{stack.url}/builds/{build}/")
    expect(page.locator("#build-triggers")).to_contain_text("Only a click or the API starts it")
    page.click("#build-triggers >> text=Webhook")
    page.wait_for_url("**/webhooks/add/")
    page.click("text=Anything else")
    page.wait_for_url("**/webhooks/add/?kind=plain")
    page.click("button:has-text('Add webhook')")
    expect(page.locator("text=Copy the secret now")).to_be_visible()
    secret = page.locator(".note [data-copy]").get_attribute("data-copy") or ""
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    script = page.locator(".hook-script").inner_text()
    # It is shown this once.
    hook = api("GET", f"/builds/{build}/webhooks")["items"][0]
    page.goto(f"{stack.url}/builds/{build}/webhooks/{hook['id']}/")
    expect(page.locator("#hook-none")).to_contain_text("Nothing came yet")
    assert secret not in page.content()
    page.wait_for_selector("html[data-connection=live]")
    assert '"run": 1' in shell(script)
    row = page.locator("#hook-deliveries > tr")
    expect(row).to_contain_text("Started run #1.")
    row.locator("a").click()
    page.wait_for_url("**/runs/1/")
    expect(page.locator(".run-result")).to_have_text("Built hooked.", timeout=60_000)
    expect(page.locator(".page-note").first).to_contain_text("root by webhook")
    assert "built/hooked:1" in lab[1].docker("images", "--format", "{{.Repository}}:{{.Tag}}")
    lab[1].docker("rmi", "-f", "built/hooked:1")
    # A wrong secret is told on the page, and to nobody else.
    assert "no such webhook" in shell(script.replace("'whsec_", "'whsec_AAAA"))
    page.goto(f"{stack.url}/builds/{build}/webhooks/{hook['id']}/")
    expect(page.locator(".hook-refused")).to_contain_text("Its signature does not fit")


def test_a_schedule_says_when_while_one_types(
    stack: Stack, api: Api, hosts: dict[str, int], sign_in: Callable[..., Page]
) -> None:
    body: dict[str, Any] = {
        "name": "nightly", "host": hosts["lab-1"], "dockerfile_text": "FROM scratch\n",
    }  # fmt: skip
    build = api("POST", "/builds", body)["id"]
    page = sign_in()
    page.goto(f"{stack.url}/builds/{build}/schedules/add/")
    page.fill("input[name=cron]", "61 * * * *")
    expect(page.locator("#schedule-times")).to_contain_text("“61” is no minute")
    page.fill("input[name=cron]", "30 3 * * mon")
    expect(page.locator("#schedule-times li")).to_have_count(3)
    expect(page.locator("#schedule-times li").first).to_contain_text("Monday")
    page.select_option("select[name=zone]", "Europe/Berlin")
    page.click("button:has-text('Add schedule')")
    page.wait_for_url(f"**/builds/{build}/")
    expect(page.locator("#build-triggers li")).to_contain_text("30 3 * * mon")
    page.click("#build-triggers a.mono")
    page.click("#schedule-form button:has-text('Remove')")
    page.click("#confirm [data-confirm-yes]")
    page.wait_for_url(f"**/builds/{build}/")
    expect(page.locator("#build-triggers")).to_contain_text("Only a click or the API starts it")
