"""Blocks of log frames, for tests."""

from __future__ import annotations

from fleet.engine.log_blocks import LogBlock, pack
from fleet.logs.lines import Line, LineParser
from fleet.logs.reader import Item


def at(number: int) -> str:
    """Return the time of a line."""
    return f"2026-01-01T00:00:00.{number:09d}Z"


def block(*lines: tuple[str, str] | tuple[str, str, int]) -> LogBlock:
    """Return a block of lines, each with its time, text and perhaps stream."""
    frames = [
        pack(line[2] if len(line) > 2 else 1, f"{line[0]} {line[1]}\n".encode()) for line in lines
    ]
    data = b"".join(frames)
    return LogBlock(data, len(frames), len(data) - len(frames[-1]))


def numbered(count: int, start: int = 0, text: str = "x") -> LogBlock:
    """Return a block of lines with rising times."""
    return block(*((at(number), text) for number in range(start, start + count)))


def lines_of(items: list[Item]) -> list[Line]:
    """Return the lines of all blocks."""
    parser = LineParser()
    blocks = [item for item in items if isinstance(item, LogBlock)]
    return [line for one in blocks for line in parser.feed(one.frames())] + parser.flush()


def texts(items: list[Item]) -> list[str]:
    """Return lines as texts and marks as `*code`."""
    parser = LineParser()
    found: list[str] = []
    for item in items:
        if isinstance(item, LogBlock):
            found += [line.text for line in parser.feed(item.frames())]
        else:
            found.append(f"*{item.code}")
    return found + [line.text for line in parser.flush()]
