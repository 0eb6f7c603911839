"""static/js/live.js in a real Chromium, against a server that says what the test wants."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.fake_live import FakeLive, row

pytestmark = pytest.mark.browser


@pytest.fixture
def server() -> Iterator[FakeLive]:
    """A server with five rows."""
    fake = FakeLive()
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def page(browser: Browser, server: FakeLive) -> Iterator[Page]:
    """A live page, the mouse away from the list, errors collected and checked."""
    opened = browser.new_page(viewport={"width": 900, "height": 700})
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(server.url)
    expect_state(opened, "live")
    opened.mouse.move(880, 690)
    yield opened
    opened.close()
    assert errors == []


def expect_state(page: Page, state: str) -> None:
    """Wait for the connection's state."""
    expect(page.locator("html")).to_have_attribute("data-connection", state, timeout=15000)


def order(page: Page) -> list[str]:
    """Return the rows' ids as they stand."""
    found: list[str] = page.evaluate("[...document.querySelectorAll('#rows > tr')].map(r => r.id)")
    return found


def expect_order(page: Page, *numbers: int) -> None:
    """Wait for the rows to stand like this."""
    wanted = [f"c-{number}" for number in numbers]
    page.wait_for_function(
        "w => JSON.stringify([...document.querySelectorAll('#rows > tr')].map(r => r.id)) === w",
        arg=str(wanted).replace("'", '"').replace(" ", ""),
    )


def state_of(page: Page, number: int) -> str:
    """Return the word in a row's state cell."""
    return page.locator(f"#c-{number} .state").inner_text()


def test_it_says_what_the_page_shows(page: Page, server: FakeLive) -> None:
    topic = server.expect("subscribe")["topics"][0]
    assert topic["topic"] == "containers"
    assert topic["args"] == "state=running"
    assert topic["have"] == {"count": "1", **{f"c-{n}": "1" for n in range(1, 6)}}
    assert topic["lists"] == {"rows": [f"c-{n}" for n in range(1, 6)]}


def test_it_replaces_a_row_in_place(page: Page, server: FakeLive) -> None:
    server.update(c_2=row(2, "2", "exited"))
    expect(page.locator("#c-2 .state")).to_have_text("exited")
    assert order(page) == [f"c-{n}" for n in range(1, 6)]
    assert page.locator("#c-2").get_attribute("data-rev") == "2"


EMPTY = """main => {
    main.dataset.liveReload = "";
    main.innerHTML = "<p>Nothing here yet</p>";
}"""


def test_it_loads_an_empty_page_again_once_there_is_something(page: Page, server: FakeLive) -> None:
    page.locator("main").evaluate(EMPTY)
    server.update(order=[])
    server.update(order=[1], c_1=row(1))
    expect_order(page, 1, 2, 3, 4, 5)


BAR = """<div data-bulk-bar data-total="5"><strong data-bulk-count></strong>
<button data-bulk-all></button></div>"""


def test_the_bar_for_chosen_rows_follows_the_total(page: Page, server: FakeLive) -> None:
    page.locator("body").evaluate("(body, bar) => body.insertAdjacentHTML('beforeend', bar)", BAR)
    page.locator("#c-1 input").check()
    expect(page.locator("[data-bulk-all]")).to_have_text("all 5 that match")
    fragment = '<p id="count" data-live-fragment data-total="70" data-rev="2">70</p>'
    server.send(type="update", topic="containers", set={"count": fragment}, lists={})
    expect(page.locator("[data-bulk-all]")).to_have_text("all 70 that match")


def test_it_replaces_a_fragment(page: Page, server: FakeLive) -> None:
    fragment = '<p id="count" data-live-fragment data-rev="2">6 &lt;b&gt;</p>'
    server.send(type="update", topic="containers", set={"count": fragment}, lists={})
    expect(page.locator("#count")).to_have_text("6 <b>")


