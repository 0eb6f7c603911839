"""A pull of 170 MB through a job against `docker pull` on the same host, in turns."""

from __future__ import annotations

import json
import statistics
import time
import urllib.request
from datetime import datetime
from typing import Any

from bench.figures import Figure
from bench.stage import Stage
from tests.lab.images import push_image
from tests.lab.lab import LabHost

ROUNDS = 5
MB = 1_000_000
LAYERS = (80 * MB, 60 * MB, 25 * MB, 5 * MB)
LIMIT = 1.05


def pulls(stage: Stage) -> list[Figure]:
    """Pull by the CLI and by a job, in turns, the image removed in between."""
    host = stage.lab[1]
    push_image(stage.lab.registry, "large:1", list(LAYERS))
    reference = f"{stage.lab.registry}/large:1"
    by_api = call(stage, "GET", "/hosts?sort=name")["items"][0]
    assert by_api["name"] == "h1"
    by_cli(host, reference)  # the registry's pages are in memory for all that follow
    by_job(stage, host, by_api["id"], reference)
    cli, asked, ran = [], [], []
    for _ in range(ROUNDS):
        cli.append(by_cli(host, reference))
        whole, own = by_job(stage, host, by_api["id"], reference)
        asked.append(whole)
        ran.append(own)
    told = statistics.median(cli)
    ratio = statistics.median(asked) / told
    spread = f"({min(cli):.2f}–{max(cli):.2f}, {min(asked):.2f}–{max(asked):.2f} s)"
    return [
        Figure(f"170 MB by docker pull, median of {ROUNDS} {spread}", told, "s"),
        Figure("170 MB by a job, from the request to its end", statistics.median(asked), "s"),
        Figure("  of that the job itself", statistics.median(ran), "s"),
        Figure("a pull by a job against docker pull", ratio * 100, "%", LIMIT * 100),
    ]


def by_cli(host: LabHost, reference: str) -> float:
    """Return how long the CLI takes (s)."""
    began = time.perf_counter()
    host.docker("pull", reference)
    taken = time.perf_counter() - began
    remove(host, reference)
    return taken


def by_job(stage: Stage, host: LabHost, host_id: int, reference: str) -> tuple[float, float]:
    """Return how long it takes from the request to the end, and how long the job ran (s)."""
    asked = time.time()
    job = call(stage, "POST", "/images/pull", {"reference": reference, "hosts": [host_id]})
    while not job["finished_at"]:
        time.sleep(0.1)
        job = call(stage, "GET", f"/jobs/{job['id']}")
    assert job["state"] == "succeeded", job
    began, ended = (
        datetime.fromisoformat(job[name]).timestamp() for name in ("started_at", "finished_at")
    )
    remove(host, reference)
    return ended - asked, ended - began


def remove(host: LabHost, reference: str) -> None:
    """Remove the image, and let the disk come to rest."""
    host.docker("rmi", reference)
    time.sleep(1)


def call(stage: Stage, method: str, path: str, body: Any = None) -> Any:
    """Call the API; return what it answers."""
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{stage.stack.url}/api/v1{path}",
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {stage.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own address
        return json.load(answer)
