"""Logs of a real engine from its files: the same bytes as from the engine."""

from __future__ import annotations

import pytest

from fleet.engine.aio import open_async
from fleet.engine.endpoint import Endpoint
from fleet.engine.log_blocks import FrameCutter
from fleet.engine.log_file import open_log_files
from fleet.logs import history
from fleet.logs.history import Part, read_part
from fleet.logs.target import LogTarget
from tests.lab.lab import Lab
from tests.logs.test_lab import Run, run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(60)]
__all__ = ["run"]

ODD = r"""
seq 1 2000; echo err >&2; printf 'no end'; echo; echo
printf '\033[31mred\033[0m\r50%%\r100%%\n'; printf '\377\376\000\001\n'; printf '\342\200\250\n'
printf '"quoted" \\n \\u0041 <script>alert(1)</script> & \t\b\f\n' >&2
head -c 100000 /dev/zero | tr '\0' z; echo; printf 'the last has no end'
"""


@pytest.mark.parametrize("options", [(), ("--label", "a=b", "--log-opt", "labels=a")])
async def test_the_file_says_what_the_engine_says(
    lab: Lab, run: Run, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    host = lab.hosts[0]
    ident = run(*options, script=ODD)
    host.docker("wait", ident)
    target = LogTarget(1, ident, Endpoint(host.socket_url))
    by_file = await read(target)
    assert await is_read_by_file(target)
    monkeypatch.setattr(history, "open_log", by_engine)
    assert by_file == await read(target)
    assert by_file.count(b"\n") > 2000 and by_file.endswith(b"the last has no end")


async def test_a_log_that_has_rotated_is_read_from_its_oldest_file(lab: Lab, run: Run) -> None:
    ident = run("--log-opt", "max-size=20k", "--log-opt", "max-file=20", script="seq 1 2000")
    lab.hosts[0].docker("wait", ident)
    target = LogTarget(1, ident, Endpoint(lab.hosts[0].socket_url))
    assert await is_read_by_file(target)
    cutter = FrameCutter()
    frames = cutter.feed(await read(target)).frames()
    assert [int(frame.data.split()[1]) for frame in frames] == list(range(1, 2001))


async def test_a_log_in_compressed_files_is_asked_for(lab: Lab, run: Run) -> None:
    options = ("max-size=20k", "max-file=20", "compress=1")
    ident = run(*(word for one in options for word in ("--log-opt", one)), script="seq 1 2000")
    lab.hosts[0].docker("wait", ident)
    target = LogTarget(1, ident, Endpoint(lab.hosts[0].socket_url))
    assert not await is_read_by_file(target)
    assert (await read(target)).count(b"\n") == 2000


async def by_engine(*_args: object) -> None:
    """No file is to be read."""


async def read(target: LogTarget) -> bytes:
    """Return all frames of a log."""
    return b"".join([data async for data in read_part(target, Part())])


async def is_read_by_file(target: LogTarget) -> bool:
    """Whether a log is one whose file is read."""
    assert target.endpoint is not None
    async with open_async(target.endpoint) as engine:
        files = open_log_files(target.endpoint, await engine.container(target.engine_id))
    for file in files:
        file.close()
    return bool(files)
