"""Host to host: 170 MB by a job against `docker save | docker load`, in turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from bench.figures import Figure
from bench.process import child_of, megabytes_of
from bench.pulls import LAYERS, call, remove
from bench.stage import Stage
from tests.lab.images import push_image
from tests.lab.lab import DOCKER, LabHost

ROUNDS = 5
LIMIT = 1.2  # one thread reads and writes by turns, where the CLI has two programs
MEMORY = 60  # MB that a copy may take of its worker
TLS_HOSTS = ("h1", "h2")


def copies(stage: Stage) -> list[Figure]:
    """Copy by the CLI and by a job, both by TLS, the copy removed in between."""
    push_image(stage.lab.registry, "copied:1", list(LAYERS))
    name = f"{stage.lab.registry}/copied:1"
    rows = {row["name"]: row for row in call(stage, "GET", "/hosts?sort=name")["items"]}
    one, other = (stage.lab[int(host[1:])] for host in TLS_HOSTS)
    assert all(rows[host]["url"].startswith("tcp://") for host in TLS_HOSTS)
    one.docker("pull", "-q", name)
    image, to = row_of(stage, name), rows[TLS_HOSTS[1]]["id"]
    by_cli(one, other, name)
    by_job(stage, other, image, to, name)
    cli, asked, ran = [], [], []
    with watched(stage) as memory:
        for _ in range(ROUNDS):
            cli.append(by_cli(one, other, name))
            whole, own = by_job(stage, other, image, to, name)
            asked.append(whole)
            ran.append(own)
    told = statistics.median(cli)
    spread = f"({min(cli):.2f}–{max(cli):.2f}, {min(asked):.2f}–{max(asked):.2f} s)"
    return [
        Figure(f"170 MB by docker save | docker load, median of {ROUNDS} {spread}", told, "s"),
        Figure("170 MB by a job, from the request to its end", statistics.median(asked), "s"),
        Figure("  of that the job itself", statistics.median(ran), "s"),
        Figure("a copy by a job against the CLI", statistics.median(asked) / told * 100, "%",
               LIMIT * 100),
        Figure("what its worker takes more meanwhile", max(memory) - memory[0], "MB", MEMORY),
        *shared(stage, one, other, name, to),
    ]  # fmt: skip


def shared(stage: Stage, one: LabHost, other: LabHost, name: str, to: int) -> list[Figure]:
    """Copy an image of the same base, which the other host has."""
    call_and_wait(stage, row_of(stage, name), to)
    made = one.docker("create", name, "x")
    one.docker("commit", "-c", "CMD other", made, "copied/upon:1")
    one.docker("rm", made)
    upon = row_of(stage, "copied/upon:1")
    taken = []
    for _ in range(ROUNDS):
        taken.append(by_job(stage, other, upon, to, "copied/upon:1")[1])
    remove(other, name)
    return [
        Figure("the job where the host has all but the last layer", statistics.median(taken), "s")
    ]


def row_of(stage: Stage, name: str) -> int:
    """Return the id of the image's row on the first host, once the watcher has told of it."""
    while True:
        rows = call(stage, "GET", f"/images?limit=200&host={TLS_HOSTS[0]}")["items"]
        for row in rows:
            if name in row["tags"]:
                return int(row["id"])
        time.sleep(0.5)


def by_cli(one: LabHost, other: LabHost, name: str) -> float:
    """Return how long the CLI takes (s)."""
    tls = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(one.folder / "tls" / "client")}
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", **tls}
    began = time.perf_counter()
    with subprocess.Popen(
        [DOCKER, "-H", one.url, "save", name], env=env, stdout=subprocess.PIPE
    ) as saving:
        load = [DOCKER, "-H", other.url, "load"]
        subprocess.run(load, env=env, stdin=saving.stdout, check=True, capture_output=True)
    taken = time.perf_counter() - began
    remove(other, name)
    return taken


def by_job(stage: Stage, other: LabHost, image: int, to: int, name: str) -> tuple[float, float]:
    """Return how long it takes from the request to the end, and how long the job ran (s)."""
    asked = time.time()
    job = call_and_wait(stage, image, to)
    began, ended = (
        datetime.fromisoformat(job[key]).timestamp() for key in ("started_at", "finished_at")
    )
    remove(other, name)
    return ended - asked, ended - began


def call_and_wait(stage: Stage, image: int, to: int) -> dict[str, str]:
    """Copy; return the job at its end."""
    job = call(stage, "POST", f"/images/{image}/copy", {"hosts": [to]})
    while not job["finished_at"]:
        time.sleep(0.1)
        job = call(stage, "GET", f"/jobs/{job['id']}")
    assert job["state"] == "succeeded", job
    found: dict[str, str] = job
    return found


@contextmanager
def watched(stage: Stage) -> Iterator[list[float]]:
    """How much memory (MB) the worker of transfers takes, ten times a second."""
    assert stage.stack.process is not None
    worker = child_of(stage.stack.process.pid, "transfer,upkeep")
    seen, ended = [megabytes_of(worker)], threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            seen.append(megabytes_of(worker))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        ended.set()
        looking.join()
