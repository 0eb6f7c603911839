"""A container's log in the files that Docker's json-file driver writes, where we may read them.

What comes is what the engine would send: docs/decisions/0029-logs-by-file.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
from collections.abc import AsyncGenerator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from fleet.engine.endpoint import Endpoint, parse_address
from fleet.engine.errors import EngineError
from fleet.engine.log_entries import Framer, first_time
from fleet.engine.types import ContainerFacts

CHUNK_BYTES = 512 * 1024
FILES_LIMIT = 20  # of one log; all are open as long as it is read
LOGS_LIMIT = 20  # that are read at a time; who comes then asks the engine
ATTEMPTS = 3
ENTRY_LIMIT = 4 * 1024 * 1024  # Docker cuts at 16 KiB; each byte may be written as six
DISORDER = timedelta(seconds=5)  # how far times of entries may be out of order
_THREADS = ThreadPoolExecutor(2, "log-file")
# Threads take turns with the event loop: two that compute would keep it waiting twice as long.
_turn = threading.Lock()
_open: set[LogFiles] = set()


async def open_log(
    endpoint: Endpoint, facts: ContainerFacts, since: datetime | None, until: datetime | None
) -> LogFiles | None:
    """Return a container's log from ``since`` to ``until``, both included; None: ask the engine.

    Of our own machine's engines only, and not a terminal's, whose frames are lines.
    """
    if not endpoint.url.startswith("unix:") or facts.tty or len(_open) >= LOGS_LIMIT:
        return None
    loop = asyncio.get_running_loop()
    files = await loop.run_in_executor(_THREADS, open_log_files, endpoint, facts)
    return LogFiles(files, since, until) if files else None


def open_log_files(endpoint: Endpoint, facts: ContainerFacts) -> list[BinaryIO]:
    """Return the files of a container's log, the oldest first; none: ask the engine."""
    # An engine in another place of the file system has other files there, or none.
    own = f"/{facts.engine_id}/{facts.engine_id}-json.log"
    fewest = 2 if facts.rotates else 1  # a single one that rotates is cut off under its readers
    if not facts.engine_id or not facts.log_path.endswith(own):
        return []
    if not fewest <= facts.log_files <= FILES_LIMIT:
        return []
    older = (f"{facts.log_path}.{number}" for number in range(1, facts.log_files))
    paths = [facts.log_path, *older]
    for _attempt in range(ATTEMPTS):
        files = list(_opened(paths, _owner(parse_address(endpoint).path)))
        # Docker makes room by renaming one after the other: then it is begun anew.
        if _inodes(paths) == [os.fstat(file.fileno()).st_ino for file in files]:
            return files[::-1]
        for file in files:
            file.close()
    return []


def _owner(path: str) -> int:
    """Return whose a socket is, -1 for nobody's. Their engine must not show them others' files."""
    try:
        return Path(path).stat().st_uid
    except OSError:
        return -1


def _opened(paths: Iterable[str], owner: int) -> Iterator[BinaryIO]:
    """Open plain files of an owner, up to the first that cannot be."""
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (OSError, ValueError):
            return
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != owner:
            os.close(descriptor)
            return
        yield os.fdopen(descriptor, "rb", buffering=0)


def _inodes(paths: Iterable[str]) -> list[int]:
    """Return which files have these names now, packed or not, as far as there are any."""
    found: list[int] = []
    for path in paths:
        for name in (path, f"{path}.gz"):
            with contextlib.suppress(OSError, ValueError):
                found.append(os.lstat(name).st_ino)
    return found


class LogFiles:
    """The entries that a log's files have when they are opened."""

    def __init__(
        self, files: list[BinaryIO], since: datetime | None, until: datetime | None
    ) -> None:
        self._files = [(file, os.fstat(file.fileno()).st_size) for file in files]
        self._framer = Framer(_told(since), _told(until))
        self._begin = _told(since - DISORDER) if since else ""
        self._rest = b""
        self._lock = threading.Lock()
        _open.add(self)

    async def frames(self) -> AsyncGenerator[bytes]:
        """Yield bytes of whole frames. Raises ``EngineError`` for what is no log, or unreadable."""
        in_thread = asyncio.get_running_loop().run_in_executor
        try:
            while (data := await in_thread(_THREADS, self._next)) is not None:
                if data:
                    yield data
        except OSError as error:
            raise EngineError("engine_error", raw=str(error)) from error
        finally:
            # A thread may still be reading for somebody who has gone.
            await in_thread(_THREADS, self.close)

    def close(self) -> None:
        """Let go of the files; a thread that reads now ends first."""
        with self._lock:
            for file, _left in self._files:
                file.close()
            self._files = []
            _open.discard(self)

    def _next(self) -> bytes | None:
        """Return the frames of the next chunk, None behind the last one."""
        with self._lock:
            if self._framer.over or not self._files:
                return None
            file, size = self._files[0]
            if self._begin and not file.tell():
                file.seek(_place(file, size, self._begin))
            if not (chunk := file.read(max(0, min(CHUNK_BYTES, size - file.tell())))):
                file.close()
                self._files.pop(0)
                self._rest = b""  # an entry that is being written
                return b""
            lines, end, self._rest = (self._rest + chunk).rpartition(b"\n")
            self._rest = self._rest.lstrip(b"\0")
            if len(self._rest) > ENTRY_LIMIT:
                raise EngineError("engine_error", raw="a line without an end")
            with _turn:
                return self._framer.frames(lines + end) if lines else b""


def _place(file: BinaryIO, size: int, begin: str) -> int:
    """Return where a line begins behind which all times from ``begin`` on are."""
    low, high = 0, size
    while high - low > CHUNK_BYTES:
        middle = (low + high) // 2
        there = os.pread(file.fileno(), CHUNK_BYTES, middle)
        line = there.find(b"\n") + 1
        if line and first_time(there[line:]) < begin:
            low = middle + line
        else:
            high = middle
    return low


def _told(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z" if moment else ""
