"""From an engine's frames to lines: time, stream and text of each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from fleet.engine.types import LogFrame

OUT, ERR = 1, 2
LINE_LIMIT = 1024 * 1024  # bytes, as in the page; what is longer goes on in a line of its own
TIME = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d))(?: |$)")


class Line(NamedTuple):
    """One line. `at` is the engine's time as it wrote it, "" when there is none.

    `cut`: it was too long and goes on as the next one of its stream.
    """

    stream: int
    at: str
    text: str
    cut: bool = False


@dataclass
class _Unfinished:
    """The beginning of a line whose end has not come yet."""

    at: str = ""
    parts: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, at: str, data: bytes) -> None:
        self.at = self.at or at
        self.parts.append(data)
        self.size += len(data)


class LineParser:
    """Turns frames into lines; what has no end yet waits for it.

    Engines send long lines in pieces, each with the time before it.
    """

    def __init__(self) -> None:
        self._unfinished = {OUT: _Unfinished(), ERR: _Unfinished()}

    def feed(self, frames: Iterable[LogFrame]) -> list[Line]:
        """Return the lines that are complete now, in order."""
        lines: list[Line] = []
        for name, data in frames:
            for piece in data.splitlines(keepends=True) if b"\n" in data[:-1] else (data,):
                self._piece(ERR if name == "stderr" else OUT, piece, lines)
        return lines

    def flush(self) -> list[Line]:
        """Return what is left at the end of the log, finished or not."""
        lines: list[Line] = []
        for stream in self._unfinished:
            if self._unfinished[stream].parts:
                lines.append(self._finish(stream))
        return lines

    def _piece(self, stream: int, data: bytes, lines: list[Line]) -> None:
        if not data:
            return
        at, data = _split_time(data)
        waiting = self._unfinished[stream]
        if data.endswith(b"\n") and not waiting.parts:
            lines.append(Line(stream, at, clean(data[:-1])))
            return
        waiting.add(at, data)
        whole = data.endswith(b"\n")
        if whole or waiting.size > LINE_LIMIT:
            lines.append(self._finish(stream, cut=not whole))

    def _finish(self, stream: int, *, cut: bool = False) -> Line:
        waiting, self._unfinished[stream] = self._unfinished[stream], _Unfinished()
        return Line(stream, waiting.at, clean(b"".join(waiting.parts).removesuffix(b"\n")), cut)


def _split_time(data: bytes) -> tuple[str, bytes]:
    match = TIME.match(data)
    return (match[1].decode(), data[match.end() :]) if match else ("", data)


def clean(data: bytes) -> str:
    """Return the text of a line: invalid UTF-8 replaced, what CR had overwritten left out."""
    text = data.decode("utf-8", "replace")
    if "\r" not in text:
        return text
    return next((part for part in reversed(text.split("\r")) if part), "")
