"""A whole log as a file, written while it is read: nothing of it is kept."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from time import monotonic

from django.utils import translation
from django.utils.translation import gettext as _

from fleet.access import AccessError
from fleet.engine.errors import EngineError
from fleet.engine.log_blocks import FrameCutter
from fleet.logs.history import Part, PartUnread, read_part
from fleet.logs.lines import ERR, Line, LineParser
from fleet.logs.target import LogTarget
from fleet.seats import Seat, Seats

GZIP = 16 + zlib.MAX_WBITS
GOES_ON = "…"  # at the end of a line that goes on as the next one
WRITTEN = 64 * 1024  # bytes that go out at once
SEATS = Seats(each=8, most=64)  # a download costs a stream at an engine and some of our loop
CHECK_SECONDS = 4.0  # how soon a right that was taken ends a download

Check = Callable[[], Awaitable[object]]
Bytes = AsyncGenerator[bytes, None]  # whoever takes them closes them: a browser may go at any time


async def seated(seat: Seat, parts: Bytes) -> Bytes:
    """Yield the same bytes, and give the seat back when they end. Raises NoSeat."""
    try:
        SEATS.keep(seat)
        async with aclosing(parts):
            async for part in parts:
                yield part
    finally:
        SEATS.free(seat)


async def _while_allowed(parts: Bytes, check: Check) -> Bytes:
    """Yield parts, and ask now and then. Raises what `check` raises."""
    due = monotonic() + CHECK_SECONDS
    async with aclosing(parts):
        async for part in parts:
            if monotonic() >= due:
                await check()
                due = monotonic() + CHECK_SECONDS
            yield part


async def log_text(target: LogTarget, *, as_json: bool, language: str, check: Check) -> Bytes:
    """Yield a log as text (time, `err` for stderr, text) or as a JSON object a line.

    A host that goes away in the middle, or a right (`check` raises AccessError), is told by the
    last line: the file has begun already.
    """
    cutter, parser = FrameCutter(), LineParser()
    written = as_objects if as_json else as_text
    try:
        async with aclosing(_while_allowed(read_part(target, Part()), check)) as parts:
            async for data in parts:
                yield written(parser.feed(cutter.feed(data).frames()))
        yield written(parser.flush())
    except (PartUnread, EngineError, AccessError) as error:
        with translation.override(language or None):
            words = _("Here the log was cut off: %(why)s") % {"why": error}
        yield (json.dumps({"error": words}) if as_json else words).encode() + b"\n"


def as_text(lines: Iterable[Line]) -> bytes:
    """Return lines as text."""
    mark, end = {ERR: "err "}, {True: f" {GOES_ON}"}
    return "".join(
        f"{line.at} {mark.get(line.stream, '')}{line.text}{end.get(line.cut, '')}\n"
        for line in lines
    ).encode()


def as_objects(lines: Iterable[Line]) -> bytes:
    """Return lines as newline-delimited JSON, each as the API shows it."""
    return "".join(f"{json.dumps(shown(line), ensure_ascii=False)}\n" for line in lines).encode()


def shown(line: Line) -> dict[str, str | bool]:
    """Return a line as the API shows it."""
    stream = "stderr" if line.stream == ERR else "stdout"
    told: dict[str, str | bool] = {"at": line.at, "stream": stream, "text": line.text}
    return told | {"cut": True} if line.cut else told


async def gathered(parts: Bytes) -> Bytes:
    """Yield the same bytes in pieces that are worth a write."""
    waiting: list[bytes] = []
    size = 0
    async with aclosing(parts):
        async for part in parts:
            waiting.append(part)
            size += len(part)
            if size >= WRITTEN:
                yield b"".join(waiting)
                waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


async def gzipped(parts: Bytes) -> Bytes:
    """Yield the same as one gzip file."""
    packer = zlib.compressobj(6, zlib.DEFLATED, GZIP)
    async with aclosing(parts):
        async for part in parts:
            if packed := packer.compress(part):
                yield packed
    yield packer.flush()
