"""What people do with it, in real Chromium over real engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Api
from tests.lab.lab import Lab
from tests.stack import PASSWORD, Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(240)]

SignIn = Callable[..., Page]
SLEEP = ("sleep", "100000")


@pytest.fixture(autouse=True)
def clean(lab: Lab) -> Iterator[None]:
    """Every journey begins with empty hosts whose cables are in."""
    yield
    for number in (1, 2, 3):
        lab.heal(number)
    lab.clear()


def row(page: Page, name: str) -> Locator:
    """Return a container's row."""
    return page.locator("#container-rows > tr", has=page.get_by_role("link", name=name, exact=True))


def live_list(page: Page, stack: Stack, query: str = "") -> None:
    """Open the container list and wait until it is live."""
    page.goto(f"{stack.url}/containers/?{query}")
    page.wait_for_selector("html[data-connection=live]")


def test_first_set_up(fresh_stack: Callable[[], Stack], new_page: Callable[..., Page]) -> None:
    stack = fresh_stack()
    page = new_page()
    page.goto(stack.url)
    expect(page.locator("main")).to_contain_text("set-up link")
    page.goto(stack.setup_link())
    page.fill("input[name=username]", "ada")
    passwords = page.locator("input[type=password]")
    passwords.nth(0).fill(PASSWORD)
    passwords.nth(1).fill("something else")
    page.click("main form button.btn-primary")
    expect(page.locator("main")).to_contain_text("not the same password")
    passwords.nth(0).fill(PASSWORD)
    passwords.nth(1).fill(PASSWORD)
    page.click("main form button.btn-primary")
    page.wait_for_url(f"{stack.url}/")
    expect(page.locator("main")).to_contain_text("host")
    page.goto(stack.setup_link())
    expect(page.locator("main")).to_contain_text("used already")


def test_adding_a_tls_host(stack: Stack, api: Api, lab: Lab, sign_in: SignIn) -> None:
    page = sign_in()
    host = lab[1]
    page.goto(f"{stack.url}/hosts/add/?kind=tls")
    page.fill("input[name=name]", "by hand")
    page.fill("input[name=url]", host.url)
    page.fill("[name=environment]", "workshop")
    page.fill("textarea[name=tls_ca]", host.tls_ca)
    page.fill("textarea[name=tls_cert]", host.tls_cert)
    page.fill("textarea[name=tls_key]", host.tls_cert)
    page.click("button:has-text('Test connection')")
    expect(page.locator("main")).to_contain_text("key")
    page.fill("textarea[name=tls_key]", host.tls_key)
    page.click("button:has-text('Test connection')")
    expect(page.locator("main")).to_contain_text("20.10")
    page.click("button:has-text('Add host')")
    expect(page.locator("h1")).to_contain_text("by hand")
    expect(page.locator("main")).to_contain_text("reachable", ignore_case=True)
    assert host.tls_key.splitlines()[1] not in page.content()
    added = next(row for row in api("GET", "/hosts")["items"] if row["name"] == "by hand")
    api("DELETE", f"/hosts/{added['id']}")


def test_a_container_appears_and_is_restarted(
    stack: Stack, hosts: dict[str, int], lab: Lab, api: Api, sign_in: SignIn
) -> None:
    page = sign_in()
    live_list(page, stack)
    lab[2].docker("run", "-d", "--name", "seen-1", "lab/busybox:1", *SLEEP)
    expect(row(page, "seen-1")).to_have_attribute("data-state", "running")
    before = lab[2].docker("inspect", "-f", "{{.State.StartedAt}}", "seen-1")
    row(page, "seen-1").hover()
    row(page, "seen-1").locator("button[formaction$='/restart/']").click()
    expect(page.locator("#toasts, .toasts").first).to_contain_text("seen-1")
    eventually(
        lambda: lab[2].docker("inspect", "-f", "{{.State.StartedAt}}", "seen-1") != before,
        "the engine restarted it",
        seconds=30,
    )
    expect(row(page, "seen-1")).to_have_attribute("data-state", "running")
    job = api("GET", "/jobs?operation=container.restart")["items"][0]
    assert (job["target"], job["actor"]) == ("seen-1", "root")
    lab[2].docker("rm", "-f", "seen-1")
    expect(row(page, "seen-1")).to_have_count(0)


