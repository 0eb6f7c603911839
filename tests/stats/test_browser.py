"""Charts of usage in a real Chromium, with a history that the test tells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

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
PAGE = """<!doctype html><html lang="en" data-zone="%s"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">%s
<link rel="stylesheet" href="/static/vendor/uplot/uPlot.min.css">
<script type="module" src="/static/js/app.js"></script>
<link rel="modulepreload" href="/static/js/%s.js" data-page-module></head>
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


def answer_with(script: str, body: str, zone: str = "UTC") -> web.Response:
    """Return a page with a script of its own, of a reader in some time zone."""
    text = PAGE % (zone, HEAD, script, body, script_words())
    headers = {"Content-Security-Policy": POLICY}
    return web.Response(text=text, content_type="text/html", headers=headers)


class FakeHistory(FakeLive):
    """Serves a page with the charts, and their history."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, Any] = history()
        self.asked: list[str] = []
        self.status = 200
        self.zone = "UTC"

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
        return answer_with("charts", body, self.zone)


class FakeUsage(FakeLive):
    """Serves a page with what a container uses now."""

    async def _page(self, _request: web.Request) -> web.Response:
        shown = {"container": {"pk": 12}, "up": True}
        return answer_with("stats", render_to_string("container/usage.html", shown))


POINTS = "(lines) => lines.map((one) => one.getAttribute('points'))"


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


@pytest.mark.parametrize("together", [1, 2])
def test_a_reading_that_stands_alone_is_a_point(
    open_page: Callable[..., Page], server: FakeHistory, together: int
) -> None:
    """On a phone, two are no line either: they are less than a pixel apart."""
    alone = [300.0 if place % 100 < together else None for place in range(COUNT)]
    server.history["columns"] |= {"cpu": alone, "processes": [None] * COUNT}
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme="light")
    expect(page.locator("[data-charts]")).to_have_attribute("data-drawn", str(COUNT))
    assert page.evaluate(INK, "cpu") > page.evaluate(INK, "processes") + 20


def test_what_was_read_long_ago_says_when(
    open_page: Callable[..., Page], server: FakeHistory
) -> None:
    server.history |= {"begin": END - 540, "end": END + 3060}
    page = open_page(viewport={"width": 1200, "height": 900}, color_scheme="light")
    told = page.locator("[data-charts-at]")
    when = datetime.fromtimestamp(END, UTC).strftime("%a %H:%M:%S")
    expect(told).to_have_text(f"Last read: {when}")
    expect(page.locator(".charts.is-old")).to_have_count(1)
    server.history |= history()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(told).to_have_text("Newest values")
    expect(page.locator(".charts.is-old")).to_have_count(0)


TICKS = """async ([zone, from, to, apart]) => {
  const { ticks } = await import("/static/js/ticks.js");
  return ticks(zone)(null, 0, from, to, apart);
}"""


def test_days_begin_at_the_readers_midnight(open_page: Callable[..., Page]) -> None:
    """Also in the week in which clocks are changed; in Santiago that is at midnight itself."""
    page = open_page()
    weeks = [
        ("Europe/Berlin", "2026-03-26"), ("Europe/Berlin", "2026-10-22"), ("UTC", "2026-01-01"),
        ("America/Santiago", "2026-09-03"), ("America/Santiago", "2026-04-02"),
        ("Asia/Kolkata", "2026-01-01"),
    ]  # fmt: skip
    for zone, day in weeks:
        begin = datetime.fromisoformat(f"{day}T07:20").replace(tzinfo=ZoneInfo(zone))
        for hours in (6, 12, 24):
            from_, to = int(begin.timestamp()), int(begin.timestamp()) + 7 * 86400
            first = begin.replace(hour=0, minute=0)
            each = (first + timedelta(hours=number * hours) for number in range(8 * 24 // hours))
            wanted = [at for one in each if from_ <= (at := int(one.timestamp())) <= to]
            assert page.evaluate(TICKS, [zone, from_, to, hours * 3600]) == wanted, (zone, hours)


# What is written below the charts as they are drawn anew: texts and how far to the right.
WRITTEN = """() => {
  window.written = [];
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    window.written.push([text, x]);
    write.call(this, text, x, y);
  };
}"""


def test_days_stand_where_they_begin(open_page: Callable[..., Page], server: FakeHistory) -> None:
    begin = END - END % 86400 - 7 * 86400
    server.zone = "Asia/Tokyo"
    server.history |= {"begin": begin, "end": begin + 7 * 86400, "range": "7d", "step": 900}
    server.history["times"] = [begin + 900 * number for number in range(COUNT)]
    page = open_page(viewport={"width": 1200, "height": 900})
    expect(page.locator("[data-charts]")).to_have_attribute("data-drawn", str(COUNT))
    page.evaluate(WRITTEN)
    page.set_viewport_size({"width": 1210, "height": 900})
    page.wait_for_function("window.written.length > 9")
    day = datetime.fromtimestamp(begin, ZoneInfo("Asia/Tokyo")).replace(hour=0) + timedelta(days=1)
    stands = dict(page.evaluate("window.written"))[f"{day:%b} {day.day}"]
    wide = page.locator("[data-chart=cpu] .u-over").bounding_box()
    holder = page.locator("[data-chart=cpu] .u-wrap").bounding_box()
    assert wide and holder
    part = (day.timestamp() - begin) / (7 * 86400)
    assert stands == pytest.approx(wide["x"] - holder["x"] + part * wide["width"], abs=3)


def test_the_live_line_stands_by_time(browser: Browser) -> None:
    """What is older than a minute goes, and over a silence there is no line."""
    fake = FakeUsage()
    fake.start()
    page = browser.new_page()
    try:
        page.goto(fake.url)
        fake.expect("stream.open")
        line = page.locator("[data-usage=cpu] polyline")

        def tell(*seconds: int) -> None:
            readings = [[one * 1000, 20, 1, None, 0, 0, 0, 0, 1] for one in seconds]
            fake.send(type="stats", topic="stats", readings=readings, runs=True, note="")

        def starts() -> list[str]:
            return [points.split(",")[0] for points in line.evaluate_all(POINTS)]

        tell(*range(100, 130))
        expect(line).to_have_attribute("points", re.compile(r"^31\.0,.* 60\.0,"))
        tell(160, 161)  # a host that was lost for half a minute
        expect(line).to_have_count(2)
        assert starts() == ["0.0", "59.0"]
        tell(760)
        expect(line).to_have_count(1)
        assert starts() == ["59.5"]  # a short dash, as a line of one point is none
    finally:
        page.close()
        fake.stop()


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
