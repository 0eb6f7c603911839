"""The stage of the browser measurements: a lab, a whole Quayside on it, and Chromium."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.chromium import ARGUMENTS, CHROMIUM
from tests.lab.lab import Lab
from tests.stack import PASSWORD, Stack
from tests.waiting import eventually

HOSTS = 3
CONTAINERS = 50  # on each host


@dataclass(frozen=True)
class Stage:
    """Everything that runs, and a token for the API."""

    lab: Lab
    stack: Stack
    browser: Browser
    token: str

    def page(self) -> Page:
        """Return a new page that is signed in."""
        page = self.browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
        page.goto(f"{self.stack.url}/accounts/login/")
        page.fill("input[name=login]", "root")
        page.fill("input[name=password]", PASSWORD)
        page.click("main form button.btn-primary")
        page.wait_for_url(f"{self.stack.url}/")
        return page


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """Run the lab with its containers."""
    found = Lab(folder / "lab")
    settings = {"LAB_PREFIX": "qbench", "LAB_NET": "10.213.9"}
    try:
        found.script("start", str(HOSTS), **settings)
        found.script("seed")
        for number in range(1, HOSTS + 1):
            found.script("run", str(number), str(CONTAINERS))
        yield found
    finally:
        found.script("stop", **settings)


def rows_shown(stack: Stack) -> int:
    """Return how many containers the database knows."""
    code = "from fleet.models import Container; print(Container.objects.count())"
    return int(stack.manage("shell", "--no-imports", "-c", code).strip() or 0)


@contextmanager
def stage() -> Iterator[Stage]:
    """Set everything up, and end everything."""
    folder = Path(tempfile.mkdtemp(prefix="qb-", dir="/tmp"))
    try:
        with lab(folder) as found, Stack(folder / "stack") as stack:
            token = stack.make_administrator()
            stack.manage("demo_hosts", "--lab", str(found.folder))
            eventually(
                lambda: rows_shown(stack) >= HOSTS * CONTAINERS, "all containers", seconds=90
            )
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                yield Stage(found, stack, browser, token)
                browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
