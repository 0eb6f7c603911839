"""An image is scanned from its page in Chromium, and what it has is found over the fleet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.lab.lab import Lab
from tests.programs import program
from tests.scans.saved import DPKG, OS_RELEASE, saved_image
from tests.stack import Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.lab,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not program("trivy"), reason="There is no Trivy here."),
]
FILES = {
    "etc/os-release": OS_RELEASE,
    "etc/debian_version": "12.5\n",
    "var/lib/dpkg/status": DPKG,
}


@pytest.fixture
def image(lab: Lab, tmp_path: Path) -> Iterator[str]:
    """An image with a package on the first host."""
    saved_image(tmp_path / "image.tar", FILES)
    lab[1].docker("load", "-i", str(tmp_path / "image.tar"))
    lab[1].docker("tag", "shop/web:1", "scans/shop:1")
    yield "scans/shop:1"
    lab[1].docker("rmi", "-f", "scans/shop:1", "shop/web:1")


def test_it_is_scanned_and_found(
    stack: Stack, hosts: dict[str, int], image: str, sign_in: Callable[..., Page]
) -> None:
    page = sign_in()
    page.goto(f"{stack.url}/images/?q=scans/shop")
    page.wait_for_selector("html[data-connection=live]")
    page.locator("#image-rows a", has_text="scans/shop").click()
    page.get_by_role("link", name="Scan", exact=True).click()
    expect(page.locator(".scan-state")).to_contain_text("Not scanned yet")
    page.locator(".scan-state").get_by_role("button", name="Scan").click()
    # The page shows it by itself once it is there.
    expect(page.locator(".scan-state")).to_contain_text("were not looked for", timeout=60_000)
    page.get_by_role("link", name="Packages").click()
    row = page.locator(".scan-table tbody tr", has_text="bash")
    expect(row).to_contain_text("5.2.15-2+b8")
    row.get_by_role("link", name="bash").click()
    found = page.locator(".scan-hits tbody tr", has_text="scans/shop")
    expect(found).to_contain_text("lab-1")
    page.fill("#scan-q", "CVE-2024-3094")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("main")).to_contain_text("was found in no image that you see")
