"""A log that is larger than our memory: the newest lines are kept."""

from __future__ import annotations

from fleet.logs.lines import Line
from fleet.logs.text import LINE_COST, Newest


def test_it_keeps_the_newest_lines_within_its_limit() -> None:
    newest = Newest(10 * (LINE_COST + 1000))
    for number in range(100):
        newest.add([Line(1, "", f"{number:04d}" + "x" * 996)])
    assert [line.text[:4] for line in newest.lines] == [f"{n:04d}" for n in range(90, 100)]
    assert newest.size <= newest.limit


def test_it_keeps_one_line_however_long() -> None:
    newest = Newest(1000)
    newest.add([Line(1, "", "a"), Line(1, "", "x" * 5000)])
    assert len(newest.lines) == 1
