"""Charts of usage in a real Chromium, with a history that the test tells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from django.template.loader import render_to_string
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Route as PageRoute

from dashboard.templatetags.quayside import script_words
from tests.browser.fake_live import FakeLive

pytestmark = pytest.mark.browser
SHEETS = ("css/tokens", "css/frame", "css/components", "css/controls", "css/table", "css/charts")
HEAD = "".join(f'<link rel="stylesheet" href="/static/{name}.css">' for name in SHEETS)
PAGE = """<!doctype html><html lang="en" data-zone="UTC"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">%s
<link rel="stylesheet" href="/static/vendor/uplot/uPlot.min.css">
<script type="module" src="/static/js/app.js"></script>
<link rel="modulepreload" href="/static/js/charts.js" data-page-module></head>
<body data-live="/ws/live/" data-sign-in="/sign-in/"><main>%s</main><ol id="toasts"></ol>%s
</body></html>"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src data:; font-src 'self'"
)
END = 1_790_000_000 - 1_790_000_000 % 3600
COUNT = 360
HALF = re.compile("(179|180) %")  # the middle of the hour


def history() -> dict[str, Any]:
    """Return an hour: the processor rises from 0 to 359 %, memory stands at 48 MiB of 64."""
    times = [END - 3600 + 10 * (number + 1) for number in range(COUNT)]
    flat = {"memory": 48 * 2**20, "memory_limit": 64 * 2**20, "received": 1000, "sent": 2000}
    columns: dict[str, list[float | None]] = {k: [v] * COUNT for k, v in flat.items()}
    columns |= {"cpu": [float(n) for n in range(COUNT)], "processes": [3.0] * COUNT}
    columns |= {"read": [None] * COUNT, "written": [None] * COUNT}
    marks = [{"at": (END - 1800) * 1000, "words": "<b>ran out of memory</b>", "tone": "bad"}]
    return {
        "range": "1h", "step": 10, "begin": END - 3600, "end": END, "times": times,
        "columns": columns, "marks": marks,
    }  # fmt: skip


class FakeHistory(FakeLive):
    """Serves a page with the charts, and their history."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, Any] = history()
        self.asked: list[str] = []
        self.status = 200

    def answer(self, route: PageRoute) -> None:
        """Answer what the page asks of the API."""
        self.asked.append(route.request.url)
        route.fulfill(json=self.history, status=self.status)

    async def _page(self, _request: web.Request) -> web.Response:
        body = render_to_string(
            "components/charts.html",
            {
                "source": "/history", "range": "1h", "sampled": True, "limit_memory": 2**30,
                "ranges": [{"href": "?range=24h", "label": "24 hours", "active": False}],
            },
        )  # fmt: skip
        text = PAGE % (HEAD, body, script_words())
        headers = {"Content-Security-Policy": POLICY}
        return web.Response(text=text, content_type="text/html", headers=headers)


@pytest.fixture
def server() -> Iterator[FakeHistory]:
    """A server with the charts."""
    fake = FakeHistory()
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def open_page(browser: Browser, server: FakeHistory) -> Iterator[Callable[..., Page]]:
    """open_page(**options) -> the page; errors and broken policies fail the test."""
    opened: list[Page] = []
    errors: list[str] = []

    def make(**options: Any) -> Page:
        page = browser.new_context(**options).new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda note: errors.append(note.text) if "Policy" in note.text else None)
        page.route("**/history?*", server.answer)
        page.goto(server.url)
        opened.append(page)
        return page

    yield make
    for page in opened:
        page.context.close()
    assert errors == []


def value(page: Page, name: str) -> Any:
    """Return the words beside a chart's title."""
    return page.locator(f"[data-chart={name}] [data-chart-now]")


# How many points of a chart are not the ground: something is drawn.
INK = """(name) => {
  const canvas = document.querySelector(`[data-chart=${name}] canvas`);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    count += data[at + 2] > data[at] + 80 && data[at + 3] > 99;
  }
  return count;
}"""


