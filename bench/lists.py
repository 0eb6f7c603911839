"""A large fleet's containers and a month of its events, at the server, on both databases."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure
from scripts.services import postgresql

ROOT = Path(__file__).resolve().parent.parent
LINE = re.compile(r"^(.+?)\s+p50\s+([\d.]+) ms\s+p95\s+([\d.]+) ms$", re.MULTILINE)


@dataclass(frozen=True)
class Rows:
    """A module that makes rows in a new database and prints how long pages of them take."""

    module: str
    title: str
    what: str  # of the requests: p50 or p95
    limit: float  # ms
    unlimited: frozenset[str] = frozenset()


# A page of 250 rows has its own figure, in the browser.
LISTS = Rows("bench.rows", "10,000 rows", "p95", 100, frozenset({"list of 250"}))
# Nobody wants an index for each kind, nor one for any part of a name: these read all that there is.
EVENTS = Rows(
    "bench.event_rows",
    "300,000 events",
    "p50",
    50,
    frozenset({"kind, no event, page", "search, page", "search, no event, page"}),
)
# 1,000 images on two hosts each, 300 packages and 60 vulnerabilities in each.
SCANS = Rows("bench.scan_rows", "1,000 scans", "p50", 200)


def measured(rows: Rows, database: str, environment: dict[str, str]) -> Iterator[Figure]:
    """Make the rows in a new database and yield the figure of each page."""
    for arguments in (["manage.py", "migrate", "-v0"], ["-m", rows.module]):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
    for name, p50, p95 in LINE.findall(done.stdout):
        limit = None if name in rows.unlimited else rows.limit
        value = float(p95 if rows.what == "p95" else p50)
        yield Figure(f"{database}, {rows.title}: {name}, {rows.what}", value, "ms", limit)


def on_both(rows: Rows) -> list[Figure]:
    """Measure SQLite, then PostgreSQL where this machine has it (as root)."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qbl-")))
        folder.chmod(0o755)  # PostgreSQL runs as another user
        base = {"QUAYSIDE_DATA_DIR": str(folder / "data"), "QUAYSIDE_REDIS_URL": "memory://"}
        found = list(measured(rows, "SQLite", base))
        if os.geteuid() == 0:
            url = stack.enter_context(postgresql(folder / "postgresql"))
            found += measured(rows, "PostgreSQL", {**base, "QUAYSIDE_DATABASE_URL": url})
    return found


def lists() -> list[Figure]:
    """The container list."""
    return on_both(LISTS)


def scans() -> list[Figure]:
    """Where in the fleet a vulnerability or a package is."""
    return on_both(SCANS)


def events() -> list[Figure]:
    """The timeline of events, by each of its filters."""
    return on_both(EVENTS)
