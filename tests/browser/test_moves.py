"""Copying an image, taking it away as a file and loading that file, in a browser on real hosts."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Api
from tests.lab.images import MIB, push_image
from tests.lab.lab import Lab, LabError, LabHost
from tests.stack import Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.lab]


@pytest.fixture
def image(lab: Lab) -> Iterator[str]:
    """An image that only the first host has."""
    push_image(lab.registry, "travels:1", [6 * MIB, 1000])
    name = f"{lab.registry}/travels:1"
    lab[1].docker("pull", "-q", name)
    yield name
    for host in lab.hosts:
        try:
            host.docker("rmi", "-f", name)
        except LabError:
            continue


def has(host: LabHost, image: str) -> bool:
    """Return whether a host has an image of that name."""
    return image in host.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()


def row_of(api: Api, image: str) -> int:
    """Return the id of the image's row on the first host, once it is known."""
    found: list[dict[str, Any]] = []

    def known() -> bool:
        rows = api("GET", "/images?limit=200&host=lab-1")["items"]
        found[:] = [row for row in rows if image in row["tags"]]
        return bool(found)

    eventually(known, "the image is known", seconds=20)
    return int(found[0]["id"])


def test_it_copies_saves_and_loads(
    stack: Stack, hosts: dict[str, int], api: Api, image: str, sign_in: Callable[..., Page],
    lab: Lab, tmp_path: Path,
) -> None:  # fmt: skip
    page = sign_in()
    address = f"{stack.url}/images/{row_of(api, image)}/"
    page.goto(address)
    page.click("[popovertarget=image-menu]")
    page.click("#image-menu a:has-text('Copy to hosts')")
    expect(page.locator(".pull-host")).to_have_count(2)  # not where it comes from
    page.check("label:has-text('lab-2') input")
    page.click("form.pull button.btn-primary")
    page.wait_for_url(re.compile(r"/jobs/\d+/$"))
    expect(page.locator("#job-head")).to_contain_text("succeeded")
    expect(page.locator("#job-parts li")).to_contain_text("done")
    eventually(partial(has, lab[2], image), "the other host has it")

    page.goto(address)
    page.click("[popovertarget=image-menu]")
    with page.expect_download() as coming:
        page.click("#image-menu a:has-text('Save as tar') >> nth=0")
    saved = tmp_path / coming.value.suggested_filename
    coming.value.save_as(saved)
    assert saved.suffix == ".tar" and saved.stat().st_size > 6 * MIB

    page.goto(f"{stack.url}/images/?host=lab-1")
    for row in page.locator("#image-rows > tr").all()[:2]:
        row.locator("[data-tick]").check()
    page.click("[data-bulk-bar] button:has-text('Save as tar')")
    with page.expect_download() as both:
        page.locator("tr:has-text('lab-1') a:has-text('Save as tar')").click()
    assert both.value.suggested_filename == "lab-1-2-images.tar"
    with tarfile.open(both.value.path()) as tar:
        told = tar.extractfile("manifest.json")
        assert told is not None and len(json.load(told)) == 2

    page.goto(f"{stack.url}/images/load/?host={hosts['lab-3']}")
    page.set_input_files("input[type=file]", __file__)
    page.click("form.pull button.btn-primary")
    expect(page.locator("[data-upload-problem]")).to_contain_text("no tar file")
    page.set_input_files("input[type=file]", saved)
    page.click("form.pull button.btn-primary")
    page.wait_for_url(re.compile(r"/jobs/\d+/$"))
    expect(page.locator("#job-head")).to_contain_text("succeeded")
    eventually(partial(has, lab[3], image), "the third host has it")
    kept = stack.folder / "data" / "image-tars"
    eventually(lambda: not list(kept.iterdir()), "the file is gone")