def test_it_draws_and_tells_the_newest_values(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 1200, "height": 900}, color_scheme="light")
    expect(value(page, "cpu")).to_have_text("359 %")
    expect(value(page, "memory")).to_have_text("48.0 MiB of 64.0 MiB")
    expect(value(page, "network")).to_have_text("in 1000 B/sout 2.0 KiB/s")
    expect(value(page, "disk")).to_have_text("–")
    assert page.evaluate(INK, "cpu") > 300  # a line over the whole width
    assert page.evaluate(INK, "disk") < 10
    page.click("summary")
    row = page.locator("[data-charts-table] tr").first
    expect(row).to_have_text("Processor359 %180 %359 %")
    # What happened is text, never HTML.
    expect(page.locator("[data-charts-marks] button")).to_contain_text("<b>ran out of memory</b>")


def test_one_cursor_reads_all_charts(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 1200, "height": 900})
    expect(value(page, "cpu")).to_have_text("359 %")
    box = page.locator("[data-chart=memory] .u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    expect(value(page, "cpu")).to_have_text(HALF)
    expect(page.locator("[data-charts-at]")).to_contain_text("ran out of memory")
    left = "(name) => document.querySelector(`[data-chart=${name}] .u-cursor-x`).style.transform"
    assert page.evaluate(left, "cpu") == page.evaluate(left, "processes") != ""
    page.mouse.move(2, 2)
    expect(value(page, "cpu")).to_have_text("359 %")


def test_dragging_zooms_all_charts_and_a_button_leads_back(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 1200, "height": 900})
    expect(value(page, "cpu")).to_have_text("359 %")
    box = page.locator("[data-chart=network] .u-over").bounding_box()
    assert box
    y = box["y"] + 40
    page.mouse.move(box["x"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, y, steps=4)
    page.mouse.up()
    back = page.locator('[data-charts-zoom="reset"]')
    expect(back).to_be_enabled()
    cpu = page.locator("[data-chart=cpu] .u-over")
    end = cpu.bounding_box()
    assert end
    page.mouse.move(end["x"] + end["width"] - 1, end["y"] + 20)
    expect(value(page, "cpu")).to_have_text(HALF)  # half of the hour is the whole width
    back.click()
    expect(back).to_be_disabled()


def test_keys_do_what_a_mouse_does(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 1200, "height": 900})
    expect(value(page, "cpu")).to_have_text("359 %")
    page.focus("[data-chart=cpu] [data-chart-plot]")
    page.keyboard.press("Home")
    expect(value(page, "cpu")).to_have_text("0.0 %")
    page.keyboard.press("ArrowRight")
    expect(value(page, "cpu")).to_have_text("1.0 %")
    page.keyboard.press("+")
    expect(page.locator('[data-charts-zoom="reset"]')).to_be_enabled()
    page.keyboard.press("0")
    expect(page.locator('[data-charts-zoom="reset"]')).to_be_disabled()
    page.click("[data-charts-marks] button")
    expect(value(page, "cpu")).to_have_text(HALF)


def test_a_finger_reads_values_on_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    expect(value(page, "cpu")).to_have_text("359 %")
    box = page.locator("[data-chart=cpu] .u-over").bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 40)
    expect(value(page, "cpu")).to_have_text(HALF)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_it_says_why_there_is_nothing(open_page: Callable[..., Page], server: FakeHistory) -> None:
    server.history |= {"times": [], "columns": {}, "marks": []}
    page = open_page()
    note = page.locator("[data-charts-note]")
    expect(note).to_contain_text("Nothing was read")
    server.status = 500
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(note).to_contain_text("Trying again")
    server.history, server.status = json.loads(json.dumps(history())), 200
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(note).to_be_hidden()
    expect(value(page, "cpu")).to_have_text("359 %")
    assert server.asked[-1].endswith("/history?range=1h")
