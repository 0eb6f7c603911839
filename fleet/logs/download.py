"""A whole log as a file, written while it is read: nothing of it is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

from django.utils import translation
from django.utils.translation import gettext as _

from fleet.access import AccessError
from fleet.engine.errors import EngineError
from fleet.engine.log_blocks import FrameCutter
from fleet.logs.history import Part, PartUnread, read_part
from fleet.logs.lines import ERR, Line, LineParser
from fleet.logs.target import LogTarget
from fleet.logs.watched import Bytes, Check, Watched
from fleet.packing import packer_for
from fleet.seats import Seat, Seats, StoodStill

GOES_ON = "…"  # at the end of a line that goes on as the next one
LEVEL = 6
WRITTEN = 64 * 1024  # bytes that go out at once
SEATS = Seats(each=8, most=64)  # a download costs a stream at an engine and some of a thread
# One for all: more would compute no faster, and keep the event loop waiting longer for its turn.
_THREAD = ThreadPoolExecutor(1, "log-download")


async def whole_log(
    target: LogTarget, seat: Seat, writer: Writer, *, language: str, check: Check
) -> Bytes:
    """Yield a log as a file, and give the seat back when it ends.

    A host that goes away in the middle, or a right (`check` raises AccessError), is told by the
    last line: the file has begun already.
    """
    watched = Watched(read_part(target, Part()), SEATS, seat, check)
    in_thread = asyncio.get_running_loop().run_in_executor
    why = ""
    try:
        async with aclosing(watched.parts()) as parts:
            async for data in parts:
                if piece := await in_thread(_THREAD, writer.feed, data):
                    yield piece
    except (PartUnread, EngineError, AccessError, StoodStill) as error:
        with translation.override(language or None):
            why = _("Here the log was cut off: %(why)s") % {"why": error}
    finally:
        SEATS.free(seat)
    yield await in_thread(_THREAD, writer.end, why)


class Writer:
    """A log's frames as the bytes of a file.

    It is text (time, `err` for stderr, text) or a JSON object a line, packed as one gzip file or
    not.
    """

    def __init__(self, *, as_json: bool, packed: bool) -> None:
        self._as_json = as_json
        self._cutter, self._parser = FrameCutter(), LineParser()
        self._packer = packer_for(packed, LEVEL)
        self._waiting: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> bytes:
        """Return what is worth a write by now; frames may be torn. Raises EngineError."""
        self._add(self._told(self._parser.feed(self._cutter.feed(data).frames())))
        return self._out() if self._size >= WRITTEN else b""

    def end(self, why: str) -> bytes:
        """Return the rest, with why it is not all."""
        if why:
            self._add((json.dumps({"error": why}) if self._as_json else why).encode() + b"\n")
        else:
            self._add(self._told(self._parser.flush()))
        return self._out() + self._packer.flush()

    def _told(self, lines: Iterable[Line]) -> bytes:
        return as_objects(lines) if self._as_json else as_text(lines)

    def _add(self, data: bytes) -> None:
        self._waiting.append(packed := self._packer.compress(data))
        self._size += len(packed)

    def _out(self) -> bytes:
        found = b"".join(self._waiting)
        self._waiting, self._size = [], 0
        return found


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
