"""A container's log in the files that Docker's json-file driver writes, when they are ours to read.

Each line is an entry: ``{"log":"text\\n","stream":"stdout","time":"2026-01-01T00:00:00.1Z"}``, with
``attrs`` before the time where there are any. It becomes the frame that the engine would send.
https://docs.docker.com/engine/logging/drivers/json-file/ and docs/decisions/0029-logs-by-file.md
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import stat
import struct
import threading
from collections.abc import AsyncGenerator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import BinaryIO

from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError
from fleet.engine.raw import as_dict, as_str
from fleet.engine.types import ContainerFacts

CHUNK_BYTES = 512 * 1024
FILES_LIMIT = 100
ATTEMPTS = 3
ENTRY_LIMIT = 4 * 1024 * 1024  # Docker cuts at 16 KiB; each byte may be written as six
_PLAIN = re.compile(
    rb'\{"log":"([^"\\\n]*)(\\n)?","stream":"std(?:out|(err))","time":"([^"\n]{19,29})Z"\}\n'
    rb"|([^\n]*)\n"
)
_HEADER = struct.Struct(">BxxxL").pack
_OUT, _ERR = 1, 2
# They take turns with the event loop: many at once would keep it waiting.
_THREADS = ThreadPoolExecutor(2, "log-file")
_TIME_BYTES = 29  # as the engine tells it, without the Z


def open_log_files(endpoint: Endpoint, facts: ContainerFacts) -> list[BinaryIO]:
    """Return the files of a container's log, the oldest first; none: ask the engine for it.

    They are those of our own machine's engine, and not a terminal's, whose frames are lines.
    """
    # An engine in another place of the file system has other files there, or none.
    own = f"/{facts.engine_id}/{facts.engine_id}-json.log"
    if not endpoint.url.startswith("unix:") or facts.tty or not facts.engine_id:
        return []
    if not facts.log_path.endswith(own) or not 1 <= facts.log_files <= FILES_LIMIT:
        return []
    older = (f"{facts.log_path}.{number}" for number in range(1, facts.log_files))
    paths = [facts.log_path, *older]
    for _attempt in range(ATTEMPTS):
        files = list(_opened(paths))
        # Docker makes room by renaming one after the other: then it is begun anew.
        if _inodes(paths) == [os.fstat(file.fileno()).st_ino for file in files]:
            return files[::-1]
        for file in files:
            file.close()
    return []


def _opened(paths: Iterable[str]) -> Iterator[BinaryIO]:
    """Open plain files up to the first that cannot be."""
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (OSError, ValueError):
            return
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return
        yield os.fdopen(descriptor, "rb", buffering=0)


def _inodes(paths: Iterable[str]) -> list[int]:
    """Return which files have these names now, as far as there are any."""
    found: list[int] = []
    for path in paths:
        with contextlib.suppress(OSError, ValueError):
            found.append(os.lstat(path).st_ino)
    return found


class LogFiles:
    """The entries that a log's files have now, from ``since`` to ``until``, both included.

    Like the engine it leaves out what is older than the one, and ends at the first that is newer
    than the other.
    """

    def __init__(
        self, files: list[BinaryIO], since: datetime | None, until: datetime | None
    ) -> None:
        self._files = [(file, os.fstat(file.fileno()).st_size) for file in files]
        self._since, self._until = _told(since), _told(until)
        self._rest = self._newest = b""
        self._over = False
        self._lock = threading.Lock()

    async def frames(self) -> AsyncGenerator[bytes]:
        """Yield bytes of whole frames. Raises ``EngineError`` for what is no log."""
        in_thread = asyncio.get_running_loop().run_in_executor
        try:
            while (data := await in_thread(_THREADS, self._next)) is not None:
                if data:
                    yield data
        finally:
            # A thread may still be reading for somebody who has gone.
            await in_thread(_THREADS, self._close)

    def _close(self) -> None:
        with self._lock:
            for file, _left in self._files:
                file.close()
            self._files = []

    def _next(self) -> bytes | None:
        """Return the frames of the next chunk, None behind the last one."""
        with self._lock:
            if self._over or not self._files:
                return None
            file, left = self._files[0]
            if not (chunk := file.read(min(CHUNK_BYTES, left))):
                file.close()
                self._files.pop(0)
                self._rest = b""  # an entry that is being written
                return b""
            self._files[0] = file, left - len(chunk)
            lines, end, self._rest = (self._rest + chunk).rpartition(b"\n")
            if len(self._rest) > ENTRY_LIMIT:
                raise EngineError("engine_error", raw="a line without an end")
            return self._framed(lines + end)

    def _framed(self, lines: bytes) -> bytes:
        """Return the frames of whole lines. One loop: it runs for each of millions."""
        found: list[bytes] = []
        since, until = self._since, self._until
        for text, end, err, time, other in _PLAIN.findall(lines):
            stream = _ERR if err else _OUT
            if not time:
                stream, time, text = _parsed(other, self._newest)
            elif len(time) < _TIME_BYTES:
                time = _padded(time)
            self._newest = time
            if until and time > until:
                self._over = True
                break
            if time >= since:
                body = b"%bZ %b\n" % (time, text) if end else b"%bZ %b" % (time, text)
                found.append(_HEADER(stream, len(body)) + body)
        return b"".join(found)


def _parsed(line: bytes, before: bytes) -> tuple[int, bytes, bytes]:
    """Return stream, time and text of a line that is not plain; one that is no entry as it is."""
    try:
        said = as_dict(json.loads(line))
        time = as_str(said["time"]).encode()
        text = as_str(said["log"]).encode(errors="replace")
    except (ValueError, KeyError):
        return _OUT, before, line.strip(b"\0") + b"\n"
    stream = _ERR if said.get("stream") == "stderr" else _OUT
    return stream, _padded(time.removesuffix(b"Z")), text


def _padded(time: bytes) -> bytes:
    """Return a time with nine digits behind the second."""
    second, _, fraction = time.partition(b".")
    return b"%b.%b" % (second, fraction.ljust(9, b"0"))


def _told(moment: datetime | None) -> bytes:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000".encode() if moment else b""
