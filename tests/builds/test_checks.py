"""What is plainly wrong with a Dockerfile is told without any program."""

from __future__ import annotations

import pytest

from fleet.builds.checks import MOST, check


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("FRO debian\n", 1, "“FRO” is no instruction"),
        ("# syntax=docker/dockerfile:1\n\nRUN true\nFROM a\n", 3, "Only ARG may stand before FROM"),
        ("ARG A=1\n", 1, "FROM and an image are missing"),
        ("FROM a\nRUN \\\n  # later\n\nRUN b\n", 2, ""),
        ("FROM a\nCOPY\n", 2, "COPY needs something after it"),
        ("FROM a\n" + "X" * 200 + "\n", 2, f"“{'X' * 40}” is no"),
    ],
)
def test_what_cannot_be_built_is_told_by_line(text: str, line: int, words: str) -> None:
    found = check(text)
    if not words:
        assert found == []
        return
    assert [(one.line, one.level, one.url) for one in found] == [(line, "error", "")]
    assert words in found[0].text


def test_what_can_be_built_is_not_spoken_of() -> None:
    assert check("") == check("# nothing yet\n") == []
    good = (
        "ARG V=1\nFROM a:${V} AS one\nRUN <<EOF\nnot an instruction\nEOF\nONBUILD RUN b\nfrom one\n"
    )
    assert check(good) == []


def test_nobody_reads_thousands_of_sentences() -> None:
    assert len(check("NO such\n" * 5000)) == MOST
