"""Log frames cut out of chunks, hardly looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.errors import EngineError
from fleet.engine.log_blocks import TERMINAL_LIMIT, FrameCutter, LogBlock, TerminalCutter, pack
from fleet.engine.types import LogFrame

AT = "2026-01-02T03:04:05.123456789Z"


def cut(data: bytes, size: int) -> list[LogBlock]:
    """Return the blocks of data that comes in chunks of a size."""
    cutter = FrameCutter()
    blocks = [cutter.feed(data[at : at + size]) for at in range(0, len(data), size)]
    return [block for block in blocks if block.entries]


@pytest.mark.parametrize("size", [1, 3, 7, 8, 9, 1000])
def test_it_cuts_chunks_of_any_size(size: int) -> None:
    data = pack(1, b"one\n") + pack(2, b"") + pack(2, b"two\n") + pack(1, b"x" * 500)
    blocks = cut(data, size)
    assert b"".join(block.data for block in blocks) == data
    assert [frame for block in blocks for frame in block.frames()] == [
        LogFrame("stdout", b"one\n"),
        LogFrame("stderr", b""),
        LogFrame("stderr", b"two\n"),
        LogFrame("stdout", b"x" * 500),
    ]
    assert sum(block.entries for block in blocks) == 4


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.binary(max_size=60)), max_size=20),
    st.integers(1, 40),
)
def test_it_loses_nothing(frames: list[tuple[int, bytes]], size: int) -> None:
    blocks = cut(b"".join(pack(kind, data) for kind, data in frames), size)
    found = [frame.data for block in blocks for frame in block.frames()]
    assert found == [data for _kind, data in frames]
    for block in blocks:
        assert block.entries == len(list(block.spans()))
        assert list(block.spans())[-1][0] == block.last


@pytest.mark.parametrize("data", [b"hello world, no frames here", b"\1\0\0\0" + b"\xff" * 4])
def test_it_refuses_what_are_no_frames(data: bytes) -> None:
    with pytest.raises(EngineError):
        FrameCutter().feed(data)


def test_it_passes_on_the_engines_complaint() -> None:
    with pytest.raises(EngineError) as caught:
        FrameCutter().feed(pack(3, b"log file is gone"))
    assert caught.value.raw == "log file is gone"


def test_it_knows_the_time_of_its_last_frame() -> None:
    later = AT.replace("05.", "06.")
    block = FrameCutter().feed(pack(1, f"{AT} a\n".encode()) + pack(2, f"{later} b\n".encode()))
    assert (block.time_at(0), block.last_time) == (AT, later)
    assert LogBlock(pack(1, b"no time\n"), 1).last_time == ""


def test_it_leaves_out_the_beginning_of_a_block() -> None:
    first, second = pack(1, b"one\n"), pack(1, b"two\n")
    block = FrameCutter().feed(first + second)
    assert block.after(len(first), 1) == LogBlock(second, 1, 0)


def test_it_makes_a_frame_of_each_line_of_a_terminal() -> None:
    whole = "10%\r50%\r100%\r\nhäj\r\nprompt> ".encode()
    for at in range(1, len(whole)):
        cutter = TerminalCutter()
        blocks = [cutter.feed(whole[:at]), cutter.feed(whole[at:])]
        assert [frame.data for block in blocks for frame in block.frames()] == [
            b"10%\r50%\r100%\r\n",
            "häj\r\n".encode(),
        ]
        assert [frame.data for frame in cutter.flush().frames()] == [b"prompt> "]
        assert cutter.flush().entries == 0


def test_it_bounds_a_terminals_line_without_an_end() -> None:
    cutter = TerminalCutter()
    assert cutter.feed(b"x" * TERMINAL_LIMIT).entries == 0
    assert cutter.feed(b"y").entries == 1
