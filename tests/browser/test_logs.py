"""Logs of real engines in real Chromium: whole, in order, through a recreation, several at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Api
from tests.lab.lab import IMAGE, Lab
from tests.stack import Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(180)]

SignIn = Callable[..., Page]
LINES = 30_000
COUNT = f'BEGIN{{for(i=1;i<={LINES};i++) printf("number %07d\\n",i)}}'
LONG = "head -c 1000000 /dev/zero | tr '\\0' z; echo; echo after; exec sleep 600"
SLOW = "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo slow $i; done"
# More at once than a view begins with, all of one second; then some that come while one looks.
# Each has 16 bytes: Podman cuts what it reads at 8 KiB, and tells a line that is cut as two.
BURST, DROPS = 1500, 10
POD = (
    f"awk 'BEGIN{{for(i=1;i<={BURST};i++) printf(\"NAME %09d\\n\", i)}}'; n={BURST};"
    f" while [ $n -lt {BURST + DROPS} ]; do n=$((n+1)); usleep 200000; printf 'NAME %09d\\n' $n;"
    " done; exec sleep 600"
)
PODS = ("pod-a", "pod-b")
# Whether what the log's script does was there when its page was, before any frame.
STARTED = """() => { window.started = new Promise((resolve) => {
  new MutationObserver(() => {
    const log = document.querySelector('[data-log]');
    if (log) resolve(log.classList.contains('has-levels'));
  }).observe(document.body, { childList: true, subtree: true });
}); }"""

PRESSED = """(selector) => {
  const link = document.querySelector(selector);
  link.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
  link.focus();
}"""


def warmed(page: Page) -> None:
    """Wait until the page has its worker for a log: made when it has nothing else to do."""
    if not page.workers:
        page.wait_for_event("worker")


@pytest.fixture
def rows(lab: Lab, api: Api, hosts: dict[str, int]) -> Iterator[Callable[[str], int]]:
    """rows(name) -> the id of a container of this test, once its row is there."""
    run = lab[1].docker
    run("run", "-d", "--name", "log-count", IMAGE, "awk", COUNT)
    run("run", "-d", "--name", "log-long", IMAGE, "sh", "-c", LONG)
    run("run", "-d", "-t", "--name", "log-tty", IMAGE, "sh", "-c", "echo hello; exec sleep 600")

    def found(name: str) -> int:
        items = api("GET", f"/containers?q={name}")["items"]
        return int(items[0]["id"]) if items else 0

    def row(name: str) -> int:
        eventually(lambda: found(name), f"{name} has a row", seconds=30)
        return found(name)

    yield row
    lab.clear()


def test_it_shows_a_whole_log_of_a_real_engine(
    stack: Stack, rows: Callable[[str], int], sign_in: SignIn
) -> None:
    page = sign_in()
    page.goto(f"{stack.url}/containers/{rows('log-count')}/logs/")
    expect(page.locator(".log-line").last).to_contain_text(f"number {LINES:07d}")
    expect(page.locator("[data-log-all]")).to_be_enabled()
    page.click("[data-log-all]")
    expect(page.locator("[data-log-count]")).to_contain_text(
        f"{LINES:,} lines · from the beginning"
    )
    page.click("[popovertarget=log-download]")
    with page.expect_download() as saved:
        page.click("[data-log-save]")
    text = saved.value.path().read_text()
    assert list(map(int, re.findall(r"number (\d+)", text))) == list(range(1, LINES + 1))
    page.fill("#log-q", "number 0012345")
    expect(page.locator("[data-log-hits]")).to_have_text("1 hits")
    page.press("#log-q", "Enter")
    expect(page.locator(".log-line.is-marked")).to_contain_text("number 0012345")


def test_a_log_starts_with_its_page(
    stack: Stack, rows: Callable[[str], int], sign_in: SignIn
) -> None:
    """No frame shows the page without what its script draws."""
    page, pk = sign_in(), rows("log-tty")
    page.goto(f"{stack.url}/containers/{pk}/")
    page.wait_for_function("() => document.documentElement.dataset.drawn !== undefined")
    page.evaluate(STARTED)
    page.hover(f"a[href='/containers/{pk}/logs/']")
    warmed(page)
    page.click(f"a[href='/containers/{pk}/logs/']")
    assert page.evaluate("() => window.started") is True
    expect(page.locator(".log-line")).to_contain_text("hello")


def test_a_link_that_gets_the_focus_after_it_was_pressed_keeps_its_log(
    stack: Stack, rows: Callable[[str], int], sign_in: SignIn
) -> None:
    """As a finger does it: nothing hovered before, so the log begins before its connection."""
    page, pk = sign_in(), rows("log-tty")
    page.goto(f"{stack.url}/containers/{pk}/")
    page.wait_for_function("() => document.documentElement.dataset.drawn !== undefined")
    warmed(page)
    page.evaluate(PRESSED, f"a[href='/containers/{pk}/logs/']")
    page.click(f"a[href='/containers/{pk}/logs/']")
    expect(page.locator(".log-line")).to_contain_text("hello")


def test_it_looks_as_its_reader_has_left_it(
    stack: Stack, rows: Callable[[str], int], sign_in: SignIn
) -> None:
    page = sign_in()
    page.goto(f"{stack.url}/containers/{rows('log-tty')}/logs/")
    expect(page.locator(".log-line .log-text")).to_have_text("hello")
    page.click("[popovertarget=log-view]")
    was = page.locator("[name=columns][value=wrap]").is_checked()
    for value in ("times-utc", "wrap"):
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.click(f"label:has([name=columns][value={value}])")
    page.reload()
    expect(page.locator(".log-line .log-text")).to_have_text("hello")
    box = page.locator("[name=columns][value=wrap]")
    expect(box).to_be_checked(checked=not was)
    assert ("has-wrap" in (page.get_attribute("[data-log]", "class") or "")) is not was
    expect(page.locator("[name=columns][value=times-utc]")).to_be_checked()
    exact = page.get_attribute(".log-line time", "title") or ""
    expect(page.locator(".log-line time")).to_contain_text(exact[11:19])


def test_it_shows_several_of_them_and_follows_what_is_made_again(
    lab: Lab, stack: Stack, rows: Callable[[str], int], sign_in: SignIn
) -> None:
    chosen = [rows("log-long"), rows("log-tty")]
    page = sign_in()
    page.goto(f"{stack.url}/logs/?container={chosen[0]}&container={chosen[1]}")
    shown = page.locator(".log-line")
    expect(shown.filter(has_text="hello")).to_have_count(1)
    expect(shown.filter(has_text="after")).to_have_count(1)
    more = page.locator(".log-more")
    expect(more).to_have_text("show all 1,000,000 characters")
    more.click()
    page.wait_for_function("() => document.querySelector('.log-detail pre')")
    expect(page.locator(".log-detail pre")).to_have_text(re.compile(r"^z{200000} …$"))
    lab[1].docker("rm", "-f", "log-tty")
    script = "echo born again; exec sleep 600"
    lab[1].docker("run", "-d", "--name", "log-tty", IMAGE, "sh", "-c", script)
    expect(shown.filter(has_text="born again")).to_have_count(1)
    expect(page.locator(".log-mark", has_text="was made again")).to_have_count(1)


def test_whole_logs_of_several_are_merged(
    lab: Lab, stack: Stack, rows: Callable[[str], int], sign_in: SignIn
) -> None:
    lab[1].docker("run", "-d", "--name", "log-slow", IMAGE, "sh", "-c", SLOW)
    lab[1].docker("wait", "log-slow")
    page = sign_in()
    page.goto(f"{stack.url}/logs/?container={rows('log-count')}&container={rows('log-slow')}")
    expect(page.locator(".log-line").last).to_contain_text("slow 2000")
    edge = page.locator(".log-mark.is-edge")
    count = page.locator("[data-log-count]")
    expect(count).to_contain_text("2,000 lines")
    page.click("[data-log-all]")
    expect(count).to_contain_text(f"{LINES + 2000:,} lines · from the beginning", timeout=30_000)
    page.click("[popovertarget=log-download]")
    with page.expect_download() as saved:
        page.click("[data-log-save]")
    text = saved.value.path().read_text()
    assert list(map(int, re.findall(r"number (\d+)", text))) == list(range(1, LINES + 1))
    assert list(map(int, re.findall(r"slow (\d+)", text))) == list(range(1, 2001))
    times = [line.split(" ")[0] for line in text.splitlines()]
    assert times == sorted(times)
    expect(edge).to_have_count(0)


@pytest.fixture
def pods(lab: Lab, api: Api, stack: Stack) -> Iterator[str]:
    """Two containers of a Podman service, as the address of their logs."""
    where = {"name": "lab-pod", "url": f"unix://{lab.podman_socket}", "environment": "lab"}
    host = api("POST", "/hosts", where)["id"]
    for name in PODS:
        script = POD.replace("NAME", name)
        lab.podman("run", "-d", "--stop-timeout", "0", "--name", name, IMAGE, "sh", "-c", script)
    count = f"/containers?host={host}&q=pod-"
    eventually(lambda: api("GET", count)["count"] == len(PODS), "both have rows", seconds=30)
    yield f"{stack.url}/logs/?host=lab-pod&q=pod-"
    lab.podman("rm", "-f", *PODS)
    api("DELETE", f"/hosts/{host}")


def test_podman_s_whole_seconds_are_merged(pods: str, sign_in: SignIn) -> None:
    page = sign_in()
    page.goto(pods)
    for name in PODS:
        last = page.locator(".log-line", has_text=f"{name} {BURST + DROPS:09d}")
        expect(last).to_have_count(1, timeout=30_000)
    page.click("[data-log-all]")
    whole = f"{2 * (BURST + DROPS):,} lines · from the beginning"
    expect(page.locator("[data-log-count]")).to_contain_text(whole)
    page.click("[popovertarget=log-download]")
    with page.expect_download() as saved:
        page.click("[data-log-save]")
    text = saved.value.path().read_text()
    for name in PODS:
        numbers = re.findall(rf" {name} (\d+)$", text, re.MULTILINE)
        assert list(map(int, numbers)) == list(range(1, BURST + DROPS + 1))
    times = [line.split(" ")[0] for line in text.splitlines()]
    assert times == sorted(times)
