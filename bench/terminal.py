"""A terminal in real Chromium: how fast much output comes, and how soon a key is echoed."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page

from bench.cores import browser_alone
from bench.figures import Figure, spread
from bench.stage import Stage
from bench.tasks import main_thread
from tests.waiting import eventually

NAME = "bench-terminal"
MEGABYTES = 50
LEAST = 5  # MB/s that a page must keep up with
KEYS = 40
# As fast as it is taken; the end is spelled so that its echo is not it.
FLOOD = (
    f"yes 'the quick brown fox jumps over the lazy dog, and once more over the same dog, 12345'"
    f" | head -c {MEGABYTES}000000; echo; echo flood''-over\r"
)
SCREEN = (
    "[...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent).join('\\n')"
)
# From a key's own event to the frame in which its letter stands on the screen.
ECHO = """
() => {
  window.echoes = [];
  const rows = document.querySelector('.xterm-rows');
  let pressed = 0;
  document.addEventListener('keydown', (event) => (pressed = event.timeStamp), { capture: true });
  new MutationObserver(() => {
    if (!pressed) return;
    const began = pressed;
    pressed = 0;
    const channel = new MessageChannel(); // the rows change within the frame that shows them
    channel.port1.onmessage = () => window.echoes.push(performance.now() - began);
    channel.port2.postMessage(0);
  }).observe(rows, { childList: true, subtree: true, characterData: true });
}
"""


def terminal(stage: Stage) -> list[Figure]:
    """Measure one terminal of a container of the first host."""
    with opened(stage) as page:
        return [*echoes(page), *flood(page)]


@contextmanager
def opened(stage: Stage) -> Iterator[Page]:
    """Open a shell in a container of its own."""
    host = stage.lab.hosts[0]
    host.docker("run", "-d", "--name", NAME, "lab/busybox:1", "sleep", "100000")
    try:
        eventually(lambda: ident(stage) > 0, "its row is there", seconds=30)
        page = stage.page()
        page.goto(f"{stage.stack.url}/containers/{ident(stage)}/terminal/")
        page.wait_for_selector("[data-term-state][data-state=open]")
        page.wait_for_function(f"() => {SCREEN}.includes('#')")
        yield page
        page.context.close()
    finally:
        host.docker("rm", "-f", NAME)


def ident(stage: Stage) -> int:
    """Return the container's id, 0 while it is not known."""
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{stage.stack.url}/api/v1/containers?q={NAME}",
        headers={"Authorization": f"Bearer {stage.token}"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        items = json.load(response)["items"]
    return int(items[0]["id"]) if items else 0


def echoes(page: Page) -> list[Figure]:
    """Type letters, one after the other."""
    page.evaluate(ECHO)
    for number in range(KEYS):
        page.keyboard.type("abcdefgh"[number % 8])
        page.wait_for_function(f"() => window.echoes.length > {number}")
        page.wait_for_timeout(60)
    page.keyboard.press("Control+u")
    page.wait_for_timeout(200)
    found = [float(value) for value in page.evaluate(f"window.echoes.slice(0, {KEYS})")]
    return spread("key -> its letter on the terminal's screen", found, "ms", median=50, p95=100)


def flood(page: Page) -> list[Figure]:
    """Write much at once."""
    with browser_alone() as alone, main_thread(page) as longest:
        began = time.monotonic()
        page.keyboard.insert_text(FLOOD.rstrip("\r"))
        page.keyboard.press("Enter")
        page.wait_for_function(
            f"() => {SCREEN}.includes('flood-over')", timeout=120_000, polling=50
        )
        took = time.monotonic() - began
    name = f"{MEGABYTES} MB written into a terminal"
    return [
        Figure(f"{name}: until the last line is on screen", took, "s", MEGABYTES / LEAST),
        Figure(f"{name}: the rate", MEGABYTES / took, "MB/s"),
        Figure(f"{name}: longest main-thread task, by the wall", longest["wall"], "ms", 100),
        Figure(f"{name}: the same, its own time", longest["cpu"], "ms"),
        Figure(f"{name}: the browser had a core of its own", alone, "of 1"),
    ]
