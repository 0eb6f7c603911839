"""Pages of hosts and containers in real Chromium, over engines that need no Docker."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial

import pytest
from playwright.sync_api import Locator, Page, expect

from fleet.engine.fake import in_fake
from tests.browser.conftest import Api, Fleet
from tests.stack import Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
SignIn = Callable[..., Page]


def live(page: Page, address: str) -> None:
    """Open a page and wait until it is live."""
    page.goto(address)
    page.wait_for_selector("html[data-connection=live]")


def test_a_job_started_elsewhere_appears_and_moves(
    stack: Stack, api: Api, fleet: Fleet, sign_in: SignIn
) -> None:
    page = sign_in()
    pk = fleet.containers["web-1"]
    live(page, f"{stack.url}/containers/{pk}/jobs/")
    expect(page.locator("#jobs-empty")).to_contain_text("No jobs yet")
    page.evaluate("window.stayed = true")
    in_fake(fleet.fake, lambda: setattr(fleet.fake.faults, "stop_takes", 4.0))
    job = api("POST", f"/containers/{pk}/restart", {})["id"]
    in_list = page.locator(f"#job-rows > #container-job-{job}")
    expect(in_list.locator(".col-state")).to_contain_text("running")
    expect(page.locator("#jobs-empty")).not_to_contain_text("No jobs yet")
    expect(in_list.locator(".col-state")).to_contain_text("succeeded", timeout=20_000)
    expect(in_list.locator(".col-actor")).to_have_text("root")
    assert page.evaluate("window.stayed"), "the page was not loaded again"


def test_a_container_s_page_tells_what_it_uses(stack: Stack, fleet: Fleet, sign_in: SignIn) -> None:
    page, other = sign_in(), sign_in()
    address = f"{stack.url}/containers/{fleet.containers['web-1']}/"
    value = "[data-usage={}] [data-usage-value]"
    for one in (page, other):
        live(one, address)
        expect(one.locator(value.format("cpu"))).to_have_text("25.0 %")
        expect(one.locator(value.format("memory"))).to_have_text("48.0 MiB of 256 MiB")
        expect(one.locator(value.format("network"))).to_have_text("↓ 1000 B/s ↑ 2.0 KiB/s")
    asked = [one for one in fleet.fake.requests if "/stats?stream=1" in one]
    assert len(asked) == 1, "both read one stream"
    other.close()
    state = fleet.fake.state
    in_fake(fleet.fake, lambda: state.stop(state.find("web-1")))
    expect(page.locator("[data-usage-note]")).to_contain_text("It does not run")
    in_fake(fleet.fake, lambda: state.start(state.find("web-1")))
    expect(page.locator("[data-usage-note]")).to_be_empty()
    expect(page.locator("[data-usage=cpu] polyline")).not_to_have_attribute("points", "")
    web = state.find("web-1")
    assert web.measured == 1
    page.locator(".tabs").get_by_role("link", name="Events").click()
    eventually(lambda: web.measured == 0, "nobody measures any more", seconds=10)


def switcher(page: Page, kind: str) -> Locator:
    """Open one of the breadcrumb's menus; return it."""
    page.locator(f"[popovertarget=switch-{kind}]").click()
    menu = page.locator(f"#switch-{kind}")
    expect(menu.locator("li").first).to_be_visible()
    return menu


