"""A server with a log's page that sends what a test wants, for real browsers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiohttp import web
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from playwright.sync_api import Page, expect

from dashboard.live.moments import finish
from dashboard.live.topics.container import log_host_id, log_host_part
from dashboard.live.topics.log_wire import HEADER, LIVE, PART
from dashboard.log_words import log_context
from dashboard.templatetags.quayside import script_words
from fleet.engine.log_blocks import pack
from fleet.models import Container, Host, HostState
from tests.browser.fake_live import STATIC, FakeLive, Middleware

SHEETS = ("tokens", "frame", "components", "controls", "table", "logs", "log-panel")
HEAD = "".join(f'<link rel="stylesheet" href="/static/css/{name}.css">' for name in SHEETS)
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
SOURCE = {"index": 0, "container": 12, "name": "web-1", "title": "web-1 · prod-3"}


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def host_html(state: str = HostState.REACHABLE) -> str:
    """Return what a page is told of the container's host."""
    HOST.state, HOST.last_seen = state, timezone.now() - timedelta(seconds=130)
    return finish(log_host_part(CONTAINER).render(), "localhost")


def viewer_html() -> str:
    """Return the viewer as the page's template draws it."""
    context = {
        **log_context(None),
        "log_args": "container=12",
        "log_label": "Log of web-1",
        "log_host": SafeString(host_html()),
        "head_args": "id=12&host=3",
    }
    return render_to_string("log/panel.html", context)


def at(number: int, second: int = 0) -> str:
    """Return the time of a line."""
    return f"2026-01-01T10:00:{second + number % 50:02d}.{number:09d}Z"


def frame(text: str, when: str, stream: int = 1) -> bytes:
    """Return a line as an engine sends it."""
    return pack(stream, f"{when} {text}\n".encode())


class FakeLogs(FakeLive):
    """Serves a page with the viewer."""

    def __init__(self) -> None:
        super().__init__()
        self.html = viewer_html()
        self.changed: dict[str, tuple[str, str]] = {}  # a script -> what is another in it
        self.failing: Counter[str] = Counter()  # a script -> how often it is not to be had yet
        self.waits: dict[str, float] = {}  # a script -> for how many seconds it is on its way

    async def _page(self, _request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": POLICY}
        text = PAGE % (HEAD, self.html, script_words())
        return web.Response(text=text, content_type="text/html", headers=headers)

    @web.middleware
    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(self.waits.get(request.path, 0))
        if self.failing[request.path] > 0:
            self.failing[request.path] -= 1
            return web.Response(status=503)
        if request.path not in self.changed:
            return await handler(request)
        script = (STATIC.parent / request.path[1:]).read_text()
        old, new = self.changed[request.path]
        assert old in script
        return web.Response(text=script.replace(old, new), content_type="text/javascript")

    def middlewares(self) -> list[Middleware]:
        """Return what stands before the pages."""
        return [self._serve]

    def host(self, state: str) -> None:
        """Tell what the watcher knows of the host."""
        part = {log_host_id(CONTAINER): host_html(state)}
        self.send(type="update", topic="container-log-host", set=part, lists={})

    def answer(self, *more: dict[str, Any]) -> None:
        """The engine has answered."""
        self.send(type="log.sources", topic="logs", sources=[SOURCE, *more])
        for source in (SOURCE, *more):
            self.send(type="log.answered", topic="logs", source=source["index"])

    def mark(self, code: str, kind: str = "log.mark", **more: Any) -> None:
        """Send what the stream itself notices."""
        told = {"source": 0, "code": code, "text": f"({code})", **more}
        self.send(type=kind, topic="logs", **told)

    def gap(self, skipped: int, source: int = 0) -> None:
        """Tell that lines are missing."""
        self.send(type="log.gap", topic="logs", source=source, skipped=skipped)

    def frames(self, *frames: bytes, source: int = 0) -> None:
        """Send frames."""
        self.send_bytes(HEADER.pack(LIVE, source, 0) + b"".join(frames))

    def lines(self, *texts: str, stream: int = 1, start: int = 0, source: int = 0) -> None:
        """Send lines with rising times."""
        numbered = enumerate(texts, start)
        self.frames(*(frame(text, at(n), stream) for n, text in numbered), source=source)

    def part(self, number: int, *frames: bytes, problem: str = "") -> None:
        """Send a part that was asked for, in pieces that end anywhere."""
        data = b"".join(frames)
        piece = max(37, len(data) // 20)
        for start in range(0, len(data), piece):
            self.send_bytes(HEADER.pack(PART, 0, number) + data[start : start + piece])
        self.send(type="log.part", topic="log-part", part=number, problem=problem)


def state(page: Page, words: str) -> None:
    """Wait for the state that the bar says."""
    expect(page.locator("[data-log-state]")).to_have_text(words)


def shown(page: Page, *texts: str) -> None:
    """Wait until these are the lines in sight."""
    expect(page.locator(".log-line .log-text")).to_have_text(list(texts))


def count(page: Page, words: str) -> None:
    """Wait for what the foot says."""
    expect(page.locator("[data-log-count]")).to_contain_text(words, timeout=20_000)


def at_end(page: Page) -> None:
    """Wait until the view stands at the end."""
    page.wait_for_function(
        "() => { const s = document.querySelector('[data-log-scroll]');"
        " return s.scrollHeight - s.scrollTop - s.clientHeight < 12 }"
    )


def first_shown(page: Page) -> str:
    """Return the text of the row at the top of the view."""
    text: str = page.evaluate(
        "() => { const box = document.querySelector('[data-log-scroll]').getBoundingClientRect();"
        " const rows = [...document.querySelectorAll('.log-line, .log-mark')];"
        " return rows.find((row) => row.getBoundingClientRect().bottom > box.top + 4).innerText }"
    )
    return text
