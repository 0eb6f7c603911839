"""The next page in place (static/js/visit.js), in Chromium, over an engine without Docker."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from fleet.engine.fake import in_fake
from tests.browser.conftest import Fleet
from tests.stack import PASSWORD, Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
SignIn = Callable[..., Page]
NOWHERE = "{}/containers/999999/"


@pytest.fixture
def page(stack: Stack, fleet: Fleet, sign_in: SignIn) -> Page:
    """The fleet's page, live, with a mark that a page load would wipe off."""
    found = sign_in()
    found.wait_for_selector("html[data-connection=live]")
    found.evaluate("window.stayed = true")
    return found


def go(page: Page, name: str) -> None:
    """Follow a link of the side navigation."""
    page.locator(".side").get_by_role("link", name=name, exact=True).click()


def stayed(page: Page) -> bool:
    """Tell whether the browser still has the first page's scripts."""
    return bool(page.evaluate("window.stayed === true"))


def test_a_link_exchanges_the_page_and_keeps_the_frame(page: Page, stack: Stack) -> None:
    go(page, "Containers")
    expect(page).to_have_title("Containers · Quayside")
    expect(page).to_have_url(f"{stack.url}/containers/")
    expect(page.locator(".side [aria-current=page]")).to_have_text("Containers")
    expect(page.locator("#content")).to_be_focused()
    expect(page.locator("#visited")).to_have_text("Containers · Quayside")
    expect(page.locator("html")).to_have_attribute("data-drawn", "")
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page).to_have_url(f"{stack.url}/events/")
    expect(page.locator("h1")).to_have_text("Events")
    assert stayed(page)


def test_the_page_that_came_is_live(page: Page, fleet: Fleet) -> None:
    go(page, "Containers")
    row = page.locator("#container-rows > tr", has_text="web-1")
    expect(row).to_have_attribute("data-state", "running")
    state = fleet.fake.state
    in_fake(fleet.fake, lambda: state.stop(state.find("web-1")))
    expect(row).to_have_attribute("data-state", "exited")
    in_fake(fleet.fake, lambda: state.start(state.find("web-1")))
    expect(row).to_have_attribute("data-state", "running")
    expect(page.locator("html")).to_have_attribute("data-connection", "live")
    assert stayed(page)


SHEETS = "[...document.styleSheets].map(s => s.href?.match(/css[/](\\w+)/)?.[1])"


def test_each_page_has_its_own_styles_in_their_order(page: Page) -> None:
    go(page, "Events")
    expect(page).to_have_title("Events · Quayside")
    go(page, "Fleet")
    expect(page).to_have_title("Fleet · Quayside")
    found = page.evaluate(SHEETS)
    page.reload()
    assert found == page.evaluate(SHEETS)
    assert found[-4:] == ["fleet", "hosts", "events", "usage"]
    go(page, "Jobs")
    expect(page).to_have_title("Jobs · Quayside")
    assert page.evaluate(SHEETS)[-2:] == ["print", "jobs"]


def test_back_and_forward_keep_the_place(page: Page, stack: Stack) -> None:
    page.set_viewport_size({"width": 1200, "height": 300})
    go(page, "Administration")
    expect(page.locator("h1")).to_have_text("Administration")
    page.evaluate("scrollTo(0, 120)")
    go(page, "Jobs")
    expect(page).to_have_title("Jobs · Quayside")
    assert page.evaluate("scrollY") == 0
    page.go_back()
    expect(page.locator("h1")).to_have_text("Administration")
    expect(page).to_have_url(f"{stack.url}/administration/")
    page.wait_for_function("scrollY === 120")
    page.go_forward()
    expect(page).to_have_title("Jobs · Quayside")
    assert stayed(page)


def test_back_leads_through_what_was_searched(page: Page, stack: Stack) -> None:
    go(page, "Containers")
    page.locator("#list-q").fill("web-1")
    expect(page.locator("#container-rows > tr")).to_have_count(1)
    expect(page).to_have_url(f"{stack.url}/containers/?q=web-1")
    page.locator("#container-rows .name a").click()
    expect(page.locator("h1")).to_have_text("web-1")
    page.go_back()
    expect(page.locator("#list-q")).to_have_value("web-1")
    expect(page.locator("#container-rows > tr")).to_have_count(1)
    page.go_back()
    expect(page).to_have_url(f"{stack.url}/containers/")
    expect(page.locator("#list-q")).to_have_value("")
    expect(page.locator("#container-rows > tr")).not_to_have_count(1)
    assert stayed(page)


