"""Many readings in few bytes: a table of numbers, a line for each key, packed by columns.

A frame has a line for each container of a host (its row's id; 0 is the sum of all), at one time.
A block has a line for each time (Unix seconds), of one container. Both are packed alike: columns
of floats, compressed. What is not known is NaN there and None outside.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Mapping, Sequence
from math import nan

from fleet.engine.stats import Counters, Usage

COLUMNS = (
    "cpu", "memory", "memory_limit", "received", "sent", "read", "written", "processes",
)  # fmt: skip
AT_ONCE = ("memory", "memory_limit", "processes")  # what one reading tells, without another
MEANS = len(COLUMNS)
# What is made of several readings keeps the most of these, too: peaks must not be flattened.
PEAKS = ("cpu", "memory")
ROLLED = (*COLUMNS, *(f"{name}_peak" for name in PEAKS))
SUM = 0  # the key of a host's sum

Values = tuple[float, ...]
Table = dict[int, Values]
HEAD = struct.Struct("<BBHI")  # version, columns, seconds between readings, lines
VERSION = 1


def values_of(usage: Usage) -> Values:
    """Return a reading as a line."""
    found = (getattr(usage, name) for name in COLUMNS)
    return tuple(nan if value is None else float(value) for value in found)


def values_at_once(counters: Counters) -> Values:
    """Return a reading that can be compared with none as a line: it knows no rates."""
    found = (getattr(counters, name) if name in AT_ONCE else None for name in COLUMNS)
    return tuple(nan if value is None else float(value) for value in found)


def pack(every: int, lines: Mapping[int, Sequence[float]]) -> bytes:
    """Return a table as bytes; `every` is how many seconds lie between two readings."""
    width = len(next(iter(lines.values()))) if lines else MEANS
    head = HEAD.pack(VERSION, width, min(every, 0xFFFF), len(lines))
    columns = [array("f", column) for column in zip(*lines.values(), strict=True)]
    body = b"".join(_bytes(part) for part in (array("Q", lines), *columns))
    return head + zlib.compress(body, 1)


Raw = bytes | memoryview  # PostgreSQL gives the latter


def unpack(data: Raw) -> tuple[int, Table]:
    """Return `every` and the lines by their keys."""
    every, keys, columns = _parts(data)
    return every, dict(zip(keys, zip(*columns, strict=True), strict=True))


def pick(data: Raw, key: int) -> tuple[int, Values | None]:
    """Return `every` and the one line of a key, None without it."""
    every, keys, columns = _parts(data)
    try:
        place = keys.index(key)
    except ValueError:
        return every, None
    return every, tuple(column[place] for column in columns)


def _parts(data: Raw) -> tuple[int, array[int], list[array[float]]]:
    data = bytes(data)
    version, width, every, count = HEAD.unpack_from(data)
    if version != VERSION:
        return every, array("Q"), [array("f") for _ in range(width)]
    body = zlib.decompress(data[HEAD.size :])
    keys = array("Q", _native("Q", body[: 8 * count]))
    starts = (8 * count + 4 * count * number for number in range(width))
    return (
        every,
        keys,
        [array("f", _native("f", body[start : start + 4 * count])) for start in starts],
    )


def _bytes(numbers: array[int] | array[float]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _native(code: str, raw: bytes) -> array:  # type: ignore[type-arg]
    numbers = array(code, raw)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
