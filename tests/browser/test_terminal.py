"""The terminal in real Chromium, in containers of real engines."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Api
from tests.lab.lab import Lab
from tests.stack import PASSWORD, Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(180)]
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "run-a-command-by-the-api.md"
ROWS = """() => [...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent)"""
NAME = "term-1"


@pytest.fixture(scope="module")
def container(lab: Lab, hosts: dict[str, int], api: Api) -> Iterator[int]:
    """A container on the first host: its id."""
    lab[1].docker("run", "-d", "--name", NAME, "lab/busybox:1", "sleep", "100000")
    query = f"/containers?host=lab-1&q={NAME}"
    eventually(lambda: api("GET", query)["count"] == 1, "it is known", seconds=30)
    yield int(api("GET", query)["items"][0]["id"])
    lab[1].clear()


def screen(page: Page) -> str:
    """Return what the terminal's screen shows."""
    return "\n".join(row.rstrip() for row in page.evaluate(ROWS)).rstrip()


def shows(page: Page, words: str) -> None:
    """Wait until the screen shows it."""
    found = f"(words) => ({ROWS})().join('\\n').includes(words)"
    page.wait_for_function(found, arg=words, polling=50)


def state(page: Page, words: str) -> None:
    """Wait for what the bar says."""
    expect(page.locator("[data-term-state]")).to_have_text(words)


