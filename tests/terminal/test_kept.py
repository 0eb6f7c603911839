"""What is kept of a terminal's output, for who comes back."""

from __future__ import annotations

from fleet.terminal.kept import Kept


def test_it_gives_back_what_it_was_given() -> None:
    kept = Kept(limit=100)
    kept.add(b"one\r\n")
    kept.add(b"\x1b[31mtwo")
    assert kept.replay() == b"one\r\n\x1b[31mtwo"


def test_it_is_bounded_and_begins_with_a_whole_line() -> None:
    kept = Kept(limit=1000)
    for number in range(1000):
        kept.add(b"line %d\r\n" % number)
    replay = kept.replay()
    assert len(replay) < 1100
    assert replay.startswith(b"\x1b[mline ") and replay.endswith(b"line 999\r\n")


def test_it_sets_the_modes_of_what_it_has_dropped() -> None:
    kept = Kept(limit=100)
    kept.add(b"\x1b[?1049h\x1b[?1;25l\x1b[?2004")
    kept.add(b"h")  # in two pieces
    for _ in range(20):
        kept.add(b"0123456789\n")
    assert kept.replay().startswith(b"\x1b[?1049h\x1b[?1l\x1b[?25l\x1b[?2004h\x1b[m0123456789\n")
    assert kept.fills_screen


def test_a_reset_clears_the_modes() -> None:
    kept = Kept(limit=10)
    kept.add(b"\x1b[?1049h")
    assert kept.fills_screen
    kept.add(b"\x1bc")
    assert not kept.fills_screen
    kept.add(b"x" * 20 + b"\n")
    kept.add(b"y")
    assert kept.replay() == b"\x1b[my"
