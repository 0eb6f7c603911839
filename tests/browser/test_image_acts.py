"""Removing an image and pruning a host in Chromium over real engines: said first, then done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.lab.images import MIB, push_image
from tests.lab.lab import IMAGE, Lab
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(180)]


@pytest.fixture
def names(lab: Lab) -> Iterator[list[str]]:
    """Two images on the first host that nothing uses, and one that a container uses."""
    found = []
    for name in ("acts/gone:1", "acts/old:1", "acts/used:1"):
        push_image(lab.registry, name, [MIB])
        found.append(f"{lab.registry}/{name}")
        lab[1].docker("pull", "-q", found[-1])
    lab[1].docker("create", "--name", "acts-user", found[-1])
    lab[1].docker("create", "--name", "acts-keeper", IMAGE)  # the lab's own must not be pruned
    yield found
    lab[1].docker("rm", "-f", "acts-user", "acts-keeper")
    lab[1].docker("rmi", "-f", *found, "acts/second:1")


def on_host(lab: Lab) -> list[str]:
    return lab[1].docker("images", "--format", "{{.Repository}}:{{.Tag}}", "*/acts/*").split()


def test_it_removes_and_prunes_after_it_said_what(
    stack: Stack,
    hosts: dict[str, int],
    names: list[str],
    sign_in: Callable[..., Page],
    lab: Lab,
) -> None:
    gone, old, used = names
    page = sign_in()
    page.goto(f"{stack.url}/images/?q=acts")
    page.wait_for_selector("html[data-connection=live]")
    page.locator("#image-rows a", has_text="acts/used").click()
    page.get_by_role("button", name="Remove").click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("acts-user")
    dialog.get_by_role("button", name="Cancel").click()
    page.goto(f"{stack.url}/images/?q=acts")
    page.locator("#image-rows a", has_text="acts/gone").click()
    page.get_by_role("button", name="Remove").click()
    expect(dialog).to_contain_text(gone)
    dialog.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("Removed")
    assert set(on_host(lab)) == {old, used}
    page.goto(f"{stack.url}/images/prune/?which=unused&host={hosts['lab-1']}")
    page.get_by_role("button", name="Show what will go").click()
    going = page.locator(".prune-host")
    expect(going).to_contain_text(re.compile("acts/old"))
    expect(going).not_to_contain_text("acts/used")
    page.get_by_role("link", name="Change the rules").click()
    expect(page.locator("#id_which")).to_have_value("unused")
    page.fill("#id_keep_labels", "nobody=has-it")
    page.get_by_role("button", name="Show what will go").click()
    page.locator("form.prune-plan .btn-danger").click()
    page.wait_for_url(re.compile(r"/jobs/\d+/$"))
    expect(page.locator("#job-head")).to_contain_text("succeeded")
    expect(page.locator("body")).to_contain_text("came back")
    assert on_host(lab) == [used]
