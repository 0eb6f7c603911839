"""The log viewer in a real Chromium, against a server that says what the test wants."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from aiohttp import web
from django.template import Context
from django.template.loader import get_template
from django.template.loader_tags import BlockNode
from django.utils import timezone
from django.utils.safestring import SafeString
from playwright.sync_api import Browser, Page, expect

from dashboard.live.moments import finish
from dashboard.live.topics.container import log_host_id, log_host_part
from dashboard.templatetags.quayside import script_words
from fleet.models import Container, Host, HostState
from tests.browser.fake_live import FakeLive

pytestmark = pytest.mark.browser
SHEETS = ("tokens", "frame", "components", "controls", "logs")
HEAD = "".join(f'<link rel="stylesheet" href="/static/css/{name}.css">' for name in SHEETS)
AWAY = "Host unreachable: the log goes on when it is back."
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">
%s<script type="module" src="/static/js/app.js"></script>
<link rel="modulepreload" href="/static/js/logs.js" data-page-module></head>
<body data-live="/ws/live/" data-sign-in="/sign-in/"><main>%s</main><ol id="toasts"></ol>%s
</body></html>"""
# The policy of the real pages: nothing inline.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src data:; font-src 'self'"
)


HOST = Host(pk=3, name="prod-3", state=HostState.REACHABLE)
CONTAINER = Container(pk=12, name="web-1", host=HOST)


def host_html(state: str = HostState.REACHABLE) -> str:
    """Return what a page is told of the container's host."""
    HOST.state, HOST.last_seen = state, timezone.now() - timedelta(seconds=130)
    return finish(log_host_part(CONTAINER).render(), "localhost")


def viewer_html() -> str:
    """Return the viewer as the page's template draws it."""
    template = get_template("container/logs.html").template  # type: ignore[attr-defined]
    blocks = template.nodelist.get_nodes_by_type(BlockNode)
    (content,) = (block for block in blocks if block.name == "content")
    context = Context(
        {
            "container": CONTAINER,
            "shown": {"times", "wrap"},
            "head_args": "id=12&host=3",
            "log_host": SafeString(host_html()),
        }
    )
    with context.bind_template(template), context.render_context.push_state(template):
        html: str = content.nodelist.render(context)
    return html