def test_a_log_is_begun_anew_and_left_behind(page: Page, stack: Stack, fleet: Fleet) -> None:
    go(page, "Containers")
    page.locator("#container-rows .name a", has_text="web-2").click()
    for _again in range(2):
        page.locator(".tabs").get_by_role("link", name="Logs", exact=True).click()
        expect(page.locator("[data-log-state]")).not_to_have_text("Opening …")
        page.get_by_role("link", name="Overview", exact=True).click()
        expect(page.locator("[data-log]")).to_have_count(0)
    page.get_by_role("link", name="Inspect", exact=True).click()
    page.locator("[data-tree-search]").fill("hostname")
    expect(page.locator("[data-tree-count]")).not_to_be_empty()
    assert stayed(page)


def test_the_choice_of_rows_and_dialogs_end_with_the_page(page: Page) -> None:
    go(page, "Containers")
    page.locator("thead input[data-tick-all]").check()
    expect(page.locator("html")).to_have_attribute("data-bulk", "open")
    page.locator("[data-bulk-bar] button", has_text="Stop").click()
    expect(page.locator("dialog[open]")).to_be_visible()
    page.go_back()
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("html")).not_to_have_attribute("data-bulk", "open")
    assert stayed(page)


def test_the_last_of_two_links_wins(page: Page, stack: Stack) -> None:
    held: list[Route] = []
    page.route("**/hosts/", lambda route: held.append(route))
    go(page, "Hosts")
    page.wait_for_selector("html[data-visiting]", state="attached")
    go(page, "Jobs")
    expect(page).to_have_title("Jobs · Quayside")
    page.unroute_all()
    expect(page).to_have_url(f"{stack.url}/jobs/")
    expect(page.locator("html")).not_to_have_attribute("data-visiting", "")
    assert stayed(page)


@pytest.mark.parametrize("unusual", ["version", "failure", "file"])
def test_what_is_unusual_is_loaded_by_the_browser(page: Page, stack: Stack, unusual: str) -> None:
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.resource_type)
        if len(asked) > 1:
            route.continue_()
        elif unusual == "version":
            route.fulfill(body=route.fetch().text().replace("js/app.", "js/app-newer."))
        elif unusual == "failure":
            route.abort("connectionrefused")
        else:
            route.fulfill(body="a,b", content_type="text/csv")

    page.route("**/hosts/", answer)
    go(page, "Hosts")
    expect(page).to_have_title("Hosts · Quayside")
    expect(page).to_have_url(f"{stack.url}/hosts/")
    assert asked == ["fetch", "document"]
    assert not stayed(page)


def test_a_link_into_the_page_keeps_what_was_typed(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/hosts/add/?kind=tcp")
    page.fill("#id_name", "prod-7")
    for _again in range(2):
        page.locator(".skip").evaluate("link => link.click()")
        page.locator(".skip").focus()
        page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stack.url}/hosts/add/?kind=tcp#content")
    expect(page.locator("#id_name")).to_have_value("prod-7")


def test_what_only_the_browser_has_is_left_by_loading(page: Page, stack: Stack) -> None:
    follow(page, "/hosts/add/?kind=tcp")
    expect(page.locator("h1")).to_have_text("Add host")
    assert stayed(page)
    page.fill("#id_name", "?")  # what was typed
    go(page, "Jobs")
    expect(page).to_have_title("Jobs · Quayside")
    assert not stayed(page)
    page.goto(f"{stack.url}/hosts/add/?kind=tcp")
    page.locator("main form button.btn-primary").click()
    expect(page.locator("body[data-posted]")).to_be_visible()  # the answer to a post
    page.evaluate("window.stayed = true")
    go(page, "Jobs")
    expect(page).to_have_title("Jobs · Quayside")
    assert not stayed(page)


def test_who_goes_elsewhere_is_not_called_back(page: Page, stack: Stack) -> None:
    held: list[Route] = []
    page.route("**/hosts/", lambda route: held.append(route))
    go(page, "Hosts")
    page.wait_for_selector("html[data-visiting]", state="attached")
    page.keyboard.press("Escape")
    expect(page.locator("html")).not_to_have_attribute("data-visiting", "")
    go(page, "Hosts")
    page.reload()
    page.unroute_all()
    page.wait_for_selector("html[data-connection=live]")
    expect(page).to_have_title("Fleet · Quayside")
    expect(page).to_have_url(f"{stack.url}/")


def test_the_way_back_cannot_be_stopped_halfway(page: Page, stack: Stack) -> None:
    """Its address is there before its page: Escape would leave the page that is there under it."""
    go(page, "Jobs")
    expect(page).to_have_title("Jobs · Quayside")
    held: list[Route] = []
    page.route(f"{stack.url}/", lambda route: held.append(route))
    page.evaluate("history.back()")
    page.wait_for_selector("html[data-visiting]", state="attached")
    page.keyboard.press("Escape")
    held[0].continue_()
    expect(page).to_have_title("Fleet · Quayside")
    expect(page).to_have_url(f"{stack.url}/")
    assert stayed(page)


