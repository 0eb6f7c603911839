"""What a real engine left out when it rotated a log, and still has in its files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fleet.engine.aio import AsyncEngine, open_async
from fleet.engine.log_blocks import FrameCutter, LogBlock
from fleet.engine.raw import parse_time
from fleet.logs.history import Part, read_part
from fleet.logs.hub import LogHub
from fleet.logs.rotation import Rotation
from fleet.logs.target import LogTarget
from tests.logs.blocks import texts
from tests.logs.conftest import read_until
from tests.logs.test_lab import Run, has, run, target

pytestmark = [pytest.mark.lab, pytest.mark.timeout(60)]
__all__ = ["run", "target"]
TOTAL = 5000
GONE = range(2000, 2100)


async def test_what_was_left_out_is_between_the_times_that_are_told(
    run: Run, target: Callable[[str], LogTarget]
) -> None:
    ident = run(
        "--log-opt", "max-size=64k", "--log-opt", "max-file=20",
        script=f"seq 1 {TOTAL}; echo done; sleep 60",
    )  # fmt: skip
    where = target(ident)
    with LogHub().reading(where) as reader:
        await read_until(reader, has("done"))
    assert where.endpoint is not None
    async with open_async(where.endpoint) as engine:
        rotation = Rotation()
        for block in await read_all(engine, ident):
            rotation.passed(without(block, GONE))
        mark = await rotation.compared(engine, await engine.container(ident))
    assert mark is not None and (mark.code, mark.detail) == ("lost", str(len(GONE)))
    part = Part(since=parse_time(mark.since), until=parse_time(mark.until))
    cutter = FrameCutter()
    given = texts([cutter.feed(data) async for data in read_part(where, part)])
    # All that came is in it, too: what is missing is found by comparing.
    assert given == [str(number) for number in range(1, TOTAL + 1)] + ["done"]


async def read_all(engine: AsyncEngine, ident: str) -> list[LogBlock]:
    """Return all that an engine has of a log."""
    stream = engine.logs(ident, timestamps=True, tty=False, lean=True)
    async with stream:
        return [block async for block in stream]


def without(block: LogBlock, numbers: range) -> LogBlock:
    """Return a block without the lines that say some numbers."""
    gone = {str(number).encode() for number in numbers}
    frames = [block.data[start:stop] for start, stop in block.spans()]
    kept = [frame for frame in frames if frame.split()[-1] not in gone]
    data = b"".join(kept)
    return LogBlock(data, len(kept), len(data) - len(kept[-1]) if kept else 0)
