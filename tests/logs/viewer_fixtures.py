"""The open page of a log, for tests in real browsers."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page

from tests.logs.viewer import FakeLogs


@pytest.fixture
def server() -> Iterator[FakeLogs]:
    """A server with the log page."""
    fake = FakeLogs()
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def page(browser: Browser, server: FakeLogs) -> Iterator[Page]:
    """The open page; errors and broken policies fail the test."""
    opened = browser.new_page(viewport={"width": 900, "height": 700})
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda note: errors.append(note.text) if note.type == "error" else None)
    opened.on("dialog", lambda dialog: errors.append("a script ran"))
    opened.goto(server.url)
    server.expect("stream.open")
    yield opened
    opened.close()
    wrong = [text for text in errors if "WebSocket" not in text]
    assert wrong == [], wrong


def asked(server: FakeLogs) -> dict[str, str]:
    """Return the arguments of the stream that is asked for next."""
    args = parse_qs(server.expect("stream.open")["args"])
    return {name: values[0] for name, values in args.items()}
