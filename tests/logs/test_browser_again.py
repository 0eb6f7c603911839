"""What a view of several asks for after a lost connection, in a real Chromium."""

from __future__ import annotations

import time
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

from dashboard.live.consumer import MESSAGES_AT_ONCE, MESSAGES_PER_SECOND
from dashboard.live.pace import Pace
from tests.logs.viewer import SOURCE, FakeLogs, at, count, frame, shown, state
from tests.logs.viewer_fixtures import page, server

pytestmark = pytest.mark.browser
__all__ = ["page", "server"]
AWAY = "Host unreachable: the log goes on when it is back."
WEB = SOURCE | {"host": 3}
AGAIN = WEB | {"index": 1, "container": 40}


def asked(server: FakeLogs) -> dict[str, list[str]]:
    """Return all arguments of the stream that is asked for next."""
    return parse_qs(server.expect("stream.open")["args"])


def told(server: FakeLogs, *sources: dict[str, object]) -> None:
    """Some sources answer."""
    server.send(type="log.sources", topic="logs", sources=list(sources))
    for source in sources:
        server.send(type="log.answered", topic="logs", source=source["index"])


def test_one_that_was_made_again_is_asked_for_by_its_number(page: Page, server: FakeLogs) -> None:
    page.evaluate("history.replaceState(null, '', '?container=12&whole=1')")
    told(server, WEB)
    server.lines("before")
    shown(page, "before")
    server.cut()
    assert asked(server) == {
        "container": ["12"], "place": [f"12,1,{at(0)}"], "was": ["12,3,web-1"],
    }  # fmt: skip
    told(server, WEB)
    server.mark("removed", "log.end")
    state(page, "Ended")
    told(server, AGAIN)
    server.mark("recreated", source=1)
    server.send(type="log.chosen", topic="logs", source=0, args="container=40")
    server.lines("after", start=1, source=1)
    shown(page, "before", "after")
    state(page, "Following")
    assert page.evaluate("location.search") == "?whole=1&container=40"  # what a reload finds
    server.cut()
    assert asked(server) == {
        "container": ["40"], "place": [f"40,1,{at(1)}"], "was": ["40,3,web-1"],
    }  # fmt: skip
    shown(page, "before", "after")


def test_what_was_removed_is_told_once(page: Page, server: FakeLogs) -> None:
    """Its lines stay, and it is gone on with when it comes back."""
    told(server, WEB)
    server.lines("before")
    server.mark("removed", "log.end")
    marks = page.locator(".log-mark")
    expect(marks).to_have_text(["(removed)"])
    server.cut()
    assert "place" not in asked(server)
    told(server, WEB)
    server.mark("removed", "log.end")
    state(page, "Ended")
    server.mark("joined")
    server.mark("removed", "log.end")
    expect(marks).to_have_text(["(removed)", "(joined)", "(removed)"])
    shown(page, "before")


def test_nothing_that_waits_comes_when_it_may_not_be_read(page: Page, server: FakeLogs) -> None:
    """Lines of several wait a moment for those of others."""
    told(server, WEB, AGAIN)
    server.lines("private", source=1)
    server.send(type="gone", topic="logs", message="There is no such container.")
    state(page, "Ended")
    page.wait_for_timeout(400)
    expect(page.locator(".log-line")).to_have_count(0)


def test_a_host_that_is_back_says_nothing_of_another(page: Page, server: FakeLogs) -> None:
    told(server, WEB, AGAIN)
    server.lines("one")
    server.mark("away")
    server.mark("away", source=1)
    state(page, AWAY)
    server.mark("back", source=1)
    server.lines("two", start=1, source=1)
    shown(page, "one", "two")
    state(page, AWAY)
    server.mark("back")
    state(page, "Following")


def test_older_lines_come_after_a_mark_of_one_without_any(page: Page, server: FakeLogs) -> None:
    """The mark has the time of the browser; a quiet container's next line may be hours away."""
    told(server, WEB, AGAIN)
    server.mark("away", source=1)
    server.mark("back", source=1)
    server.lines("late", source=1)
    shown(page, "late")


def test_whole_logs_of_many_come_at_the_pace_of_the_socket(page: Page, server: FakeLogs) -> None:
    many = [SOURCE | {"index": n, "container": n + 1, "tail": 1} for n in range(60)]
    told(server, *many)
    for n in range(len(many)):
        server.lines("last", start=n, source=n)
    count(page, "60 lines")
    page.click("[data-log-all]")
    pace = Pace(MESSAGES_PER_SECOND, MESSAGES_AT_ONCE)
    for _ in many:
        args = asked(server)
        assert pace.take(time.monotonic()), "the server has closed the connection"
        container = int(args["container"][0])
        old, last = (frame(text, at(n)) for text, n in (("old", 0), ("last", container - 1)))
        server.part(int(args["part"][0]), *([old] if container > 1 else []), last)
    count(page, "119 lines · from the beginning")
