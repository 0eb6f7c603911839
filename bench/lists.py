"""The container list with 10,000 rows over 100 hosts, at the server, on both databases."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.figures import Figure
from scripts.services import postgresql

ROOT = Path(__file__).resolve().parent.parent
LINE = re.compile(r"^(.+?)\s+p50\s+([\d.]+) ms\s+p95\s+([\d.]+) ms$", re.MULTILINE)
LIMIT = 100  # ms
# A page of 250 rows has its own figure, in the browser.
UNLIMITED = {"list of 250"}


def measured(database: str, environment: dict[str, str]) -> Iterator[Figure]:
    """Make the rows in a new database and yield the p95 of each page."""
    for arguments in (["manage.py", "migrate", "-v0"], ["-m", "bench.rows"]):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
    for name, _p50, p95 in LINE.findall(done.stdout):
        limit = None if name in UNLIMITED else LIMIT
        yield Figure(f"{database}, 10,000 rows: {name}, p95", float(p95), "ms", limit)


def lists() -> list[Figure]:
    """Measure SQLite, then PostgreSQL where this machine has it (as root)."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qbl-")))
        folder.chmod(0o755)  # PostgreSQL runs as another user
        base = {"QUAYSIDE_DATA_DIR": str(folder / "data"), "QUAYSIDE_REDIS_URL": "memory://"}
        found = list(measured("SQLite", base))
        if os.geteuid() == 0:
            url = stack.enter_context(postgresql(folder / "postgresql"))
            found += measured("PostgreSQL", {**base, "QUAYSIDE_DATABASE_URL": url})
    return found
