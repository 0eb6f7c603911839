"""The frame in a real Chromium: themes, keyboard, dialogs, chosen rows, actions as toasts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django import Settings

pytestmark = pytest.mark.browser


class Server(ThreadingMixIn, WSGIServer):
    """Answers many requests at once, as browsers ask."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Writes no access log."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    """Serve the page of all components to whoever asks; it reads no database."""
    settings.ROOT_URLCONF = "tests.dashboard.frame_urls"
    application = StaticFilesHandler(WSGIHandler())
    server = make_server("127.0.0.1", 0, application, Server, Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page of all components; its socket is refused, its posts are answered by the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(address)
    yield opened
    context.close()
    assert errors == []


@pytest.fixture
def posted(page: Page) -> list[tuple[str, dict[str, list[str]]]]:
    """What the page posts below /containers/, each answered with a job."""
    seen: list[tuple[str, dict[str, list[str]]]] = []

    def answer(route: Route) -> None:
        path = "/containers/" + route.request.url.split("/containers/")[1]
        seen.append((path, parse_qs(route.request.post_data or "")))
        job = {"id": 7, "href": "/jobs/7/", "message": "Restarting <b>web-1</b> on prod-2 …"}
        route.fulfill(status=202, content_type="application/json", body=json.dumps({"job": job}))

    page.route("**/containers/**", answer)
    return seen


def test_it_keeps_the_theme_over_a_reload(page: Page) -> None:
    page.locator("[popovertarget=user-menu]").click()
    page.locator("[data-theme-set=dark]").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_it_obeys_the_keyboard(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("?")
    expect(page.locator("#help")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url("**/host-list/")


def test_it_acts_on_a_row_without_leaving_the_page(
    page: Page, posted: list[tuple[str, dict[str, list[str]]]]
) -> None:
    page.locator("#container-1 .col-ports a").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    toast = page.locator("#toasts > li")
    expect(toast.locator(".toast-words")).to_have_text("Restarting <b>web-1</b> on prod-2 …")
    expect(toast.locator("a")).to_have_attribute("href", "/jobs/7/")
    assert [path for path, _data in posted] == ["/containers/1/restart/"]
    assert posted[0][1]["csrfmiddlewaretoken"]


def test_it_offers_in_the_row_menu_what_one_may_do(
    page: Page, posted: list[tuple[str, dict[str, list[str]]]]
) -> None:
    page.locator("#menu-3").click()
    menu = page.locator("#row-menu")
    expect(menu).to_be_visible()
    assert menu.locator("[data-act]:visible").all_inner_texts() == ["Stop", "Restart", "Remove"]
    menu.get_by_text("Stop").click()
    expect(page.locator("#toasts > li")).to_have_count(1)
    assert posted[0][0] == "/containers/3/stop/"
    expect(menu).to_be_hidden()


def test_it_asks_before_it_destroys(
    page: Page, posted: list[tuple[str, dict[str, list[str]]]]
) -> None:
    page.locator(".page-header .btn-danger").click()
    dialog = page.locator("#confirm")
    expect(dialog.locator("li")).to_have_count(2)
    yes = dialog.get_by_role("button", name="Remove 2 containers")
    expect(yes).to_be_disabled()
    dialog.locator("input").fill("web-")
    expect(yes).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert posted == []
    page.locator(".page-header .btn-danger").click()
    dialog.locator("input").fill("web-1")
    yes.click()
    expect(page.locator("#toasts > li")).to_have_count(1)
    assert [path for path, _data in posted] == ["/containers/1/remove/"]


def test_it_chooses_rows_by_range_and_all_that_match(page: Page) -> None:
    page.locator("#container-2 input").click()
    page.locator("#container-5 input").click(modifiers=["Shift"])
    count = page.locator("[data-bulk-count]")
    expect(count).to_have_text("4 chosen")
    page.locator("[data-bulk-all]").click()
    expect(count).to_have_text("240 chosen")
    assert page.locator("[data-bulk-everything]").input_value() == "1"
    page.locator("#container-2 input").click()
    expect(count).to_have_text("24 chosen")
    assert page.locator("[data-bulk-everything]").input_value() == ""
    page.locator("[data-bulk-clear]").click()
    expect(page.locator("[data-bulk-bar]")).to_be_hidden()


def test_it_tells_why_an_action_was_refused(page: Page) -> None:
    said = json.dumps({"message": "You may not restart web-1."})
    page.route("**/restart/", lambda route: route.fulfill(status=403, body=said))
    page.locator(".page-header button").first.click()
    expect(page.locator("#toasts [data-level=error], #toasts > li")).to_contain_text(
        "You may not restart web-1."
    )


def test_it_hides_a_column_at_once_and_saves_it(page: Page) -> None:
    page.get_by_role("button", name="Columns").click()
    with page.expect_request("**/preferences/") as asked:
        page.locator("[data-columns] [value=image]").uncheck()
    expect(page.locator("#container-1 .col-image")).to_be_hidden()
    saved = parse_qs(asked.value.post_data or "")
    assert saved["page"] == ["containers"]
    assert [key for key in saved["columns"] if key] == ["host"]


def test_rows_out_of_sight_are_laid_out_after_the_first_frame(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("data-drawn", "")


def test_it_keeps_the_tray_open_over_pages(page: Page) -> None:
    page.locator(".top [data-tray-toggle]").click()
    expect(page.locator("#tray")).to_be_visible()
    page.reload()
    expect(page.locator("#tray")).to_be_visible()


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_it_fits_narrow_windows(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
