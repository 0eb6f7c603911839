"""What reading the usage of 50 running containers costs: us, and the engine that is read."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Figure
from bench.stage import CONTAINERS, rows_shown
from tests.lab.lab import Lab
from tests.stack import Stack
from tests.waiting import eventually

SETTLE, SECONDS = 20, 60
OURS, THEIRS = 5.0, 3.0  # percent of a core
NET = {"LAB_PREFIX": "qsample", "LAB_NET": "10.213.8"}
ENGINE = ("dockerd", "containerd")  # containerd's shims, which read the counters, too
COUNT = "from fleet.models import UsageFrame as F; print(F.objects.filter(step=10).count())"


def processor_seconds(pids: list[int]) -> float:
    """Return how long these processes have run on a processor."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def engine_pids(folder: Path) -> list[int]:
    """Return the processes of the engine that has its files in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it has ended
        name = Path(words[0]).name
        if name.startswith(ENGINE) and any(str(folder) in word for word in words):
            found.append(int(process.name))
    return found


@contextmanager
def one_host(folder: Path) -> Iterator[Lab]:
    """Run one real host with its containers."""
    lab = Lab(folder)
    try:
        lab.script("start", "1", **NET)
        lab.script("seed")
        lab.script("run", "1", str(CONTAINERS))
        yield lab
    finally:
        lab.script("stop", **NET)


def shares(lab: Lab, folder: Path, seconds: int) -> tuple[float, float, int]:
    """Return percent of a core for the watcher and for the engine, and the sweeps in that time."""
    with Stack(folder, settings={"QUAYSIDE_SAMPLE_SECONDS": str(seconds)}) as stack:
        stack.manage("demo_hosts", "--lab", str(lab.folder))
        eventually(lambda: rows_shown(stack) >= CONTAINERS, "all containers", seconds=90)
        time.sleep(SETTLE)
        pids = [stack.pid("manage.py watch")], engine_pids(lab.folder)
        sweeps = int(stack.manage("shell", "--no-imports", "-c", COUNT))
        before, began = [processor_seconds(some) for some in pids], time.monotonic()
        time.sleep(SECONDS)
        after, took = [processor_seconds(some) for some in pids], time.monotonic() - began
        sweeps = int(stack.manage("shell", "--no-imports", "-c", COUNT)) - sweeps
    ours, theirs = (100 * (b - a) / took for a, b in zip(before, after, strict=True))
    return ours, theirs, sweeps


def sampling() -> list[Figure]:
    """Measure with readings every 10 s, and without any."""
    folder = Path(tempfile.mkdtemp(prefix="qbs-", dir="/tmp"))
    try:
        with one_host(folder / "lab") as lab:
            on = shares(lab, folder / "on", 10)
            off = shares(lab, folder / "off", 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    what = f"readings of {CONTAINERS} containers every 10 s"
    return [
        Figure(f"{what}: sweeps in {SECONDS} s", on[2], ""),
        Figure(f"{what}: the watcher", on[0] - off[0], "%", OURS),
        Figure(f"{what}: the engine", on[1] - off[1], "%", THEIRS),
        Figure("the watcher without readings", off[0], "%"),
        Figure("the engine without readings", off[1], "%"),
    ]
