"""From the engine to the screen, in real Chromium over the lab.

The clock starts when the CLI's command returns (`docker stop` itself waits for the container)
and stops at the first frame drawn after the row changed. Both read the machine's one clock.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from playwright.sync_api import Page

from bench.cores import browser_alone
from bench.figures import Figure, spread
from bench.stage import CONTAINERS, Stage, rows_shown
from bench.tasks import main_thread
from tests.lab.lab import LabHost
from tests.waiting import eventually

ROUNDS = 20
ROWS = 250
RESTARTS = 200
SETTLE = 20  # s, for the last rows to become right
AT_ONCE = 2  # commands for each host at the same time

WATCH = """
() => {
  window.seen = [];
  const rows = document.querySelector('#container-rows');
  const note = (row) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    const state = row.dataset.state;
    channel.port1.onmessage = () => window.seen.push({
      name: row.querySelector('.col-name').textContent.trim(), state, at: Date.now(),
    });
    channel.port2.postMessage(0);
  });
  new MutationObserver((changes) => {
    const changed = new Set();
    for (const change of changes) {
      const near = change.target === rows ? [...change.addedNodes] : [change.target];
      for (const node of near) {
        const row = (node.nodeType === 1 ? node : node.parentElement)?.closest('tr');
        if (row) changed.add(row);
      }
    }
    for (const row of changed) note(row);
  }).observe(rows, { childList: true, subtree: true, attributes: true, characterData: true });
}
"""
# When the first frame was on screen, counted from the navigation (Chromium's own paint timing).
# The page asks for its first frame only once its last row is parsed: the later of both, to be sure.
DRAWN = """
() => {
  const [painted] = performance.getEntriesByName('first-contentful-paint');
  const [page] = performance.getEntriesByType('navigation');
  return painted && page.domInteractive ? Math.max(painted.startTime, page.domInteractive) : 0;
}
"""
# From a click to the frame after the last row stands in the page, by the click's own clock.
CLICK_TO_FRAME = """
(count) => {
  window.framed = new Promise((done) => document.addEventListener('click', (click) => {
    const look = new MutationObserver(() => {
      if (document.querySelectorAll('#container-rows > tr').length < count) return;
      look.disconnect();
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => done(performance.now() - click.timeStamp);
        channel.port2.postMessage(0);
      });
    });
    look.observe(document.body, { childList: true, subtree: true });
  }, { once: true, capture: true }));
}
"""
# The same words in as many rows and cells, without style, script, links or boxes: what this machine
# needs at the least. Served like any page, from the test's own memory.
BARE = """
() => {
  const cell = (one) => '<td>' + one.textContent;
  const row = (one) => '<tr>' + [...one.cells].map(cell).join('');
  const rows = [...document.querySelectorAll('#container-rows tr')].map(row);
  return '<!doctype html><title>bare</title><table>' + rows.join('') + '</table>';
}
"""
SHOWN = """
() => [...document.querySelectorAll('#container-rows > *')].map((row) => [
  row.querySelector('.col-host').textContent.trim(),
  row.querySelector('.col-name').textContent.trim(),
  row.dataset.state,
])
"""
SEEN = "([name, state]) => window.seen.find(s => s.name === name && s.state === state)?.at ?? 0"


def when_seen(page: Page, name: str, state: str) -> float:
    """Return the time (s) when a row of this name and state was first drawn."""
    page.wait_for_function(SEEN, arg=[name, state], polling=20, timeout=20_000)
    return float(page.evaluate(SEEN, [name, state])) / 1000


def docker(host: LabHost, *arguments: str) -> tuple[float, float]:
    """Run a command of the CLI; return when it began and when it returned (s)."""
    began = time.time()
    host.docker(*arguments)
    return began, time.time()


def timed(page: Page, name: str, state: str, command: Callable[[], tuple[float, float]]) -> float:
    """Return the ms from the return of a command to the changed row on screen, at least 0."""
    page.evaluate("() => { window.seen = []; }")
    _began, ended = command()
    return max(0.0, (when_seen(page, name, state) - ended) * 1000)


def latencies(stage: Stage) -> list[Figure]:
    """Stop, start and run containers by the CLI, ROUNDS times each."""
    page = stage.page()
    page.goto(f"{stage.stack.url}/containers/?size=250")
    page.wait_for_selector("html[data-connection=live]")
    page.evaluate(WATCH)
    taken: dict[str, list[float]] = {"stop": [], "start": [], "run": []}
    for number in range(ROUNDS):
        host = stage.lab.hosts[number % len(stage.lab.hosts)]
        name = f"bench-{number}"
        run = ("run", "-d", "--name", name, "lab/busybox:1", "sleep", "100000")
        taken["run"].append(timed(page, name, "running", lambda: docker(host, *run)))  # noqa: B023
        stop = ("stop", "-t", "0", name)
        taken["stop"].append(timed(page, name, "exited", lambda: docker(host, *stop)))  # noqa: B023
        taken["start"].append(timed(page, name, "running", lambda: docker(host, "start", name)))  # noqa: B023
        docker(host, "rm", "-f", name)
    figures: list[Figure] = []
    for verb, values in taken.items():
        figures += spread(
            f"docker {verb} returned -> changed row on screen", values, "ms", median=60, p95=200
        )
    page.context.close()
    return figures


def first_draw(stage: Stage) -> list[Figure]:
    """Go to the list of 250 rows, warm, by its link and as a page load: until all are on screen."""
    added = [add_containers(host, (ROWS - 3 * CONTAINERS) // 3 + 1) for host in stage.lab.hosts]
    eventually(lambda: rows_shown(stage.stack) >= ROWS, f"{ROWS} containers", seconds=60)
    page = stage.page()
    list_url, bare_url = f"{stage.stack.url}/containers/?size={ROWS}", f"{stage.stack.url}/bare/"
    drawn(page, list_url)
    page.select_option(
        "[data-page-size] select", str(ROWS)
    )  # the link leads to as many, from now on
    page.wait_for_url(f"{stage.stack.url}/containers/")
    page.wait_for_selector("html[data-connection=live]")
    count = page.locator("#container-rows > *").count()
    body = str(page.evaluate(BARE))
    bare = stage.browser.new_page(viewport=page.viewport_size)  # a page with routes has no cache
    bare.route(bare_url, lambda route: route.fulfill(body=body, content_type="text/html"))
    times = [
        (clicked(page, stage.stack.url, count), drawn(page, list_url), drawn(bare, bare_url))
        for _ in range(ROUNDS + 3)
    ][3:]
    bare.close()
    page.context.close()
    for host, names in zip(stage.lab.hosts, added, strict=True):
        host.docker("rm", "-f", *names)
    return [
        *spread(
            f"list of {count} containers fully drawn, warm, from the click on its link",
            [click for click, _load, _bare in times],
            "ms",
            median=200,
            p95=None,
        ),
        *spread(
            "the same, as a page load",
            [load for _click, load, _bare in times],
            "ms",
            median=None,
            p95=None,
        ),
        *spread(
            "its words as a bare table, in turns with it",
            [bare for _click, _load, bare in times],
            "ms",
            median=None,
            p95=None,
        ),
    ]


def clicked(page: Page, url: str, count: int) -> float:
    """Follow the link to the list from another page; return the ms from the click to the frame."""
    page.goto(f"{url}/hosts/")
    page.wait_for_selector("html[data-connection=live]")
    page.evaluate(CLICK_TO_FRAME, count)
    page.click(".side-link[href='/containers/']")
    found = float(page.evaluate("window.framed"))
    page.wait_for_timeout(300)
    return found


def drawn(page: Page, address: str) -> float:
    """Open a page; return the ms from the navigation to its first frame on screen."""
    page.goto(address, wait_until="load")
    page.wait_for_function(DRAWN, polling=20)
    found = float(page.evaluate(DRAWN))
    page.wait_for_timeout(300)
    return found


def add_containers(host: LabHost, count: int) -> list[str]:
    """Create containers without starting them; return their names."""
    names = [f"idle-{number}" for number in range(count)]
    for name in names:
        host.docker("create", "--name", name, "lab/busybox:1", "true")
    return names


def restarts(stage: Stage) -> list[Figure]:
    """Restart containers 200 times at once and watch the page's main thread."""
    page = stage.page()
    page.goto(f"{stage.stack.url}/containers/?size=250")
    page.wait_for_selector("html[data-connection=live]")
    page.evaluate(WATCH)
    with browser_alone() as alone, main_thread(page) as longest:
        children = [restart(host) for host in stage.lab.hosts for _ in range(AT_ONCE)]
        for child in children:
            child.wait(300)
        ended = time.monotonic()
        wrong = rows_wrong(page, stage.lab.hosts)
        late = time.monotonic() - ended
    drawn = int(page.evaluate("() => window.seen.length"))
    page.context.close()
    name = f"{RESTARTS} restarts at once"
    return [
        Figure(f"{name}: longest main-thread task, by the wall", longest["wall"], "ms", 100),
        Figure(f"{name}: the same, its own time", longest["cpu"], "ms", 100),
        Figure(f"{name}: the browser had a core of its own", alone, "of 1"),
        Figure(f"{name}: rows drawn meanwhile", drawn, "rows"),
        Figure(f"{name}: rows wrong afterwards", wrong, "rows", 0),
        Figure(f"{name}: all rows right after the last of them", late, "s"),
    ]


def rows_wrong(page: Page, hosts: list[LabHost]) -> int:
    """Return how many rows tell another state than their engine; waits until none does."""

    def wrong() -> int:
        told = {(host.name, *line.split()) for host in hosts for line in states_of(host)}
        return len(told ^ {(host, name, state) for host, name, state in page.evaluate(SHOWN)})

    with suppress(AssertionError):
        eventually(lambda: not wrong(), "all rows are right", seconds=SETTLE)
    return wrong()


def states_of(host: LabHost) -> list[str]:
    """Return "name state" of every container, as the engine tells it."""
    return host.docker("ps", "-a", "--format", "{{.Names}} {{.State}}").splitlines()


def restart(host: LabHost) -> subprocess.Popen[bytes]:
    """Restart an equal part of the containers of a host, without waiting."""
    ids = host.docker("ps", "-q").split()[: RESTARTS // (3 * AT_ONCE) + 1]
    argv = ["/usr/bin/docker", "-H", host.socket_url, "restart", "-t", "0", *ids]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL)