def test_what_is_unfolded_stays_so_when_it_moves(page: Page, server: FakeLive) -> None:
    def card(rev: int, *names: str) -> dict[str, str]:
        folds = "".join(
            f'<details id="fold-{name}"><summary>{name}</summary>inside {name}</details>'
            for name in names
        )
        return {"count": f'<div id="count" data-live-fragment data-rev="{rev}">{folds}</div>'}

    server.send(type="update", topic="containers", set=card(2, "a", "b"), lists={})
    page.locator("#fold-a summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("details[open]")).to_have_id("fold-a")
    server.send(type="update", topic="containers", set=card(3, "new", "a", "b"), lists={})
    expect(page.locator("#fold-new")).to_be_visible()
    expect(page.locator("details[open]")).to_have_id("fold-a")


def head(rev: int, state: str, *items: str) -> dict[str, str]:
    """A head with a menu, as pages of builds, images, hosts and containers have."""
    buttons = "".join(f'<button class="menu-item">{item}</button>' for item in items)
    return {
        "count": f"""<div id="count" data-live-fragment data-rev="{rev}"><h1>web</h1> {state}
        <div class="buttons"><button>{state}</button>
        <button id="more" popovertarget="more-menu">more</button>
        <div id="more-menu" class="menu" popover data-menu>{buttons}</div></div></div>"""
    }


def test_an_open_menu_stays_open_when_what_is_around_it_changes(
    page: Page, server: FakeLive
) -> None:
    server.send(
        type="update", topic="containers", set=head(2, "queued", "Edit", "Remove"), lists={}
    )
    page.click("#more")
    menu = page.locator("#more-menu:popover-open")
    page.keyboard.press("Tab")
    expect(menu.locator("text=Edit")).to_be_focused()
    place = menu.bounding_box()
    server.send(
        type="update", topic="containers", set=head(3, "running", "Edit", "Remove"), lists={}
    )
    expect(page.locator("#count")).to_contain_text("running")
    expect(menu.locator("text=Edit")).to_be_focused()
    assert menu.bounding_box() == place
    server.send(type="update", topic="containers", set=head(4, "done", "Run", "Edit"), lists={})
    expect(menu).to_have_text("RunEdit")
    expect(page.locator("#count .buttons > button").first).to_have_text("done")
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(page.locator("#more")).to_be_focused()


def test_it_inserts_removes_and_orders_rows(page: Page, server: FakeLive) -> None:
    server.update(order=[9, 5, 1, 3, 2], c_9=row(9))
    expect_order(page, 9, 5, 1, 3, 2)


def test_it_empties_and_fills_a_list(page: Page, server: FakeLive) -> None:
    server.update(order=[])
    expect_order(page)
    server.update(order=[7, 8], c_7=row(7), c_8=row(8))
    expect_order(page, 7, 8)


def test_it_never_runs_what_a_row_carries(page: Page, server: FakeLive) -> None:
    evil = row(2, "2").replace("web-2", "<script>window.hit = 1</script><b>x</b>")
    server.update(c_2=evil)
    expect(page.locator("#c-2 b")).to_have_text("x")
    assert page.evaluate("window.hit") is None


def test_it_keeps_ticks_and_focus(page: Page, server: FakeLive) -> None:
    page.locator("#c-2 input").check()
    page.locator("#c-2 button").focus()
    changed = (
        row(2, "2", "exited").replace(">Stop<", ">Start<").replace("<td><input", "<td >x<input")
    )
    server.update(c_2=changed)
    expect(page.locator("#c-2 .state")).to_have_text("exited")
    assert page.locator("#c-2 input").is_checked()
    assert page.evaluate("document.activeElement.getAttribute('formaction')") == "/c/2/stop/"


def test_it_moves_nothing_under_the_pointer(page: Page, server: FakeLive) -> None:
    page.locator("#c-3 .name").hover()
    before = page.locator("#c-3").bounding_box()
    server.update(order=[5, 4, 3, 2, 1, 6], c_6=row(6), c_3=row(3, "2", "exited"))
    expect(page.locator("#c-3 .state")).to_have_text("exited")
    expect(page.locator("[data-moved-for=rows]")).to_contain_text("rows")
    assert page.locator("#c-3").bounding_box() == before
    assert order(page) == ["c-1", "c-2", "c-3", "c-6", "c-4", "c-5"]  # what is new comes below
    page.mouse.move(880, 690)
    expect_order(page, 5, 4, 3, 2, 1, 6)
    expect(page.locator("[data-moved-for=rows]")).to_have_count(0)


def test_it_fades_a_row_that_is_gone_under_the_pointer(page: Page, server: FakeLive) -> None:
    page.locator("#c-3 .name").hover()
    server.update(order=[1, 2, 4, 5])
    expect(page.locator("#c-3")).to_have_class("row-gone")
    assert page.locator("#c-3").evaluate("row => row.inert")
    page.locator("[data-moved-for=rows] button").click()
    expect_order(page, 1, 2, 4, 5)


def test_it_repairs_itself_after_a_cut(page: Page, server: FakeLive) -> None:
    server.expect("subscribe")
    server.update(c_2=row(2, "2", "exited"))
    expect(page.locator("#c-2 .state")).to_have_text("exited")
    server.cut()
    again = server.expect("subscribe")["topics"][0]
    assert again["have"]["c-2"] == "2"
    expect_state(page, "live")
    server.update(c_2=row(2, "3", "running"))
    expect(page.locator("#c-2 .state")).to_have_text("running")


def test_it_says_that_it_is_not_live(page: Page, server: FakeLive) -> None:
    server.refusing = True
    server.cut()
    expect_state(page, "reconnecting")
    expect_state(page, "offline")
    server.refusing = False
    expect_state(page, "live")


def test_it_says_that_changes_come_late(page: Page, server: FakeLive) -> None:
    server.send(type="late", late=True)
    expect_state(page, "late")
    server.send(type="late", late=False)
    expect_state(page, "live")


def test_it_says_that_too_many_pages_are_open(page: Page, server: FakeLive) -> None:
    server.expect("subscribe")
    server.cut(4503)
    expect_state(page, "full")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    server.expect("subscribe")
    expect_state(page, "live")


def test_it_follows_new_arguments_and_ignores_old_answers(page: Page, server: FakeLive) -> None:
    page.evaluate("""() => {
        document.querySelector("main").dataset.liveArgs = "state=exited";
        document.dispatchEvent(new CustomEvent("htmx:afterSettle"));
    }""")
    assert server.expect("args")["args"] == "state=exited"
    stale = {"rows": ["c-1"]}
    server.send(type="update", topic="containers", args="state=running", set={}, lists=stale)
    server.update(c_2=row(2, "2", "exited"))
    expect(page.locator("#c-2 .state")).to_have_text("exited")
    assert len(order(page)) == 5


def test_it_asks_again_for_a_row_that_was_never_sent(page: Page, server: FakeLive) -> None:
    server.update(order=[1, 2, 3, 4, 5, 42])
    asked = server.expect("args")
    assert asked["lists"]["rows"] == [f"c-{n}" for n in range(1, 6)]


def test_it_shows_that_something_may_not_be_seen_any_more(page: Page, server: FakeLive) -> None:
    server.send(type="gone", topic="containers", message="You may not see <b>this</b> any more.")
    expect(page.locator("main")).to_have_text("You may not see <b>this</b> any more.")
    assert page.locator("#rows").count() == 0


def test_it_goes_to_sign_in_when_told_goodbye(page: Page, server: FakeLive) -> None:
    server.send(type="bye", reason="signed_out")
    expect(page).to_have_url(re.compile(r"/sign-in/\?next=%2F$"))


def test_it_goes_to_sign_in_when_closed_for_that(page: Page, server: FakeLive) -> None:
    server.cut(4401)
    expect(page).to_have_url(re.compile(r"/sign-in/\?next=%2F$"))


def test_a_job_that_has_ended_does_not_begin_again(page: Page, server: FakeLive) -> None:
    server.send(type="toast", level="success", message="Pushed in 0.2 s", href="/jobs/8/")
    server.send(type="toast", level="busy", message="Pushing …", href="/jobs/8/")
    server.send(type="toast", level="busy", message="Pulling …", href="/jobs/9/")
    toasts = page.locator("#toasts > li .toast-words")
    expect(toasts).to_have_text(["Pushed in 0.2 s", "Pulling …"])
    page.locator("#toasts > li", has_text="Pushed").locator("[data-toast-close]").click()
    server.send(type="toast", level="success", message="Pushed in 0.2 s", href="/jobs/8/")
    server.send(type="toast", level="success", message="Pulled in 2 s", href="/jobs/9/")
    expect(toasts).to_have_text(["Pulled in 2 s"])


def test_it_keeps_one_toast_for_one_job(page: Page, server: FakeLive) -> None:
    server.send(type="toast", level="info", message="Restarting <b>web-1</b>", href="/jobs/7/")
    server.send(type="toast", level="success", message="Restarted in 1.8 s", href="/jobs/7/")
    toasts = page.locator("#toasts > li")
    expect(toasts).to_have_count(1)
    expect(toasts.locator(".toast-words")).to_have_text("Restarted in 1.8 s")
    server.send(type="toast", level="error", message="no", href="javascript:alert(1)")
    expect(toasts).to_have_count(2)
    assert page.locator("#toasts a").count() == 1


def test_it_stays_responsive_under_two_hundred_changes(page: Page, server: FakeLive) -> None:
    numbers = list(range(1, 251))
    fresh = {f"c_{n}": row(n) for n in numbers if n > 5}
    server.update(order=numbers, **fresh)
    expect_order(page, *numbers)
    page.evaluate("""() => {
        window.longTasks = [];
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.longTasks.push(entry.duration);
        }).observe({ type: "longtask" });
    }""")
    for rev, state in (("2", "exited"), ("3", "running")):
        rows = {f"c-{n}": row(n, rev, state) for n in range(1, 201)}
        server.send(type="update", topic="containers", set=rows)
        page.wait_for_function(
            "rev => document.querySelectorAll(`#rows > tr[data-rev='${rev}']`).length === 200",
            arg=rev,
        )
    assert [duration for duration in page.evaluate("window.longTasks") if duration > 100] == []
    assert {state_of(page, n) for n in (1, 100, 200)} == {"running"}