def test_the_breadcrumb_switches_to_a_sibling_and_keeps_the_tab(
    stack: Stack, fleet: Fleet, sign_in: SignIn
) -> None:
    page = sign_in()
    first, second = (fleet.containers[name] for name in ("web-1", "web-2"))
    live(page, f"{stack.url}/containers/{first}/events/")
    menu = switcher(page, "container")
    expect(menu.locator("[aria-current]")).to_contain_text("web-1")
    expect(menu.locator("[aria-current]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.locator("[popovertarget=switch-container]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(menu.locator("[aria-current]")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("link", name="web-2")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{stack.url}/containers/{second}/events/")
    switcher(page, "host").get_by_role("link", name="fake-1").last.click()
    page.wait_for_url(f"{stack.url}/hosts/{fleet.host}/")
    switcher(page, "environment").get_by_role("link", name="faked").click()
    page.wait_for_url(f"{stack.url}/hosts/?environment=faked")


def test_many_siblings_are_filtered_as_one_types(
    stack: Stack, api: Api, fleet: Fleet, sign_in: SignIn
) -> None:
    for number in range(60):
        in_fake(fleet.fake, partial(fleet.fake.state.add, f"many-{number:02}"))
    many = "/containers?host=fake-1&limit=1"
    eventually(lambda: api("GET", many)["count"] == 62, "all are known", seconds=30)
    page = sign_in()
    live(page, f"{stack.url}/containers/{fleet.containers['web-1']}/jobs/")
    menu = switcher(page, "container")
    expect(menu.locator("li")).to_have_count(50)
    expect(menu.locator(".switch-all")).to_have_text("Show all 62")
    expect(menu.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("many-3")
    expect(menu.locator("li")).to_have_count(10)
    expect(menu.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("7")
    page.keyboard.press("Enter")  # at once: it waits for the list of what was typed
    expect(page.locator("h1")).to_have_text("many-37")
    assert page.url.endswith("/jobs/")


def test_it_switches_on_a_phone(stack: Stack, fleet: Fleet, sign_in: SignIn) -> None:
    page = sign_in(has_touch=True)
    page.set_viewport_size({"width": 360, "height": 740})
    live(page, f"{stack.url}/containers/{fleet.containers['web-1']}/events/")
    menu = switcher(page, "container")
    box = menu.bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    menu.get_by_role("link", name="Containers of fake-1").click()
    page.wait_for_url(f"{stack.url}/hosts/{fleet.host}/")
    expect(page.locator("[popovertarget=switch-host]")).to_be_visible()


def test_without_scripts_the_breadcrumb_is_plain_links(
    stack: Stack, fleet: Fleet, sign_in: SignIn, new_page: Callable[..., Page]
) -> None:
    signed_in = sign_in().context.storage_state()
    page = new_page(java_script_enabled=False, storage_state=signed_in)
    page.goto(f"{stack.url}/containers/{fleet.containers['web-1']}/events/")
    expect(page.locator("[popovertarget^=switch]").first).to_be_hidden()
    page.locator(".crumbs").get_by_role("link", name="fake-1").click()
    page.wait_for_url(f"{stack.url}/hosts/{fleet.host}/")


@pytest.mark.parametrize("size", [(360, 740), (1024, 768)])
def test_a_job_is_cancelled_and_tried_again_by_touch(
    stack: Stack, api: Api, fleet: Fleet, sign_in: SignIn, size: tuple[int, int]
) -> None:
    takes = partial(setattr, fleet.fake.faults, "stop_takes")
    in_fake(fleet.fake, lambda: takes(30.0))
    job = api("POST", f"/containers/{fleet.containers['web-2']}/restart", {})["id"]
    page = sign_in(has_touch=True, is_mobile=True)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    live(page, f"{stack.url}/jobs/")
    row = page.locator(f"#job-{job}")
    expect(row.get_by_role("button", name="Cancel")).to_be_in_viewport(ratio=1)
    row.get_by_role("button", name="Cancel").tap()
    in_fake(fleet.fake, lambda: takes(0.0))
    row.get_by_role("button", name="Try again").tap()
    newest = page.locator("#job-rows > tr").first
    expect(newest).not_to_have_id(f"job-{job}")
    expect(newest).to_contain_text("succeeded", timeout=20_000)


@pytest.mark.parametrize("size", [(360, 740), (1024, 768)])
def test_the_menu_of_a_container_s_row_opens_by_touch(
    stack: Stack, fleet: Fleet, sign_in: SignIn, size: tuple[int, int]
) -> None:
    page = sign_in(has_touch=True, is_mobile=True)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    live(page, f"{stack.url}/containers/?host=fake-1&q=web-1")
    row = page.locator(f"#container-{fleet.containers['web-1']}")
    row.locator("[data-row-menu]").tap()
    for act in ("restart", "stop", "logs", "terminal"):
        expect(page.locator(f"#row-menu [data-act={act}]")).to_be_in_viewport(ratio=1)
    expect(row.locator("button.row-act").first).to_be_hidden()
    page.locator("#row-menu [data-act=terminal]").tap()
    expect(page.locator("[data-term-state]")).to_have_attribute("data-state", "open")


def test_the_menu_of_a_container_s_row_leads_to_its_terminal_by_keyboard(
    stack: Stack, fleet: Fleet, sign_in: SignIn
) -> None:
    page = sign_in()
    live(page, f"{stack.url}/containers/?host=fake-1&q=web-1")
    page.locator(f"#container-{fleet.containers['web-1']} [data-row-menu]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#row-menu")).to_be_visible()
    for _step in range(2):  # from the first item backwards: its page, then its terminal
        page.keyboard.press("ArrowUp")
    expect(page.locator("#row-menu [data-act=terminal]")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/containers/{fleet.containers['web-1']}/terminal/")
    expect(page.locator("[data-term-state]")).to_have_attribute("data-state", "open")
    page.go_back()
    expect(page.locator("#container-rows > tr")).to_have_count(1)


@pytest.mark.parametrize("address", ["/containers/{}/", "/containers/?host=fake-1&q=web-1"])
def test_it_prints_what_is_known_and_as_of_when(
    stack: Stack, fleet: Fleet, sign_in: SignIn, address: str
) -> None:
    page = sign_in(color_scheme="dark")
    here = stack.url + address.format(fleet.containers["web-1"])
    live(page, here)
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    expect(page.locator(".printed")).to_be_hidden()
    page.set_viewport_size({"width": 718, "height": 1000})
    page.emulate_media(media="print")
    expect(page.locator(".printed")).to_contain_text(f"{here}, as of")
    expect(page.locator(".content").get_by_text("web-1").first).to_be_visible()
    for hidden in (".side", ".top", ".tray", ".tabs", ".filters", ".buttons", ".acts", "input"):
        assert not any(one.is_visible() for one in page.locator(hidden).all()), hidden
    over = "[...document.querySelectorAll('.content *')].filter((one) => one.checkVisibility() && "
    over += "['sticky', 'fixed'].includes(getComputedStyle(one).position)).length"
    assert page.evaluate(over) == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).colorScheme") == "light"
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_what_is_printed_later_says_so(stack: Stack, fleet: Fleet, sign_in: SignIn) -> None:
    page = sign_in()
    live(page, f"{stack.url}/containers/{fleet.containers['web-1']}/")
    time = page.locator("[data-printed-time]")
    before = time.text_content()
    page.wait_for_timeout(1100)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert time.text_content() != before
    page.goto(f"{stack.url}/containers/{fleet.containers['web-1']}/inspect/?now=1")
    page.wait_for_selector("html[data-connection=live]")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    as_it_came = time.text_content()
    page.wait_for_timeout(1100)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert time.text_content() == as_it_came


def test_the_audit_log_is_downloaded_whole(
    stack: Stack, api: Api, fleet: Fleet, sign_in: SignIn
) -> None:
    page = sign_in()
    page.goto(f"{stack.url}/administration/audit/")
    (newest,) = api("GET", "/audit?limit=1")["items"]
    with page.expect_download() as coming:
        page.click("a[download]")
    with coming.value.path().open(newline="") as file:
        numbers = [int(row["number"]) for row in csv.DictReader(file)]
    assert numbers == [*range(1, newest["number"] + 1)] and len(numbers) > 1