class FakeLogs(FakeLive):
    """Serves a page with the viewer."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html

    async def _page(self, _request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": POLICY}
        return web.Response(
            text=PAGE % (HEAD, self.html, script_words()), content_type="text/html", headers=headers
        )

    def host(self, state: str) -> None:
        """Tell what the watcher knows of the host."""
        part = {log_host_id(CONTAINER): host_html(state)}
        self.send(type="update", topic="container-log-host", set=part, lists={})

    def mark(self, code: str) -> None:
        """Send what the stream itself notices."""
        self.send(type="log", topic="logs", frames=[[0, code, f"({code})"]])

    def lines(self, *texts: str, stream: int = 1, start: int = 0) -> None:
        """Send lines with rising times."""
        frames = [
            [stream, f"2026-01-01T10:00:{(start + n) % 60:02d}.{start + n:09d}Z", text]
            for n, text in enumerate(texts)
        ]
        self.send(type="log", topic="logs", frames=frames)


@pytest.fixture
def server() -> Iterator[FakeLogs]:
    """A server with the log page."""
    fake = FakeLogs(viewer_html())
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def page(browser: Browser, server: FakeLogs) -> Iterator[Page]:
    """The open page; errors and broken policies fail the test."""
    opened = browser.new_page(viewport={"width": 900, "height": 700})
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda note: errors.append(note.text) if "Policy" in note.text else None)
    opened.on("dialog", lambda dialog: errors.append("a script ran"))
    opened.goto(server.url)
    server.expect("stream.open")
    yield opened
    opened.close()
    assert errors == []


def scroll_of(page: Page) -> float:
    """Return where the view stands."""
    top: float = page.evaluate("document.querySelector('[data-log-scroll]').scrollTop")
    return top


def state(page: Page, words: str) -> None:
    """Wait for the state that the bar says."""
    expect(page.locator("[data-log-state]")).to_have_text(words)


def at_end(page: Page) -> None:
    """Wait until the view stands at the end."""
    page.wait_for_function(
        "() => { const s = document.querySelector('[data-log-scroll]');"
        " return s.scrollHeight - s.scrollTop - s.clientHeight < 12 }"
    )


def test_it_shows_lines_and_says_its_state(page: Page, server: FakeLogs) -> None:
    state(page, "Opening …")
    server.send(type="log", topic="logs", frames=[])
    state(page, "No output yet.")
    server.lines("hello")
    expect(page.locator(".log-line .log-text")).to_have_text(["hello"])
    state(page, "Following")


def test_it_runs_nothing_that_a_log_says(page: Page, server: FakeLogs) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m<b onclick=alert(1)>x</b>"
    server.lines(evil, stream=2)
    server.send(type="log", topic="logs", frames=[[0, "ended", "<i>ended</i>"]])
    expect(page.locator(".log-text")).to_have_text([evil.replace("\x1b[31m", "")])
    assert page.locator(".log-lines :is(script, img, b, i)").count() == 0


def test_it_tells_stderr_apart_without_colour(page: Page, server: FakeLogs) -> None:
    server.lines("fine")
    server.lines("oh no", stream=2)
    expect(page.locator(".log-line.is-err .log-tag")).to_have_text("err")
    assert page.locator(".log-tag").count() == 1


def test_it_turns_terminal_colours_into_classes(page: Page, server: FakeLogs) -> None:
    text = (
        "\x1b[1;31mred\x1b[0m \x1b[38;5;208mc256\x1b[39m"
        " \x1b[48;2;0;0;255mrgb\x1b[m \x1b[7minv\x1b[27m."
    )
    server.lines(text, "\x1b]0;title\x07\x1b[2K\x1b[1Aclean\x08\x00", "tab\tkept")
    expect(page.locator(".log-text")).to_have_text(["red c256 rgb inv.", "clean", "tab\tkept"])
    spans = page.locator(".log-text span")
    classes = [spans.nth(n).get_attribute("class") for n in range(spans.count())]
    assert classes == ["ansi-bold ansi-fg-1", "ansi-fg-208", "ansi-bg-21", "ansi-inverse"]
    colours = [spans.nth(n).evaluate("e => getComputedStyle(e).color") for n in (0, 1)]
    plain = page.locator(".log-text").first.evaluate("e => getComputedStyle(e).color")
    assert plain not in colours and colours[0] != colours[1]
    assert page.locator("[style]").count() == 0


def test_it_never_moves_what_somebody_reads(page: Page, server: FakeLogs) -> None:
    server.lines(*(f"old {n}" for n in range(300)))
    at_end(page)
    page.locator("[data-log-scroll]").hover()
    page.mouse.wheel(0, -1500)
    state(page, "Scrolled back")
    page.wait_for_function("() => !document.querySelector('[data-log-new]').hidden")
    before, shown = scroll_of(page), page.locator(".log-line").count()
    server.lines(*(f"new {n}" for n in range(500)))
    expect(page.locator("[data-log-new]")).to_have_text("500 new lines")
    assert scroll_of(page) == before
    assert page.locator(".log-line").count() == shown
    page.click("[data-log-new]")
    expect(page.locator(".log-line").last).to_contain_text("new 499")
    at_end(page)
    state(page, "Following")


def test_it_follows_again_at_the_end(page: Page, server: FakeLogs) -> None:
    server.lines(*(f"old {n}" for n in range(300)))
    at_end(page)
    page.focus("[data-log-scroll]")
    page.keyboard.press("Home")
    state(page, "Scrolled back")
    server.lines("later")
    page.keyboard.press("End")
    state(page, "Following")
    expect(page.locator(".log-line").last).to_contain_text("later")


def test_it_pauses_and_goes_on(page: Page, server: FakeLogs) -> None:
    server.lines("one")
    page.click("[data-log-pause]")
    state(page, "Paused")
    server.lines("two")
    expect(page.locator("[data-log-new]")).to_have_text("1 new line")
    assert page.locator(".log-line").count() == 1
    expect(page.locator("[data-log-pause]")).to_have_attribute("aria-pressed", "true")
    page.click("[data-log-pause]")
    expect(page.locator(".log-text")).to_have_text(["one", "two"])


def test_it_keeps_a_bounded_number_of_lines(page: Page, server: FakeLogs) -> None:
    for start in range(0, 26_000, 2_000):
        server.lines(*(f"line {n}" for n in range(start, start + 2_000)), start=start)
    expect(page.locator(".log-line").last).to_contain_text("line 25999", timeout=20_000)
    assert 19_000 < page.locator(".log-line").count() <= 20_200
    at_end(page)


def test_it_cuts_long_lines_until_asked(page: Page, server: FakeLogs) -> None:
    server.lines("x" * 50_000)
    expect(page.locator(".log-more")).to_have_text("show all 50,000 characters")
    assert len(page.locator(".log-text").inner_text()) < 3_000
    page.click(".log-more")
    assert len(page.locator(".log-text").inner_text()) == 50_000


def test_it_switches_times_and_wrapping(page: Page, server: FakeLogs) -> None:
    server.lines("y" * 1_900)
    time = page.locator(".log-line time")
    expect(time).to_be_visible()
    wide = (
        "() => { const s = document.querySelector('[data-log-scroll]');"
        " return s.scrollWidth > s.clientWidth }"
    )
    assert not page.evaluate(wide)
    page.uncheck("[value=times]")
    page.uncheck("[value=wrap]")
    expect(time).to_be_hidden()
    assert page.evaluate(wide)


def test_it_asks_for_what_it_lacks_after_a_lost_connection(page: Page, server: FakeLogs) -> None:
    at = "2026-01-01T10:00:00.000000000Z"
    server.send(type="log", topic="logs", frames=[[1, at, "a"], [1, at, "b"]])
    expect(page.locator(".log-line")).to_have_count(2)
    server.cut()
    args = server.expect("stream.open")["args"]
    assert args == "container=12&after=2026-01-01T10%3A00%3A00.000000000Z&same=2"
    server.lines("c", start=5)
    expect(page.locator(".log-text")).to_have_text(["a", "b", "c"])


def test_it_says_gaps_and_ends_in_words(page: Page, server: FakeLogs) -> None:
    server.send(type="log.gap", topic="logs", skipped=1234)
    server.send(type="log.gap", topic="logs", skipped=-1)
    server.send(type="log.end", topic="logs", code="removed", reason="The container was removed.")
    marks = page.locator(".log-mark")
    expect(marks).to_have_count(3)
    expect(marks.nth(0)).to_contain_text("1,234 lines were left out")
    expect(marks.nth(1)).to_contain_text("Lines are missing here")
    expect(marks.nth(2)).to_have_text("The container was removed.")
    state(page, "Ended")


def test_it_says_that_the_host_is_away_while_the_stream_is_just_quiet(
    page: Page, server: FakeLogs
) -> None:
    server.lines("hello")
    state(page, "Following")
    seen = page.locator(".log-seen")
    expect(seen).to_be_hidden()
    server.host(HostState.UNREACHABLE)
    state(page, AWAY)
    expect(seen).to_be_visible()
    expect(seen).to_have_text("prod-3 was last seen 2 min ago.")
    server.host(HostState.REACHABLE)
    state(page, "Following")
    expect(seen).to_be_hidden()


def test_it_says_that_the_stream_has_lost_the_host_until_it_is_back(
    page: Page, server: FakeLogs
) -> None:
    server.lines("hello")
    server.mark("away")
    state(page, AWAY)
    server.host(HostState.UNREACHABLE)
    server.mark("back")
    state(page, "Following")
    server.lines("again", start=1)
    expect(page.locator(".log-text")).to_have_text(["hello", "again"])


def test_it_says_that_the_host_is_away_before_anything_has_come(
    page: Page, server: FakeLogs
) -> None:
    state(page, "Opening …")
    server.host(HostState.UNREACHABLE)
    state(page, AWAY)
    server.send(type="log.end", topic="logs", code="removed", reason="The container was removed.")
    state(page, "Ended")
    expect(page.locator(".log-seen")).to_be_hidden()


def test_it_shows_nothing_more_to_who_may_not_read_it(page: Page, server: FakeLogs) -> None:
    server.lines("private")
    expect(page.locator(".log-line")).to_have_count(1)
    server.send(type="gone", topic="logs", message="There is no such container.")
    expect(page.locator(".log-mark")).to_have_text("There is no such container.")
    expect(page.locator(".log-line")).to_have_count(0)