def enter(page: Page, text: str) -> None:
    """Type a line."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


@pytest.fixture
def term(sign_in: Callable[..., Page], stack: Stack, container: int) -> Page:
    """A page with a shell in it, signed in as root."""
    page = sign_in()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{stack.url}/containers/{container}/")
    page.click("nav.tabs >> text=Terminal")
    state(page, "Connected · ash")
    shows(page, "~ #")
    return page


def test_a_shell_its_end_and_another(term: Page) -> None:
    enter(term, "echo $((6*7)); stty size")
    rows = len(term.evaluate(ROWS))
    shows(term, f"42\n{rows} ")
    # 24 bits, 256 and 16 colours; the console's errors (the policy's too) fail the test.
    enter(term, "printf '\\033[38;2;200;80;0mtrue \\033[38;5;99m256 \\033[31mred\\033[0m\\n'")
    shows(term, "true 256 red")
    colours = term.evaluate(
        "() => [...document.querySelectorAll('.xterm-rows span')]"
        ".filter((one) => ['true ', '256 ', 'red'].includes(one.textContent))"
        ".map((one) => getComputedStyle(one).color)"
    )
    assert len(set(colours)) == 3
    enter(term, "exit 3")
    state(term, "Ended with exit code 3")
    term.keyboard.press("Enter")
    state(term, "Connected · ash")
    shows(term, "~ #")
    assert "42" not in screen(term)
    term.click("[data-term-end]")
    state(term, "You ended it.")


def test_vi_over_a_reload_and_in_another_size(term: Page) -> None:
    enter(term, "seq 1 200 > /tmp/numbers; vi /tmp/numbers")
    shows(term, "/tmp/numbers 1/200 0%")
    term.keyboard.type("100Gihello ")
    term.keyboard.press("Escape")
    shows(term, "hello 100")
    shows(term, "[Modified] 100/200 50%")
    before = screen(term)
    term.reload()
    state(term, "Connected · ash")
    shows(term, "hello 100")
    term.wait_for_function(
        f"(before) => ({ROWS})().map((row) => row.trimEnd()).join('\\n').trimEnd() === before",
        arg=before,
    )
    term.set_viewport_size({"width": 1000, "height": 640})
    term.wait_for_function(f"() => ({ROWS})().length < 20")
    shows(term, "100/200 50%")  # drawn anew, in its last line
    enter(term, ":q!")
    shows(term, "~ #")
    enter(term, "less /tmp/numbers")
    term.keyboard.press("G")
    shows(term, "200")
    term.keyboard.press("q")
    enter(term, "top -d 1")
    shows(term, "Load average")
    term.keyboard.press("q")
    enter(term, "exit")
    state(term, "Ended with exit code 0")


def test_copy_and_paste(term: Page) -> None:
    enter(term, "echo co''pied")
    shows(term, "copied")
    term.keyboard.press("Control+Shift+C")
    term.wait_for_function("async () => (await navigator.clipboard.readText()).includes('copied')")
    term.evaluate("() => navigator.clipboard.writeText('echo from-the-clipboard')")
    term.keyboard.press("Control+Shift+V")
    shows(term, "# echo from-the-clipboard")
    term.keyboard.press("Control+c")
    term.click("[data-term-end]")


def test_it_says_what_is_wrong_and_offers_the_form(term: Page) -> None:
    term.click("text=Run something else")
    term.fill("#term-command", "id")
    term.fill("#term-user", "no-such-user")
    term.click("[data-term-form] button")
    expect(term.locator("[data-term-why]")).to_contain_text("no-such-user")
    term.fill("#term-user", "1000")
    term.click("[data-term-form] button")
    state(term, "Ended with exit code 0")
    shows(term, "uid=1000")


@dataclass
class Operator:
    """Somebody who may run something in the container, for now."""

    page: Page
    grant: int


@pytest.fixture
def operator(
    api: Api, stack: Stack, container: int, new_page: Callable[..., Page]
) -> Callable[[str], Operator]:
    """operator("olga") -> an operator of the first host, signed in."""

    def make(name: str) -> Operator:
        user = api("POST", "/users", {"username": name})["id"]
        stack.manage("shell", "--no-imports", "-c", (
            f"from fleet.models import User; u = User.objects.get(username='{name}');"
            f"u.set_password('{PASSWORD}'); u.save()"
        ))  # fmt: skip
        roles = {role["name"]: role["id"] for role in api("GET", "/roles")["items"]}
        host = api("GET", f"/containers/{container}")["host_id"]
        given = api("POST", "/grants", {"user": user, "role": roles["operator"], "host": host})
        page = new_page()
        page.goto(f"{stack.url}/accounts/login/")
        page.fill("input[name=login]", name)
        page.fill("input[name=password]", PASSWORD)
        page.click("main button:has-text('Sign in')")
        page.wait_for_url(f"{stack.url}/")
        return Operator(page, given["id"])

    return make


def test_it_ends_with_the_right(
    api: Api, stack: Stack, container: int, operator: Callable[[str], Operator], lab: Lab
) -> None:
    olga = operator("olga")
    page = olga.page
    page.goto(f"{stack.url}/containers/{container}/terminal/")
    state(page, "Connected · ash")
    enter(page, "sleep 4321")
    shows(page, "sleep 4321")

    def running() -> bool:
        return "sleep 4321" in lab[1].docker("top", NAME)

    eventually(running, "it runs", seconds=5)
    api("DELETE", f"/grants/{olga.grant}")
    expect(page.locator("[data-term-state]")).to_contain_text("You may not do this", timeout=5000)
    eventually(lambda: not running(), "nothing of it is left", seconds=5)


# A socket of a terminal that has asked for nothing yet.
WAITING = """() => new Promise((done) => {
  const socket = new WebSocket(`ws://${location.host}/ws/terminal/`);
  window.waiting = { socket, said: [], code: 0 };
  socket.onopen = () => socket.send('{"type":"ping"}');
  socket.onclose = ({ code }) => (waiting.code = code);
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return;
    waiting.said.push(JSON.parse(data).type);
    done();
  };
})"""


def test_a_socket_that_waited_runs_nothing_without_the_right(
    api: Api, stack: Stack, container: int, operator: Callable[[str], Operator], lab: Lab
) -> None:
    otto = operator("otto")
    page = otto.page
    page.goto(f"{stack.url}/containers/{container}/")

    def touch(name: str) -> str:
        asked = {"type": "open", "container": container, "ask": {"command": f"touch /tmp/{name}"}}
        page.evaluate("(asked) => waiting.socket.send(JSON.stringify(asked))", asked)
        page.wait_for_function("() => waiting.code")
        return str(page.evaluate("() => waiting.said.join()"))

    page.evaluate(WAITING)
    assert touch("early") == "pong,opened,ended"
    page.evaluate(WAITING)
    api("DELETE", f"/grants/{otto.grant}")
    assert touch("late") == "pong,problem"
    made = {"early", "late"} & set(lab[1].docker("exec", NAME, "ls", "/tmp").split())
    assert made == {"early"}


def test_the_example_of_the_docs(stack: Stack, container: int, api: Api) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.S)
    code = code.replace("https://quayside.example.org", stack.url)
    code = code.replace(
        'run(12, "ls", "-l", "/srv")', f"run({container}, 'sh', '-c', 'id -u; exit 5')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "QUAYSIDE_TOKEN": stack.token},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (5, "0"), done.stderr
    (closed,) = api("GET", "/audit?action=terminal.close&actor=root&limit=1")["items"]
    assert (closed["via"], closed["detail"]["exit_code"]) == ("api", 5)
