"""The log viewer in real Chromium, against `docker logs -f` on the same container."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from statistics import median
from typing import Any

from bench.bare import BarePage, Cookies, bare_page
from bench.chatter import blocks_of_lines
from bench.figures import Figure, percentile
from bench.log_scripts import AGES, COUNTED, FIRST, LONG, LONGEST, SAVED, SCROLLED, SEARCHED
from bench.process import child_of, children_of, megabytes_of, seconds_of, streams_of
from bench.stage import Stage
from tests.lab.lab import DOCKER, IMAGE, LabHost
from tests.waiting import eventually

LINES = 1_000_000
ROUNDS = 3  # of the flood: the CLI, then the page
CLICKS = 20
RATE = 10_000  # lines a second, at least
AIM = 10_500
JUMPS = (0, 0.25, 0.5, 0.75, 1, 0)  # parts of the log that are scrolled to
WATCHED = 20.0  # s
READERS = 20
QUICKER = 1.2
ENGINE_PORT = 2376
# Quayside leaves files that may be compressed to the engine.
ENGINE_ONLY = ("--log-opt", "max-size=2g", "--log-opt", "max-file=2", "--log-opt", "compress=true")
TLS = (("cacert", "ca.pem"), ("cert", "cert.pem"), ("key", "key.pem"))
PLAIN = (
    "line %07d of a log that is about a hundred bytes long, as most of them are in real life, so be"
    " it"
)
# Docker keeps a quote as two bytes, which its reader and ours have to make one again.
OBJECTS = (
    r"{\"level\":\"info\",\"msg\":\"a line %07d of a log of objects\",\"path\":\"/api/items\","
    r"\"ms\":12,\"user\":\"somebody\"}"
)


def logs(stage: Stage) -> list[Figure]:
    """Measure the flood, the first line, following, and many readers."""
    with Chatter(stage) as chatter:
        return [
            *flood(stage),
            *first_line(stage),
            *following(stage, chatter),
            *shared(stage),
        ]


def flood(stage: Stage) -> list[Figure]:
    """A million lines: the CLI and the page in turns, by TLS, by a socket, and without the file."""
    host = stage.lab.hosts[0]
    found: list[Figure] = []
    for name, url, way, limit, line, options in (
        ("bench-tls", host.url, "TLS", 1 / QUICKER, PLAIN, ()),
        ("bench-file", host.socket_url, "a socket", 1 / QUICKER, PLAIN, ()),
        ("bench-objects", host.socket_url, "a socket, lines of JSON", 1 / QUICKER, OBJECTS, ()),
        ("bench-engine", host.socket_url, "a socket, no file to be read", None, PLAIN, ENGINE_ONLY),
    ):
        write = f'BEGIN{{for(i=1;i<={LINES};i++) printf("{line}\\n",i)}}'
        host.docker("run", "-d", *options, "--name", name, IMAGE, "awk", write)
        host.docker("wait", name)
        moved(stage, host, url)
        found += in_turns(stage, name, url, way, limit)
        host.docker("rm", name)
    moved(stage, host, host.url)
    return found


def in_turns(stage: Stage, name: str, url: str, way: str, limit: float | None) -> list[Figure]:
    """The CLI and the page on the same log by the same way."""
    pk = number_of(stage, name)
    cli: list[float] = []
    ours: list[float] = []
    longest = 0.0
    with bare_page(cookies_of(stage)) as page:
        for _ in range(ROUNDS):
            cli.append(cli_seconds(stage, name, url))
            page.go(f"{stage.stack.url}/containers/{pk}/logs/")
            page.wait_for(".log:has(.log-line) [data-log-all]:enabled")
            page.evaluate(LONG)
            ours.append(page.evaluate(COUNTED, f"{LINES:,}") / 1000)
            longest = max(longest, page.evaluate(LONGEST))
        memory = max(map(megabytes_of, children_of(page.process, "--type=renderer")))
        read = reading(page)
        saved = page.evaluate(SAVED)  # last: to look at a million lines here is a long task
    wrong = saved["wrong"] + abs(LINES - saved["lines"])
    share = median(ours) / median(cli)
    return [
        Figure(f"docker logs -f > /dev/null by {way}, median", median(cli), "s"),
        Figure(f"the page by {way}, from the click, median", median(ours), "s"),
        Figure(f"the page's time by {way}, of the CLI's", share, "", limit),
        Figure("lines lost, twice or out of order", wrong, "lines", 0),
        Figure("longest task of the page meanwhile (0: none of 50 ms)", longest, "ms", 100),
        Figure("memory of the tab with a million lines", memory, "MB", 600),
        *read,
    ]


def reading(page: BarePage) -> list[Figure]:
    """Scroll and search in all that the page has."""
    jumps = page.evaluate(SCROLLED, LINES, JUMPS)
    scrolling = page.evaluate(LONGEST)
    looked = page.evaluate(SEARCHED, f"line {LINES * 7 // 9:07d} ")
    searching = page.evaluate(LONGEST)
    return [
        Figure("a jump over many lines, until they are drawn, longest", max(jumps), "ms"),
        Figure("longest task of the page while it scrolls", scrolling, "ms", 100),
        Figure("search through all lines, to the whole number of hits", looked, "ms"),
        Figure("longest task of the page while it searches", searching, "ms", 100),
    ]


def moved(stage: Stage, host: LabHost, url: str) -> None:
    """Let Quayside reach a host another way."""
    rows = f"Host.objects.filter(name={host.name!r})"
    code = f"from fleet.models import Host; {rows}.update(url={url!r})"
    stage.stack.manage("shell", "--no-imports", "-c", code)


def first_line(stage: Stage) -> list[Figure]:
    """From the click on the tab to the frame with the first line."""
    page, pk = stage.page(), number_of(stage, Chatter.NAME)
    times = []
    for _ in range(CLICKS):
        page.goto(f"{stage.stack.url}/containers/{pk}/")
        page.wait_for_timeout(500)
        page.evaluate(FIRST)
        page.click(f"a[href='/containers/{pk}/logs/']")
        # A promise: what Playwright waits with itself takes 10 ms of the page's thread meanwhile.
        times.append(page.evaluate("() => window.firstLine"))
    page.context.close()
    return [
        Figure(f"click → first line on screen, median of {CLICKS}", median(times), "ms", 150),
        Figure("the same, p95", percentile(times, 95), "ms"),
    ]  # fmt: skip


def following(stage: Stage, chatter: Chatter) -> list[Figure]:
    """How old the newest line on screen is, looked at in every frame."""
    page, pk = stage.page(), number_of(stage, Chatter.NAME)
    page.goto(f"{stage.stack.url}/containers/{pk}/logs/")
    page.wait_for_selector(".log-line")
    page.wait_for_timeout(2000)
    web, wrote = web_of(stage), chatter.written()
    before = seconds_of(web)
    ages = page.evaluate(AGES, WATCHED)
    cost = (seconds_of(web) - before) / WATCHED * 100
    rate = (chatter.written() - wrote) / WATCHED
    page.context.close()
    return [
        Figure("lines a second that the container wrote", rate, "lines/s", least=RATE),
        Figure("age of the newest line on screen, median", median(ages), "ms"),
        Figure("age of the newest line on screen, p95", percentile(ages, 95), "ms", 250),
        Figure("the web process meanwhile, of a core", cost, "%", 50),
    ]


def shared(stage: Stage) -> list[Figure]:
    """What twenty readers of one log cost against one."""
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in cookies_of(stage))
    pk, web = number_of(stage, Chatter.NAME), web_of(stage)
    costs: dict[int, float] = {}
    upstreams = 0
    for readers in (1, READERS):
        argv = [sys.executable, "-m", "bench.log_readers", stage.stack.url, cookie, str(pk)]
        work = subprocess.Popen([*argv, str(readers), str(WATCHED + 4)], stdout=subprocess.PIPE)
        time.sleep(3)
        before = seconds_of(web)
        time.sleep(WATCHED - 2)
        costs[readers] = (seconds_of(web) - before) / (WATCHED - 2) * 100
        upstreams = streams_of(web, ENGINE_PORT)
        sizes = work.communicate()[0].split()
        assert len(sizes) == readers and all(int(size) for size in sizes)
    return [
        Figure("the web process with one reader, of a core", costs[1], "%"),
        Figure(f"the same with {READERS} readers", costs[READERS] / costs[1], "times one", 3),
        Figure(f"streams from the engine for {READERS} readers", upstreams, "", 1),
    ]  # fmt: skip


class Chatter:
    """A container that writes a little more than 10,000 lines a second."""

    NAME = "bench-chatter"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.host = stage.lab.hosts[1 % len(stage.lab.hosts)]

    def __enter__(self) -> Chatter:
        """Start it, and wait until Quayside knows it."""
        self.ident = self.host.docker(
            "run", "-d", "--name", self.NAME, "--log-opt", "max-size=2g", IMAGE,
            "sh", "-c", blocks_of_lines(AIM),
        )  # fmt: skip
        number_of(self.stage, self.NAME)
        return self

    def __exit__(self, *_error: object) -> None:
        self.host.docker("rm", "-f", self.ident)

    def written(self) -> int:
        """Return how many lines its log has."""
        place = self.host.docker("inspect", "-f", "{{.LogPath}}", self.ident)
        return int(subprocess.check_output(["wc", "-l", place]).split()[0])


def cli_seconds(stage: Stage, name: str, url: str) -> float:
    """Return how long the CLI takes for the whole log."""
    certificates = stage.lab.hosts[0].folder / "tls" / "client"
    secured = ["--tlsverify", *(f"--tls{name}={certificates / file}" for name, file in TLS)]
    argv = [DOCKER, "-H", url, *(secured if url.startswith("tcp") else ()), "logs", "-f", name]
    began = time.monotonic()
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def number_of(stage: Stage, name: str) -> int:
    """Return the id of a container's row, once there is one."""

    def found() -> int:
        items = asked(stage, f"/api/v1/containers?q={name}")["items"]
        return int(items[0]["id"]) if items else 0

    eventually(found, f"{name} has a row", seconds=20)
    return found()


def asked(stage: Stage, path: str) -> Any:
    """Return what the API answers."""
    return json.loads(fetched(stage, path))


def fetched(stage: Stage, path: str) -> str:
    """Return the text of an answer to the token of the stage."""
    request = urllib.request.Request(f"{stage.stack.url}{path}")  # noqa: S310 - our own server
    request.add_header("Authorization", f"Bearer {stage.token}")
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - the same
        return str(answer.read().decode())


def web_of(stage: Stage) -> int:
    """Return the web process."""
    assert stage.stack.process is not None
    return child_of(stage.stack.process.pid, "config.web")


def cookies_of(stage: Stage) -> Cookies:
    """Return the cookies of somebody who has just signed in."""
    page = stage.page()
    found: Any = page.context.cookies()
    page.context.close()
    kept = ("name", "value", "domain", "path")
    return [{name: one[name] for name in kept} for one in found]
