"""A core for the browser alone: its user does not sit at the machine of the engines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BROWSER = b"chromium"


@contextmanager
def browser_alone() -> Iterator[bool]:
    """Give Chromium the last core and all other processes the rest, until the block ends.

    Yields False, and changes nothing, where that cannot be: one core, or without root.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or os.geteuid() != 0:
        yield False
        return
    before: dict[int, set[int]] = {}
    for task, browser in _tasks():
        with suppress(OSError):  # it has ended, or is bound to its core
            before[task] = os.sched_getaffinity(task)
            os.sched_setaffinity(task, cores[-1:] if browser else cores[:-1])
    try:
        yield True
    finally:
        for task, _browser in _tasks():  # also those that began meanwhile
            with suppress(OSError):
                os.sched_setaffinity(task, before.get(task, cores))


def _tasks() -> Iterator[tuple[int, bool]]:
    """Yield (thread id, is it the browser's) for every thread of every process."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if command:  # the kernel's own have none
                for task in (process / "task").iterdir():
                    yield int(task.name), BROWSER in command
