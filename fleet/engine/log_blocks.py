"""A container's output as the engine multiplexes it: cut at whole frames, hardly looked at.

A frame is 1 byte stream (1 stdout, 2 stderr), 3 zero, 4 length (big endian), then the data, as in
https://docs.docker.com/reference/api/engine/version/v1.43/#tag/Container/operation/ContainerAttach
"""

from __future__ import annotations

import re
import struct
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple, Protocol

from fleet.engine.errors import EngineError
from fleet.engine.types import LogFrame

HEADER_BYTES = 8
FRAME_LIMIT = 4 * 1024 * 1024
TERMINAL_LIMIT = 256 * 1024  # bytes of a terminal's line; what is longer goes on in another frame
_HEADER = struct.Struct(">BxxxL")
_STREAMS = {0: "stdout", 1: "stdout", 2: "stderr"}
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)(?= |$)")


class LogBlock(NamedTuple):
    """Whole frames: their bytes, how many, and where the last one begins.

    Of what was not cut only the bytes are known, and ``entries`` is 1.
    """

    data: bytes
    entries: int
    last: int = 0

    def frames(self) -> Iterator[LogFrame]:
        """Yield the frames, one after the other."""
        for start, stop in self.spans():
            kind = self.data[start]
            yield LogFrame(_STREAMS[kind], self.data[start + HEADER_BYTES : stop])

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield where each frame begins, with its header, and ends."""
        at = 0
        while at < len(self.data):
            stop = at + HEADER_BYTES + _HEADER.unpack_from(self.data, at)[1]
            yield at, stop
            at = stop

    def after(self, start: int, count: int) -> LogBlock:
        """Return the block from the frame that begins at `start` on, without `count` before it."""
        return LogBlock(self.data[start:], self.entries - count, self.last - start)

    def time_at(self, start: int) -> str:
        """Return the time that the frame beginning at `start` carries, "" without one."""
        match = _TIME.match(self.data, start + HEADER_BYTES)
        return match[0].decode() if match else ""

    @property
    def last_time(self) -> str:
        """The time of the newest frame."""
        return self.time_at(self.last)


def pack(stream: int, data: bytes) -> bytes:
    """Return a frame."""
    return _HEADER.pack(stream, len(data)) + data


class Cutter(Protocol):
    """Blocks out of chunks of any size."""

    def feed(self, chunk: bytes) -> LogBlock:
        """Return what is complete now."""

    def flush(self) -> LogBlock:
        """Return what is left at the end."""


class NoCutter:
    """Blocks as the chunks are: who reads them finds the frames."""

    def feed(self, chunk: bytes) -> LogBlock:
        """Return all of it."""
        return LogBlock(chunk, 1)

    def flush(self) -> LogBlock:
        """Return nothing."""
        return LogBlock(b"", 0)


class FrameCutter:
    """Blocks out of chunks of any size."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> LogBlock:
        """Return all frames that are complete now. Raises ``EngineError`` for no log stream."""
        buffer = self._rest + chunk if self._rest else chunk
        at, last, count, end = 0, 0, 0, len(buffer)
        header = _HEADER.unpack_from
        while end - at >= HEADER_BYTES:
            kind, size = header(buffer, at)
            if kind > 2 or size > FRAME_LIMIT:
                raise _broken(kind, buffer[at + HEADER_BYTES : at + HEADER_BYTES + size])
            if (stop := at + HEADER_BYTES + size) > end:
                break
            at, last, count = stop, at, count + 1
        self._rest = buffer[at:]
        return LogBlock(buffer[:at], count, last)

    def flush(self) -> LogBlock:
        """Return what is left at the end: nothing, half a frame is no use."""
        return LogBlock(b"", 0)


class TerminalCutter:
    """Blocks out of a terminal's bytes, which have no frames: each line becomes one."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> LogBlock:
        """Return all lines that are complete now."""
        buffer = self._rest + chunk
        end = buffer.rfind(b"\n") + 1
        if not end and len(buffer) > TERMINAL_LIMIT:
            end = len(buffer)
        self._rest = buffer[end:]
        return _framed(buffer[:end])

    def flush(self) -> LogBlock:
        """Return what is left at the end, a line without an end."""
        rest, self._rest = self._rest, b""
        return _framed(rest)


async def cut(
    chunks: AsyncIterator[bytes], terminal: bool, whole: bool = True
) -> AsyncIterator[LogBlock]:
    """Yield ``whole`` frames, or what comes as it comes. Raises ``EngineError``: not a log."""
    cutter: Cutter = TerminalCutter() if terminal else FrameCutter() if whole else NoCutter()
    async for chunk in chunks:
        if (block := cutter.feed(chunk)).entries:
            yield block
    if (block := cutter.flush()).entries:
        yield block


def _framed(data: bytes) -> LogBlock:
    *lines, rest = data.split(b"\n")
    frames = [pack(1, line + b"\n") for line in lines] + ([pack(1, rest)] if rest else [])
    body = b"".join(frames)
    return LogBlock(body, len(frames), len(body) - len(frames[-1]) if frames else 0)


def _broken(kind: int, data: bytes) -> EngineError:
    # Stream 3 is the engine's own complaint in the middle of the logs.
    said = data[:500].decode(errors="replace") if kind == 3 else "not a log stream"
    return EngineError("engine_error", raw=said)
