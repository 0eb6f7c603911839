"""A page in Chromium that nobody watches: Playwright has each frame of a socket told to itself.

Controlled by three commands of the DevTools protocol (open, evaluate, set cookies), none of which
makes the browser report anything. https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.chromium import ARGUMENTS, CHROMIUM
from tests.waiting import eventually

Cookies = list[dict[str, Any]]


class BarePage:
    """One tab."""

    def __init__(self, socket: ClientConnection, process: int) -> None:
        self._socket, self.process = socket, process
        self._numbers = itertools.count(1)

    def evaluate(self, script: str, *arguments: Any) -> Any:
        """Return what a function returns in the page, once its promise is kept."""
        call = f"({script})({', '.join(map(json.dumps, arguments))})"
        wanted = {"expression": call, "awaitPromise": True, "returnByValue": True}
        answer = self.send("Runtime.evaluate", wanted)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def go(self, url: str) -> None:
        """Go to an address."""
        self.send("Page.navigate", {"url": url})

    def wait_for(self, selector: str) -> None:
        """Return once there is such an element."""
        script = f"() => Boolean(document.querySelector({json.dumps(selector)}))"
        eventually(lambda: self.evaluate(script), f"{selector} is there", seconds=30)

    def send(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Send a command, return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer: dict[str, Any] = json.loads(self._socket.recv())
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(answer["error"])
                result: dict[str, Any] = answer["result"]
                return result


@contextmanager
def bare_page(cookies: Cookies) -> Iterator[BarePage]:
    """Run a browser of its own with one tab; `cookies` as Playwright gives them."""
    folder = Path(tempfile.mkdtemp(prefix="qbare-", dir="/tmp"))
    argv = [CHROMIUM, "--headless", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    log = (folder / "log").open("wb")
    browser = subprocess.Popen([*argv, *ARGUMENTS, "about:blank"], stdout=log, stderr=log)
    try:
        port = _port(folder)
        with connect(_tab(port), max_size=None) as socket:
            page = BarePage(socket, browser.pid)
            page.send("Network.setCookies", {"cookies": cookies})
            yield page
    finally:
        browser.terminate()
        browser.wait(20)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _port(folder: Path) -> int:
    told = folder / "DevToolsActivePort"
    eventually(lambda: told.exists() and told.read_text().count("\n") > 0, "Chromium runs")
    return int(told.read_text().splitlines()[0])


def _tab(port: int) -> str:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            for tab in json.load(answer):
                if tab["type"] == "page":
                    return str(tab["webSocketDebuggerUrl"])
        time.sleep(0.1)
    raise LookupError("Chromium has no tab")
