"""What a process costs: its processor time and memory, from /proc."""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
ESTABLISHED = "01"  # in /proc/net/tcp


def seconds_of(pid: int) -> float:
    """Return the processor time that a process has taken until now."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def megabytes_of(pid: int) -> float:
    """Return the memory that a process holds now (resident, what it shares counted whole)."""
    status = (PROC / str(pid) / "status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def connections_of(pid: int, address: str, port: int) -> int:
    """Return how many TCP connections a process has to an address of IPv4."""
    number = int.from_bytes(ipaddress.IPv4Address(address).packed, "little")
    remote = f"{number:08X}:{port:04X}"
    rows = [line.split() for line in (PROC / str(pid) / "net" / "tcp").read_text().splitlines()]
    inodes = {row[9] for row in rows if row[2:4] == [remote, ESTABLISHED]}
    held = set()
    for handle in (PROC / str(pid) / "fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile
            held.add(handle.readlink().name.removeprefix("socket:[").removesuffix("]"))
    return len(inodes & held)


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