def test_stopping_many(
    stack: Stack, hosts: dict[str, int], lab: Lab, api: Api, sign_in: SignIn
) -> None:
    for number in (1, 3):
        for name in ("many-1", "many-2"):
            lab[number].docker("run", "-d", "--init", "--name", name, "lab/busybox:1", *SLEEP)
    page = sign_in()
    live_list(page, stack, "q=many")
    expect(page.locator("#container-rows > tr[data-state=running]")).to_have_count(4)
    page.locator("thead input[data-tick-all]").check()
    page.locator("[data-bulk-bar] button", has_text="Stop").click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("many-2")
    dialog.locator("footer button.btn-primary, footer button.btn-danger").click()
    expect(page.locator("h1")).to_contain_text("4", timeout=20_000)
    expect(page.locator("main")).to_contain_text("succeeded", timeout=60_000)
    eventually(lambda: lab[1].docker("ps", "-q").strip() == "", "all have stopped", seconds=60)
    live_list(page, stack, "q=many")
    expect(page.locator("#container-rows > tr[data-state=exited]")).to_have_count(4)


def test_a_cable_is_cut_and_healed(
    stack: Stack, hosts: dict[str, int], lab: Lab, sign_in: SignIn
) -> None:
    lab[3].docker("run", "-d", "--name", "far-1", "lab/busybox:1", *SLEEP)
    lab[1].docker("run", "-d", "--name", "near-1", "lab/busybox:1", *SLEEP)
    page = sign_in()
    live_list(page, stack)
    expect(row(page, "far-1")).to_have_attribute("data-state", "running")
    lab.cut(3)
    expect(row(page, "far-1")).to_have_class("is-away", timeout=15_000)
    lab[1].docker("stop", "-t", "0", "near-1")
    expect(row(page, "near-1")).to_have_attribute("data-state", "exited", timeout=3_000)
    lab[3].docker("stop", "-t", "0", "far-1")
    lab[3].docker("run", "-d", "--name", "far-2", "lab/busybox:1", *SLEEP)
    lab.heal(3)
    expect(row(page, "far-1")).not_to_have_class("is-away", timeout=10_000)
    expect(row(page, "far-1")).to_have_attribute("data-state", "exited")
    expect(row(page, "far-2")).to_have_attribute("data-state", "running")


def test_losing_and_regaining_a_grant(
    stack: Stack, hosts: dict[str, int], lab: Lab, api: Api, sign_in: SignIn
) -> None:
    lab[1].docker("run", "-d", "--name", "mine-1", "lab/busybox:1", *SLEEP)
    user = api("POST", "/users", {"username": "vera", "password": PASSWORD})
    roles = {role["name"]: role["id"] for role in api("GET", "/roles")["items"]}
    given = {"user": user["id"], "role": roles["viewer"], "host": hosts["lab-1"]}
    grant = api("POST", "/grants", given)
    page = sign_in("vera")
    live_list(page, stack)
    expect(row(page, "mine-1")).to_have_count(1)
    api("DELETE", f"/grants/{grant['id']}")
    expect(row(page, "mine-1")).to_have_count(0, timeout=5_000)
    api("POST", "/grants", given)
    live_list(page, stack)
    expect(row(page, "mine-1")).to_have_count(1)
    expect(row(page, "mine-1").locator("button")).to_have_count(0)


def test_a_page_repairs_itself_after_a_lost_socket(
    stack: Stack, hosts: dict[str, int], lab: Lab, sign_in: SignIn
) -> None:
    lab[1].docker("run", "-d", "--name", "torn-1", "lab/busybox:1", *SLEEP)
    page = sign_in()
    live_list(page, stack)
    expect(row(page, "torn-1")).to_have_attribute("data-state", "running")
    stack.kill("config.web")
    page.wait_for_selector("html:not([data-connection=live])")
    lab[1].docker("stop", "-t", "0", "torn-1")
    page.wait_for_selector("html[data-connection=live]", timeout=30_000)
    expect(row(page, "torn-1")).to_have_attribute("data-state", "exited")
