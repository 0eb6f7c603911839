"""Fifty busy containers on three hosts in one view: how old its newest line is, what it costs."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median

from bench.bare import bare_page
from bench.chatter import numbered_lines
from bench.figures import Figure, percentile
from bench.log_scripts import AGES, COUNTED, EACH_SAVED, LONG, LONGEST
from bench.logs import ENGINE_PORT, asked, cookies_of, web_of
from bench.process import children_of, megabytes_of, seconds_of, streams_of
from bench.stage import Stage
from tests.lab.lab import IMAGE, LabHost
from tests.waiting import eventually

CONTAINERS = 50
STACK = "bench-fifty"
LABEL = f"com.docker.compose.project={STACK}"
RATES = (20, 500)  # lines/s of each: usual, and as much as the cores give
SETTLE = 5.0  # s, until all are read
SECONDS = 20.0  # s that are looked at
SPARE = 5.0  # s that they write longer than is looked at
LONGEST_WRITING = 300.0  # s


def fifty(stage: Stage) -> list[Figure]:
    """Measure with a rate that is usual and with one that is too much."""
    return [figure for rate in RATES for figure in at_rate(stage, rate)]


def at_rate(stage: Stage, rate: int) -> list[Figure]:
    """Look at containers that write `rate` lines a second each; afterwards count their lines."""
    lines = round(rate * (SETTLE + SECONDS + SPARE))
    web, url = web_of(stage), f"{stage.stack.url}/logs/?stack={STACK}"
    with bare_page(cookies_of(stage)) as page, Busy(stage, rate, lines) as those:
        page.go(url)
        page.wait_for(".log")
        those.begin()
        page.wait_for(".log-line")
        time.sleep(SETTLE)
        page.evaluate(LONG)
        before, began = seconds_of(web), time.monotonic()
        ages = page.evaluate(AGES, SECONDS)
        cost = (seconds_of(web) - before) / (time.monotonic() - began) * 100
        longest = page.evaluate(LONGEST)
        streams = streams_of(web, ENGINE_PORT)
        wrote = those.ended()
        page.go(url)
        page.wait_for(".log:has(.log-line) [data-log-all]:enabled")
        whole = page.evaluate(COUNTED, f"{lines * CONTAINERS:,}") / 1000
        memory = max(map(megabytes_of, children_of(page.process, "--type=renderer")))
        wrong = page.evaluate(EACH_SAVED, CONTAINERS, lines)
    what = f"{CONTAINERS} x {rate} lines/s"
    return [
        Figure(f"{what}: written until all had ended", wrote, "lines/s"),
        Figure(f"{what}: age of the newest line, median", median(ages), "ms"),
        Figure(f"{what}: age of the newest line, p95", percentile(ages, 95), "ms"),
        Figure(f"{what}: longest task (0: none of 50 ms)", longest, "ms", 100),
        Figure(f"{what}: the web process, of a core", cost, "%"),
        Figure(f"{what}: streams from the engines", streams, "", CONTAINERS),
        Figure(f"{what}: whole logs, from the click", whole, "s"),
        Figure(f"{what}: lost, twice or out of order", wrong, "lines", 0),
        Figure(f"{what}: memory of the tab with all", memory, "MB", 600),
    ]


class Busy:
    """The containers, on all hosts in turns; they wait for `begin`."""

    def __init__(self, stage: Stage, rate: int, lines: int) -> None:
        self.stage, self.lines = stage, lines
        self.command = numbered_lines(rate, lines)
        self.folder = Path(tempfile.mkdtemp(prefix="qbf-", dir="/tmp"))
        self.made: dict[LabHost, list[str]] = {host: [] for host in stage.lab.hosts}
        self._began = 0.0

    def __enter__(self) -> Busy:
        """Start them, and wait until Quayside knows them."""
        try:
            for number, host in zip(range(CONTAINERS), cycle(self.made), strict=False):
                self.made[host].append(self._run(host, f"fifty-{number}"))
            path = f"/api/v1/containers?stack={STACK}&limit={CONTAINERS}"
            known = partial(asked, self.stage, path)
            eventually(lambda: len(known()["items"]) == CONTAINERS, "their rows", seconds=60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for host, made in self.made.items():
            if made:
                host.docker("rm", "-f", *made)
        shutil.rmtree(self.folder)

    def _run(self, host: LabHost, name: str) -> str:
        return host.docker(
            "run", "-d", "--name", name, "--label", LABEL, "-e", f"NAME={name}",
            "-v", f"{self.folder}:/go:ro", IMAGE, "sh", "-c", self.command,
        )  # fmt: skip

    def begin(self) -> None:
        """Let all of them write."""
        (self.folder / "begin").touch()
        self._began = time.monotonic()

    def ended(self) -> float:
        """Wait until all have written all, and return the lines a second."""
        logs = [
            path
            for host, made in self.made.items()
            for path in host.docker("inspect", "-f", "{{.LogPath}}", *made).split()
        ]
        wanted = self.lines * CONTAINERS
        while lines_in(logs) < wanted:
            if time.monotonic() > self._began + LONGEST_WRITING:
                raise AssertionError(f"{lines_in(logs)} lines of {wanted} are written")
            time.sleep(1)
        return wanted / (time.monotonic() - self._began)


def lines_in(logs: list[str]) -> int:
    """Return how many lines some files have together."""
    told = subprocess.check_output(["wc", "-l", *logs], text=True).splitlines()
    return int(told[-1].split()[0])
