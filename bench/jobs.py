"""From the click to the start of a control job on an idle system."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import datetime
from typing import Any

from bench.figures import Figure, spread
from bench.stage import Stage

ROUNDS = 30


def call(stage: Stage, method: str, path: str) -> Any:
    """Call the API and return its answer."""
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{stage.stack.url}/api/v1{path}",
        method=method,
        headers={"Authorization": f"Bearer {stage.token}"},
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310 - our own address
        return json.load(response)


def started(stage: Stage, job: dict[str, Any]) -> float:
    """Wait for the job's end; return when it started (s)."""
    while not job["finished_at"]:
        time.sleep(0.05)
        job = call(stage, "GET", f"/jobs/{job['id']}")
    return datetime.fromisoformat(job["started_at"]).timestamp()


def click_to_start(stage: Stage) -> list[Figure]:
    """Ask for restarts, one after another."""
    container = call(stage, "GET", "/containers?limit=1&sort=name&state=running")["items"][0]
    values = []
    for _ in range(ROUNDS):
        asked = time.time()
        job = call(stage, "POST", f"/containers/{container['id']}/unpause")
        values.append((started(stage, job) - asked) * 1000)
    return spread("click -> control job starts", values, "ms", median=100, p95=None)
