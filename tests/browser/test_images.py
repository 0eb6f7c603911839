"""The list of images in real Chromium over real engines: it unfolds, and follows what happens."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from secrets import token_bytes

import pytest
from playwright.sync_api import Page, expect

from tests.lab.lab import Lab
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(180)]
TAG, SECOND = "seen/in-browser:1", "seen/in-browser:2"


@pytest.fixture
def shared(lab: Lab) -> Iterator[None]:
    """An image of its own on two hosts: the second's engine is given what the first has."""
    archive = lab.folder / "seen.tar"
    with tarfile.open(archive, "w") as root:
        entry = tarfile.TarInfo("seen")
        entry.size = 16
        root.addfile(entry, BytesIO(token_bytes(16)))
    lab[1].docker("import", str(archive), TAG)
    lab[1].docker("save", "-o", str(archive), TAG)
    lab[2].docker("load", "-i", str(archive))
    yield
    archive.unlink()
    for number in (1, 2):
        names = lab[number].docker("images", "--format", "{{.Repository}}:{{.Tag}}", "seen/*")
        if names:
            lab[number].docker("rmi", *names.split())


def test_images_unfold_and_follow_what_happens(
    stack: Stack,
    hosts: dict[str, int],
    lab: Lab,
    shared: None,
    sign_in: Callable[..., Page],
) -> None:
    page = sign_in()
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url(f"{stack.url}/images/")
    page.wait_for_selector("html[data-connection=live]")
    line = page.locator("#image-rows > tr", has_text=TAG)
    line.locator("summary").click()
    expect(line.locator(".places li")).to_have_text([re.compile("lab-1"), re.compile("lab-2")])
    lab[1].docker("tag", TAG, SECOND)
    expect(line).to_contain_text(SECOND)
    expect(line.locator("details")).to_have_attribute("open", "")
    used = lab[2].docker("create", TAG, "nothing")
    expect(line.locator(".image-users")).to_have_text("1 container")
    lab[2].docker("rm", used)
    line.locator(".image-name a").click()
    expect(page.locator("#answer dl")).to_contain_text("linux/amd64")
    page.get_by_role("link", name="Layers").click()
    expect(page.locator(".layers tbody tr")).to_have_count(1)
    page.goto(f"{stack.url}/images/?q=seen")
    page.wait_for_selector("html[data-connection=live]")
    for number, tags in ((1, (TAG, SECOND)), (2, (TAG,))):
        lab[number].docker("rmi", *tags)
    expect(page.locator("#image-rows > tr:not(.row-gone)")).to_have_count(0)
