"""Real Chromium on a whole Quayside over the lab."""

from __future__ import annotations

import json
import shutil
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from fleet.engine.fake import FakeEngine, fake_in_thread, in_fake
from tests.lab.lab import Lab
from tests.programs import program
from tests.stack import PASSWORD, Stack
from tests.waiting import eventually


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """new_page(**context options) -> a page of its own; errors in its console fail the test."""
    contexts, errors = [], []

    def make(**options: Any) -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda note: errors.append(note.text) if is_error(note) else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []


def is_error(note: Any) -> bool:
    """Return whether a line of the console is an error of ours, not a refusal we asked for."""
    expected = ("status of 4", "WebSocket connection", "ERR_CONNECTION_REFUSED")
    return note.type == "error" and not any(words in note.text for words in expected)


class Api:
    """Calls of the API with an administrator's token."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.url}/api/v1{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            text = response.read()
        return json.loads(text) if text else None


@pytest.fixture(scope="session")
def fresh_stack() -> Iterator[Callable[[], Stack]]:
    """fresh_stack() -> a Quayside that nobody has set up yet."""
    made: list[Stack] = []
    # A short path: the private Redis listens on a socket in it.
    folder = Path(tempfile.mkdtemp(prefix="qbr-", dir="/tmp"))

    def make() -> Stack:
        programs = {f"QUAYSIDE_{name.upper()}": program(name) for name in ("hadolint", "trivy")}
        stack = Stack(folder / str(len(made)), settings=programs)
        stack.start()
        made.append(stack)
        return stack

    yield make
    for stack in made:
        stack.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(fresh_stack: Callable[[], Stack]) -> Stack:
    """One Quayside that the journeys share, with the administrator `root`."""
    found = fresh_stack()
    found.token = found.make_administrator()
    return found


@pytest.fixture(scope="session")
def api(stack: Stack) -> Api:
    """The API as the administrator."""
    return Api(stack.url, stack.token)


@pytest.fixture(scope="session")
def hosts(stack: Stack, api: Api, lab: Lab) -> dict[str, int]:
    """The lab's three hosts, added by TLS in the environment `lab`: name -> id."""
    found = {}
    for number, host in enumerate(lab.hosts, start=1):
        body = {
            "name": f"lab-{number}", "url": host.url, "environment": "lab",
            "tls_ca": host.tls_ca, "tls_cert": host.tls_cert, "tls_key": host.tls_key,
        }  # fmt: skip
        found[f"lab-{number}"] = api("POST", "/hosts", body)["id"]
    return found


@pytest.fixture
def sign_in(stack: Stack, new_page: Callable[..., Page]) -> Callable[..., Page]:
    """sign_in("root") -> a new page, signed in."""

    def make(name: str = "root", **options: Any) -> Page:
        page = new_page(**options)
        page.goto(f"{stack.url}/accounts/login/")
        page.fill("input[name=login]", name)
        page.fill("input[name=password]", PASSWORD)
        page.click("main button:has-text('Sign in')")
        page.wait_for_url(f"{stack.url}/")
        return page

    return make


@dataclass
class Fleet:
    """A host in the environment `faked`, and its containers by name."""

    fake: FakeEngine
    host: int
    containers: dict[str, int]


@pytest.fixture(scope="module")
def fleet(stack: Stack, api: Api) -> Iterator[Fleet]:
    """One engine with two containers that Quayside watches."""
    with (
        tempfile.TemporaryDirectory(prefix="qfk-", dir="/tmp") as folder,
        fake_in_thread(Path(folder) / "fake.sock") as fake,
    ):
        for name in ("web-1", "web-2"):
            in_fake(fake, partial(fake.state.add, name))
        body = {"name": "fake-1", "url": fake.url, "environment": "faked"}
        host = api("POST", "/hosts", body)["id"]
        eventually(lambda: len(_containers(api)) == 2, "its containers are known", seconds=30)
        yield Fleet(fake, host, _containers(api))
        api("DELETE", f"/hosts/{host}")


def _containers(api: Api) -> dict[str, int]:
    rows: list[dict[str, Any]] = api("GET", "/containers?host=fake-1")["items"]
    return {row["name"]: row["id"] for row in rows}
