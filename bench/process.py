"""What a process costs: its processor time and memory, from /proc."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
STREAM = 1000  # bytes a second, at least


def seconds_of(pid: int) -> float:
    """Return the processor time that a process has taken until now."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def megabytes_of(pid: int) -> float:
    """Return the memory that a process holds now (resident, what it shares counted whole)."""
    status = (PROC / str(pid) / "status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def streams_of(pid: int, port: int) -> int:
    """Return how many connections to a port a process receives on just now, for a second.

    Others are kept for the next question.
    """
    before = _received(pid, port)
    time.sleep(1)
    now = _received(pid, port)
    return sum(size - before.get(place, size) > STREAM for place, size in now.items())


def _received(pid: int, port: int) -> dict[str, int]:
    """Return by connection how many bytes have come."""
    said = subprocess.check_output(["ss", "-tnipHO", "dport", "=", str(port)], text=True)
    found = {}
    for line in said.splitlines():
        size = re.search(r"bytes_received:(\d+)", line)
        if size and f"pid={pid}," in line:
            found[line.split()[3]] = int(size[1])
    return found


def child_of(parent: int, *words: str) -> int:
    """Return the process below `parent` whose arguments have all these words."""
    return children_of(parent, *words)[0]


def children_of(parent: int, *words: str) -> list[int]:
    """Return all processes below `parent` whose arguments have all these words."""
    wanted = {word.encode() for word in words}
    found = [pid for pid in _below(parent) if wanted <= _arguments(pid)]
    if not found:
        raise LookupError(f"no process {' '.join(words)} below {parent}")
    return found


def _arguments(pid: int) -> set[bytes]:
    try:  # Chromium writes its own over them, with blanks
        return set((PROC / str(pid) / "cmdline").read_bytes().replace(b" ", b"\0").split(b"\0"))
    except OSError:  # it has ended
        return set()


def _below(parent: int) -> list[int]:
    found = []
    for task in (PROC / str(parent) / "task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *_below(child)]
    return found
