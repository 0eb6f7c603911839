"""What happened to containers that ended on real engines, in real Chromium and by the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Api
from tests.lab.lab import Lab
from tests.stack import Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(240)]

SignIn = Callable[..., Page]
NAMES = {"crashed", "hungry", "polite", "killed", "flaky"}
CRASH = "for i in $(seq 80); do echo line $i; done; sleep 0.5; echo fatal: no database >&2; exit 3"
POLITE = 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.1; done'


@pytest.fixture
def containers(lab: Lab, api: Api, hosts: dict[str, int]) -> Iterator[dict[str, int]]:
    """Containers of one host that end in different ways: name -> id."""
    run = lab[1].docker
    run("run", "-d", "--name", "crashed", "lab/busybox:1", "sh", "-c", CRASH)
    run("run", "-d", "--name", "hungry", "-m", "20m", "lab/busybox:1", "tail", "/dev/zero")
    run("run", "-d", "--name", "polite", "lab/busybox:1", "sh", "-c", POLITE)
    run("run", "-d", "--name", "killed", "--init", "lab/busybox:1", "sleep", "10000")
    run("run", "-d", "--name", "flaky", "--restart", "on-failure:2", "lab/busybox:1", "false")

    def found() -> dict[str, int]:
        items = api("GET", f"/containers?host={hosts['lab-1']}")["items"]
        return {item["name"]: item["id"] for item in items}

    eventually(lambda: found().keys() == NAMES, "its containers are known", seconds=30)
    yield found()
    lab.clear()


def death(api: Api, pk: int) -> dict[str, Any]:
    """Return what the API tells of an end, once it has come."""
    ended = lambda: api("GET", f"/containers/{pk}")["state"] == "exited"  # noqa: E731
    eventually(ended, "it has ended", seconds=30)
    found: dict[str, Any] = api("GET", f"/containers/{pk}/death")
    return found


def test_it_tells_what_happened_to_each(
    lab: Lab, api: Api, stack: Stack, containers: dict[str, int], sign_in: SignIn
) -> None:
    page = sign_in()
    page.goto(f"{stack.url}/events/")
    page.wait_for_selector("html[data-connection=live]")

    crashed = death(api, containers["crashed"])
    assert (crashed["cause"], crashed["exit_code"], crashed["by"]) == ("itself", 3, None)
    lines = [line["text"] for line in crashed["log"]["items"]]
    assert len(lines) == 50 and lines[-1] == "fatal: no database"

    hungry = death(api, containers["hungry"])
    memory = lab[1].docker("inspect", "-f", "{{.State.OOMKilled}}", "hungry") == "true"
    assert hungry["out_of_memory"] == memory and hungry["engine"]["memory_limit"] == 20 * 2**20

    flaky = death(api, containers["flaky"])
    assert (flaky["restart_count"], flaky["engine"]["restart_policy"]) == (2, "on-failure")
    assert (flaky["ends"], flaky["exit_code"]) == (3, 1)

    api("POST", f"/containers/{containers['polite']}/stop", {"timeout": 5})
    lab[1].docker("kill", "killed")
    stopped = death(api, containers["polite"])
    assert (stopped["cause"], stopped["by"]["actor"]) == ("job", "root")
    assert (stopped["exit_code"], stopped["log"]["items"][-1]["text"]) == (0, "bye")
    killed = death(api, containers["killed"])
    assert (killed["cause"], killed["signal"], killed["by"]) == ("signal", "9", None)
    assert {event["kind"] for event in killed["events"]} >= {"create", "start", "kill", "die"}

    # The list that has been open all the while has it all, live, a line each.
    table = page.locator("#event-rows")
    stop = table.locator("tr", has_text="polite stopped by root")
    expect(stop).to_contain_text("exit 0")
    stop.locator("summary").click()
    expect(stop.locator("ol > li")).to_have_count(3)
    expect(table.locator("tr", has_text="crashed exited with 3")).to_have_count(1)
    expect(table.locator("tr", has_text="killed killed, exit 137")).to_have_count(1)
    page.get_by_role("link", name="Only problems").click()
    expect(table.locator("tr", has_text="crashed exited with 3")).to_have_count(1)
    expect(table.locator("tr", has_text="polite")).to_have_count(0)
    api("POST", f"/containers/{containers['polite']}/start")
    again = lambda: api("GET", f"/containers/{containers['polite']}")["state"] == "running"  # noqa: E731
    eventually(again, "it runs again", seconds=30)
    stopped = api("GET", f"/containers/{containers['polite']}/death")
    assert stopped["runs_again"] and stopped["log"]["items"][-1]["text"] == "bye"

    page.goto(f"{stack.url}/events/?q=nothing-like-it")
    expect(page.locator("#events-empty")).to_contain_text("No event matches")


def test_the_page_stands_beside_the_log(
    api: Api, stack: Stack, containers: dict[str, int], sign_in: SignIn
) -> None:
    pk = containers["crashed"]
    death(api, pk)
    page = sign_in()
    page.goto(f"{stack.url}/containers/{pk}/logs/")
    page.get_by_role("link", name="What happened").click()
    expect(page.locator("#death-title")).to_have_text("It ended by itself, with an error")
    expect(page.locator(".death-line")).to_have_count(50)
    last = page.locator(".death-line.is-err")
    expect(last).to_contain_text("fatal: no database")
    expect(last).to_be_in_viewport()
    expect(page.locator("#death-policy")).to_contain_text("Never")
