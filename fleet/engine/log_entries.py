"""Entries of Docker's json-file driver as the frames that an engine makes of them.

An entry is a line: ``{"log":"text\\n","stream":"stdout","time":"2026-01-01T00:00:00.1Z"}``, with
``attrs`` where there are any. What follows runs for each of millions.
https://docs.docker.com/engine/logging/drivers/json-file/
"""

from __future__ import annotations

import json
import re
import struct
from typing import Any

TIME_SIZE = 30  # of a time as the engine tells it, with nine digits behind the second
OLDEST = "1970-01-01T00:00:00.000000000Z"
_TIME = re.compile(rb'"time":"(\d{4}-[^"\n]{14,24}Z)"\}\n')
_HEADER = struct.Struct(">BxxxL").pack
_STREAMS = {"stderr": 2}


class Framer:
    """Frames of the entries from ``since`` to ``until`` (as the engine tells times); "": all.

    Like the engine it leaves out what is older than the one, and is ``over`` with the first that
    is newer than the other.
    """

    def __init__(self, since: str, until: str) -> None:
        self._since, self._until = since, until
        self._newest = ""
        self.over = False

    def frames(self, lines: bytes) -> bytes:
        """Return the frames of whole lines."""
        found: list[bytes] = []
        since, until = self._since, self._until
        for entry in _entries(lines):
            try:
                time, text = entry["time"], entry["log"]
                stream = _STREAMS.get(entry["stream"], 1)
                if len(time) < TIME_SIZE:
                    time = padded(time)
            except (KeyError, TypeError, AttributeError):
                time, text, stream = self._newest or first_time(lines), _odd(entry), 1
            if until and time > until:
                self.over = True
                break
            self._newest = time
            if text and time >= since:
                data = f"{time} {text}".encode(errors="replace")
                found.append(_HEADER(stream, len(data)) + data)
        return b"".join(found)


def _entries(lines: bytes) -> list[Any]:
    """Return what each line says; those that say nothing as they are, if there are such."""
    text = lines.decode(errors="replace").removesuffix("\n")
    try:
        # One list of all is read twice as fast as one after the other.
        found = list(json.loads("[" + text.replace("\n", ",") + "]"))
    except ValueError:
        found = []
    if len(found) == text.count("\n") + 1:
        return found
    return [_entry(line) for line in text.split("\n")]


def _entry(line: str) -> Any:
    # Where the power was cut zeros stand before an entry, or alone.
    line = line.strip("\0")
    try:
        found = json.loads(line)
    except ValueError:
        return line
    return found if isinstance(found, dict) else line


def _odd(entry: Any) -> str:
    """Return the text of what is no entry: nothing of it is hidden."""
    words = (
        entry
        if isinstance(entry, str)
        else json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
    )
    return f"{words}\n" if words else ""


def first_time(lines: bytes) -> str:
    """Return the time of the first entry in some bytes, the oldest there is for none."""
    found = _TIME.search(lines)
    return padded(found[1].decode()) if found else OLDEST


def padded(time: str) -> str:
    """Return a time with nine digits behind the second."""
    second, _, fraction = time.removesuffix("Z").partition(".")
    return f"{second}.{fraction:0<9}Z"
