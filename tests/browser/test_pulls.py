"""Pulling an image on two real hosts, watched in a browser, with a reload in the middle."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from playwright.sync_api import Page, expect

from tests.lab.images import MIB, push_image
from tests.lab.lab import Lab, LabHost
from tests.stack import Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.lab]


@pytest.fixture
def image(lab: Lab) -> Iterator[str]:
    """An image that takes a few seconds to come."""
    push_image(lab.registry, "watched:1", [6 * MIB, 8 * MIB, 1000])
    lab.pace("40mbit")
    yield f"{lab.registry}/watched:1"
    lab.pace()


def has(host: LabHost, image: str) -> bool:
    """Return whether a host has an image of that name."""
    return image in host.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()


def test_it_watches_a_pull_on_two_hosts(
    stack: Stack, hosts: dict[str, int], image: str, sign_in: Callable[..., Page], lab: Lab
) -> None:
    page = sign_in()
    page.goto(f"{stack.url}/images/pull/?reference={image}&host={hosts['lab-1']}")
    expect(page.locator("[data-host-count]")).to_have_text("1 chosen")
    page.fill("[data-host-search]", "lab-2")
    expect(page.locator(".pull-host:visible")).to_have_count(1)
    page.check(".pull-host:visible input")
    page.fill("[data-host-search]", "")
    expect(page.locator("[data-host-count]")).to_have_text("2 chosen")
    page.click("form.pull button.btn-primary")
    page.wait_for_url(re.compile(r"/jobs/\d+/$"))
    rows = page.locator("#job-children tr")
    expect(rows).to_have_count(2)
    expect(rows.first.locator(".job-moved")).to_contain_text("MiB/s")
    expect(page.locator("#job-bar progress")).not_to_have_attribute("value", "0")
    rows.first.locator("a").first.click()
    layers = page.locator("#job-parts li")
    expect(layers).to_have_count(3)
    page.reload()  # what is known is there at once, without a script
    drawn = page.request.get(page.url).text()
    assert drawn.count('class="job-part"') == 3 and "downloading" in drawn
    expect(layers.filter(has_text="done")).to_have_count(3, timeout=30_000)
    expect(page.locator("#job-head")).to_contain_text("succeeded")
    for number in (1, 2):  # the other host may take longer
        eventually(partial(has, lab[number], image), "both hosts have it")


def test_it_cancels_a_pull_from_its_page(
    stack: Stack, hosts: dict[str, int], image: str, sign_in: Callable[..., Page], lab: Lab
) -> None:
    page = sign_in()
    page.goto(f"{stack.url}/images/pull/?reference={image}&host={hosts['lab-3']}")
    page.click("form.pull button.btn-primary")
    page.wait_for_url(re.compile(r"/jobs/\d+/$"))
    expect(page.locator("#job-bar .job-moved")).to_contain_text("MiB/s")
    page.click("#job-head button:has-text('Cancel')")
    expect(page.locator("#job-head")).to_contain_text("cancelled")
    assert not has(lab[3], image)
