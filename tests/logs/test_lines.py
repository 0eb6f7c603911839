"""From frames to lines."""

from __future__ import annotations

import json

import pytest

from fleet.engine.types import LogFrame
from fleet.logs.download import as_objects, as_text
from fleet.logs.lines import ERR, LINE_LIMIT, OUT, Line, LineParser, clean

AT = "2026-01-02T03:04:05.123456789Z"


def frame(text: str, stream: str = "stdout", at: str = AT) -> LogFrame:
    """Return a frame as engines send it, with its time."""
    return LogFrame(stream, f"{at} {text}".encode())


def test_it_tells_streams_apart() -> None:
    lines = LineParser().feed([frame("one\n"), frame("two\n", "stderr")])
    assert lines == [Line(OUT, AT, "one"), Line(ERR, AT, "two")]


def test_it_joins_the_pieces_of_a_long_line() -> None:
    parser = LineParser()
    later = AT.replace("05.", "06.")
    assert parser.feed([frame("a" * 16384), frame("other\n", "stderr")]) == [Line(ERR, AT, "other")]
    assert parser.feed([frame("b\n", at=later)]) == [Line(OUT, AT, "a" * 16384 + "b")]


def test_it_bounds_a_line_without_an_end() -> None:
    parser = LineParser()
    lines = [line for _ in range(160) for line in parser.feed([frame("x" * 16384)])]
    assert len(lines) == 2 and len(lines[0].text) > LINE_LIMIT
    rest = parser.feed([frame("end\n")])
    assert sum(len(line.text) for line in [*lines, *rest]) == 160 * 16384 + 3
    assert [line.cut for line in [*lines, *rest]] == [True, True, False]


def test_a_line_that_is_cut_says_so() -> None:
    lines = [Line(OUT, AT, "a", cut=True), Line(ERR, AT, "b")]
    assert as_text(lines).decode() == f"{AT} a …\n{AT} err b\n"
    first, second = as_objects(lines).splitlines()
    assert json.loads(first)["cut"] is True and "cut" not in json.loads(second)


def test_a_line_of_a_megabyte_is_one() -> None:
    parser = LineParser()
    pieces = [frame("x" * 16384) for _ in range(64)]
    assert parser.feed(pieces) == []
    (line,) = parser.feed([frame("\n")])
    assert len(line.text) == 2**20 and not line.cut


def test_it_keeps_empty_lines_and_lines_without_a_time() -> None:
    parser = LineParser()
    assert parser.feed([frame("\n"), LogFrame("stdout", b"plain\n"), LogFrame("stdout", b"")]) == [
        Line(OUT, AT, ""),
        Line(OUT, "", "plain"),
    ]


def test_it_splits_frames_of_several_lines() -> None:
    data = f"{AT} a\n{AT} b\n{AT} c".encode()
    parser = LineParser()
    assert [line.text for line in parser.feed([LogFrame("stdout", data)])] == ["a", "b"]
    assert [line.text for line in parser.flush()] == ["c"]


@pytest.mark.parametrize("at", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.1+01:00", AT])
def test_it_reads_the_times_of_all_engines(at: str) -> None:
    assert LineParser().feed([frame("x\n", at=at)]) == [Line(OUT, at, "x")]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"10%\r50%\r100%", "100%"),
        (b"done\r", "done"),
        (b"\r\r", ""),
        (b"bad \xff\xfe utf", "bad �� utf"),
        (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
    ],
)
def test_it_cleans_texts(data: bytes, text: str) -> None:
    assert clean(data) == text
