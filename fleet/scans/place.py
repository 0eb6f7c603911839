"""Where scans run: which workers have Trivy, and one Trivy at a time on each machine."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from redis import RedisError

from fleet.jobs.roster import workers
from fleet.programs import find_program
from fleet.scans.trivy import SENTENCES

LOOK_SECONDS = 0.25


def has_trivy() -> bool:
    """Return whether this process would find Trivy."""
    return bool(find_program("trivy", settings.TRIVY))


def why_no_scans() -> str:
    """Return why no image can be scanned, in words; "" when one can.

    Workers that live say whether they have Trivy; when nobody says anything, this process looks.
    """
    try:
        found = [worker.scans for worker in workers() if "transfer" in worker.queues]
    except RedisError:
        found = []
    there = any(found) if found else has_trivy()
    return "" if there else str(SENTENCES["no_trivy"])


@contextmanager
def only_one(look: Callable[[], None], wait: Callable[[], None]) -> Iterator[None]:
    """Let one scan at a time in on this machine: each takes hundreds of megabytes of memory.

    `wait` is called once when there is another one; what `look` raises ends the waiting. The lock
    is the kernel's: it goes with the process.
    """
    folder = settings.TRIVY_CACHE_DIR
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        waited = False
        while not _take(handle):
            if not waited:
                wait()
            waited = True
            look()
            time.sleep(LOOK_SECONDS)
        yield
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
