"""Logs of real engines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing

import pytest

from fleet.engine.endpoint import Endpoint
from fleet.logs.history import Part, PartUnread, read_part
from fleet.logs.hub import LogHub
from fleet.logs.lines import ERR, OUT
from fleet.logs.marks import Mark
from fleet.logs.reader import Item
from fleet.logs.target import LogTarget
from fleet.logs.upstream import TAIL
from tests.lab.lab import IMAGE, Lab
from tests.logs.blocks import lines_of, texts
from tests.logs.conftest import read_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]
Run = Callable[..., str]


@pytest.fixture
def run(lab: Lab) -> Iterator[Run]:
    """run(*docker options, script="...") -> the id of a container on the first host."""
    made: list[str] = []

    def start(*options: str, script: str) -> str:
        ident = lab.hosts[0].docker("run", "-d", *options, IMAGE, "sh", "-c", script)
        made.append(ident)
        return ident

    yield start
    there = set(lab.hosts[0].docker("ps", "-aq", "--no-trunc").split())
    if left := [ident for ident in made if ident in there]:
        lab.hosts[0].docker("rm", "-f", *left)


@pytest.fixture
def target(lab: Lab) -> Callable[[str], LogTarget]:
    """target(id) -> its log, by TLS."""
    host = lab.hosts[0]
    endpoint = Endpoint(host.url, host.tls_ca, host.tls_cert, host.tls_key)
    return lambda ident: LogTarget(1, ident, endpoint)


def has(*wanted: str) -> Callable[[list[Item]], bool]:
    """Whether all of these have come."""
    return lambda items: set(wanted) <= set(texts(items))


async def test_it_tells_real_streams_apart(run: Run, target: Callable[[str], LogTarget]) -> None:
    ident = run(script="echo out; echo err >&2; sleep 60")
    with LogHub().reading(target(ident)) as reader:
        found = await read_until(reader, has("out", "err"))
    lines = lines_of(found)
    assert {line.text: line.stream for line in lines} == {"out": OUT, "err": ERR}
    assert all(line.at.endswith("Z") for line in lines)


async def test_it_reads_a_terminal(run: Run, target: Callable[[str], LogTarget]) -> None:
    ident = run("-t", script=r"printf '1%%\r50%%\r100%%\n\033[31mred\033[0m\n'; sleep 60")
    with LogHub().reading(target(ident)) as reader:
        found = await read_until(reader, lambda items: len(texts(items)) >= 2)
    assert texts(found) == ["100%", "\x1b[31mred\x1b[0m"]
    assert all(line.at for line in lines_of(found))


async def test_it_joins_real_long_lines(run: Run, target: Callable[[str], LogTarget]) -> None:
    ident = run(script="head -c 100000 /dev/zero | tr '\\0' z; echo; echo end; sleep 60")
    with LogHub().reading(target(ident)) as reader:
        found = await read_until(reader, has("end"))
    assert texts(found) == ["z" * 100_000, "end"]


async def test_a_host_that_falls_silent_in_the_middle_ends_a_part(
    lab: Lab, run: Run, target: Callable[[str], LogTarget], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.engine.aio.SILENCE_SECONDS", 1.0)
    # More than there is room for on the way.
    ident = run(script="yes $(head -c 8000 /dev/zero | tr '\\0' z) | head -n 2000")
    lab[1].docker("wait", ident)
    async with aclosing(read_part(target(ident), Part())) as parts:
        assert await anext(parts)
        lab.cut(1)
        try:
            with pytest.raises(PartUnread) as caught:
                [part async for part in parts]
        finally:
            lab.heal(1)
    assert str(caught.value) == "The host did not answer in time."


async def test_it_loses_no_line_of_a_flood(
    lab: Lab, run: Run, target: Callable[[str], LogTarget]
) -> None:
    total = 100_000
    ident = run(
        script=f"echo ready; while [ ! -e /go ]; do sleep 0.1; done; seq 1 {total}; sleep 60"
    )
    with LogHub().reading(target(ident)) as reader:
        assert texts(await read_until(reader, has("ready"))) == ["ready"]
        # The flood begins when the reader is there.
        await asyncio.to_thread(lab.hosts[0].docker, "exec", ident, "touch", "/go")
        found: list[Item] = []
        while str(total) not in texts(found[-1:]):
            batch = await reader.next()
            assert batch.skipped == 0
            found += batch.items
    assert texts(found) == [str(number) for number in range(1, total + 1)]


async def test_it_begins_with_the_last_lines(run: Run, target: Callable[[str], LogTarget]) -> None:
    ident = run(script="seq 1 3000; sleep 60")
    with LogHub().reading(target(ident)) as reader:
        found = await read_until(reader, has("3000"))
    assert len(texts(found)) >= TAIL


async def test_it_follows_a_real_restart(
    lab: Lab, run: Run, target: Callable[[str], LogTarget]
) -> None:
    ident = run(script="echo born; exec sleep 60")
    with LogHub().reading(target(ident)) as reader:
        assert texts(await read_until(reader, has("born"))) == ["born"]
        await asyncio.to_thread(lab.hosts[0].docker, "restart", "-t", "0", ident)
        found = texts(await read_until(reader, has("born")))
        assert found in (["*restarted", "born"], ["*ended", "*started", "born"])
        await asyncio.to_thread(lab.hosts[0].docker, "rm", "-f", ident)
        while (batch := await reader.next()).end is None:
            pass
        assert batch.end.code == "removed"


async def test_it_says_that_a_real_driver_keeps_nothing(
    run: Run, target: Callable[[str], LogTarget]
) -> None:
    ident = run("--log-driver", "none", script="sleep 60")
    with LogHub().reading(target(ident)) as reader:
        end = (await reader.next()).end
        assert end is not None and end.code == "unreadable"


async def test_it_tells_what_a_rotation_has_swallowed(
    lab: Lab, run: Run, target: Callable[[str], LogTarget]
) -> None:
    total = 600_000
    ident = run(
        "--log-opt", "max-size=1m", "--log-opt", "max-file=3",
        script=f"echo ready; while [ ! -e /go ]; do sleep 0.1; done; seq 1 {total}; sleep 60",
    )  # fmt: skip
    with LogHub().reading(target(ident)) as reader:
        await read_until(reader, has("ready"))
        await asyncio.to_thread(lab.hosts[0].docker, "exec", ident, "touch", "/go")
        last, missing, told = 0, 0, list[str]()
        while last < total or (missing and not told):
            batch = await reader.next()
            for text in texts(batch.items):
                if text.isdigit():
                    missing += int(text) - last - 1
                    last = int(text)
                else:
                    told.append(text)
    assert last == total
    assert not missing or set(told) <= {"*hole", "*lost", "*unsure"}


async def test_a_log_that_is_whole_is_not_doubted(
    lab: Lab, run: Run, target: Callable[[str], LogTarget], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.logs.rotation.CHECK_SECONDS", 0.2)
    monkeypatch.setattr("fleet.logs.rotation.CHECK_BYTES", 1000)
    total = 20_000
    ident = run(
        "--log-opt", "max-size=100m",
        script=f"for i in 1 2 3 4 5; do seq 1 {total // 5}; sleep 0.1; done; echo done; sleep 60",
    )  # fmt: skip
    with LogHub().reading(target(ident)) as reader:
        found = await read_until(reader, has("done"))
    assert [item.code for item in found if isinstance(item, Mark)] == []