def refuse_once(page: Page, part: str) -> None:
    """Let one file of ours fail, as while Quayside is started again."""
    page.route(re.compile(part), lambda route: route.abort("connectionrefused"), times=1)


def test_a_script_that_failed_is_asked_for_again(page: Page, fleet: Fleet) -> None:
    page.goto(page.url + f"containers/{fleet.containers['web-2']}/")
    page.evaluate("window.stayed = true")
    refuse_once(page, r"/static/js/tree[.]")
    page.get_by_role("link", name="Inspect", exact=True).click()
    page.wait_for_function("() => window.stayed === undefined")
    page.locator("[data-tree-search]").fill("hostname")
    expect(page.locator("[data-tree-count]")).not_to_be_empty()


def test_a_page_whose_style_failed_is_loaded(page: Page) -> None:
    refuse_once(page, r"/static/css/jobs[.]")
    go(page, "Jobs")
    expect(page).to_have_title("Jobs · Quayside")
    page.wait_for_load_state()
    assert page.evaluate(SHEETS)[-2:] == ["print", "jobs"]
    assert not stayed(page)


def test_a_form_that_was_stopped_can_be_sent_again(
    new_page: Callable[..., Page], stack: Stack
) -> None:
    page = new_page()
    page.goto(f"{stack.url}/accounts/login/")
    page.fill("input[name=login]", "root")
    page.fill("input[name=password]", PASSWORD)
    page.route("**/accounts/login/", lambda route: None, times=1)
    button = page.get_by_role("button", name="Sign in", exact=True)
    with page.expect_request("**/accounts/login/"):
        button.click(no_wait_after=True)
    page.context.new_cdp_session(page).send("Page.stopLoading")
    expect(button).not_to_have_attribute("aria-busy", "true")
    button.click()
    expect(page).to_have_title("Fleet · Quayside")


def test_an_answer_for_the_page_that_was_left_is_dropped(page: Page) -> None:
    go(page, "Containers")
    page.locator("thead input[data-tick-all]").check()
    held: list[Route] = []
    page.route("**/containers/bulk/**", lambda route: held.append(route))
    page.locator("[data-bulk-bar] button", has_text="Stop").click()
    go(page, "Jobs")
    expect(page).to_have_title("Jobs · Quayside")
    with page.expect_response("**/containers/bulk/**"):
        held[0].continue_()
    page.wait_for_timeout(300)
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert stayed(page)


def test_a_redirect_is_followed(page: Page, stack: Stack) -> None:
    follow(page, "/hosts")
    expect(page).to_have_title("Hosts · Quayside")
    expect(page).to_have_url(f"{stack.url}/hosts/")
    assert stayed(page)


def follow(page: Page, address: str) -> None:
    """Let the brand lead to an address, and follow it."""
    page.locator(".side a.brand").evaluate("(link, to) => (link.href = to)", address)
    page.locator(".side a.brand").click()


def test_the_way_back_from_a_page_that_is_gone(page: Page, stack: Stack) -> None:
    go(page, "Jobs")
    expect(page).to_have_title("Jobs · Quayside")
    page.go_back()
    expect(page).to_have_title("Fleet · Quayside")
    page.route(
        "**/jobs/", lambda route: route.fulfill(response=route.fetch(url=NOWHERE.format(stack.url)))
    )
    page.go_forward()
    expect(page.locator("main.plain h1")).to_be_visible()
    page.wait_for_load_state()
    page.go_back()
    expect(page).to_have_title("Fleet · Quayside")
    expect(page).to_have_url(f"{stack.url}/")


def test_a_page_without_the_frame_is_loaded(page: Page, stack: Stack) -> None:
    follow(page, "/containers/999999/")
    expect(page.locator("main.plain h1")).to_be_visible()
    page.go_back()
    expect(page).to_have_title("Fleet · Quayside")


def test_who_was_signed_out_is_led_to_the_sign_in(page: Page, stack: Stack) -> None:
    page.context.clear_cookies()
    go(page, "Hosts")
    expect(page).to_have_url(f"{stack.url}/accounts/login/?next=%2Fhosts%2F")
    assert not stayed(page)


def test_a_browser_without_the_navigation_api_loads_pages(page: Page, stack: Stack) -> None:
    page.add_init_script("delete window.navigation; window.loaded = location.pathname")
    page.reload()
    go(page, "Hosts")
    expect(page).to_have_title("Hosts · Quayside")
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page).to_have_title("Containers · Quayside")
    assert page.evaluate("window.loaded") == "/containers/"
