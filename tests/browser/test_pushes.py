"""Pushing from an image's page in Chromium: a real engine, a real registry, watched to its end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.lab.images import MIB, push_image
from tests.lab.lab import Lab
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.lab]


@pytest.fixture
def name(lab: Lab) -> Iterator[str]:
    """A name of an image on the first host that its registry does not have yet."""
    push_image(lab.registry, "pushes/source:1", [2 * MIB, 1000])
    source, new = f"{lab.registry}/pushes/source:1", f"{lab.registry}/pushes/app:7"
    lab[1].docker("pull", "-q", source)
    lab[1].docker("tag", source, new)
    yield new
    lab[1].docker("rmi", "-f", source, new)


def tags(lab: Lab) -> list[str]:
    with urlopen(f"http://{lab.registry}/v2/pushes/app/tags/list", timeout=10) as answer:
        return json.load(answer)["tags"] or []


def test_it_pushes_a_name_from_the_page_of_its_image(
    stack: Stack, hosts: dict[str, int], name: str, sign_in: Callable[..., Page], lab: Lab
) -> None:
    page = sign_in()
    page.goto(f"{stack.url}/images/?q=pushes")
    page.wait_for_selector("html[data-connection=live]")
    page.locator("#image-rows a", has_text="pushes/").first.click()
    page.get_by_role("button", name="Push …").click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Name").select_option(name)
    dialog.get_by_role("button", name="Push", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/\d+/$"))
    expect(page.locator("#job-head")).to_contain_text("succeeded")
    expect(page.locator("#toasts")).not_to_contain_text("Pushing")
    expect(page.locator("#job-parts li")).to_have_count(2)
    expect(page.locator("body")).to_contain_text("The registry has it as sha256:")
    assert tags(lab) == ["7"]
