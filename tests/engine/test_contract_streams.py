"""What holds for the events and logs of every engine; see test_contract."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from fleet.engine.aio import open_async
from fleet.engine.clock import engine_clock
from fleet.engine.errors import NotFound
from fleet.engine.stats import Counters, usage_between
from fleet.engine.types import EngineEvent
from tests.engine.target import BUSY, CHATTER, Target


async def test_it_tells_events(target: Target) -> None:
    actions: list[str] = []
    async with open_async(target.endpoint) as engine, engine.events() as stream:
        # The engine answers a moment before it has subscribed us.
        await asyncio.sleep(0.3)
        ident = await asyncio.to_thread(target.run, "one")
        await asyncio.to_thread(target.api.remove_container, ident, force=True)
        async with asyncio.timeout(20):
            async for event in stream:
                if event.object_id == ident and event.kind == "container":
                    assert event.object_name == "contract-one"
                    actions.append(event.action)
                if "destroy" in actions:
                    break
    wanted = ["create", "start", "die", "destroy"]
    assert [action for action in actions if action in wanted] == wanted


async def test_it_tells_past_events(target: Target) -> None:
    async with open_async(target.endpoint) as engine:
        clock = await engine_clock(engine)
        assert clock is not None and abs(clock - datetime.now(UTC)) < timedelta(seconds=5)
        ident = await asyncio.to_thread(target.run, "one")
        since = (datetime.now(UTC) - timedelta(seconds=20)).timestamp()
        found: list[EngineEvent] = []
        async with asyncio.timeout(20):
            async for event in engine.events(since):
                found.append(event)
                if (event.object_id, event.action) == (ident, "start"):
                    break
    assert abs(found[-1].at - datetime.now(UTC)) < timedelta(seconds=20)
    assert found[-1].at_ns > 10**18


async def test_it_reads_logs(target: Target) -> None:
    # The fake runs nothing: what its containers say is set where the fake is tested.
    ident = target.run("one", CHATTER)
    async with open_async(target.endpoint) as engine:
        if target.kind == "fake":
            assert [batch async for batch in engine.logs(ident)] == []
            return

        async def streams(lean: bool = False) -> dict[str, bytes]:
            found = {"stdout": b"", "stderr": b""}
            async for batch in engine.logs(ident, tail=6, lean=lean):
                for frame in batch.frames():
                    found[frame.stream] += frame.data
            return found

        async with asyncio.timeout(20):
            while (found := await streams())["stderr"].count(b"\n") < 3:
                await asyncio.sleep(0.05)
        assert found["stdout"] == b"out 1\nout 2\nout 3\n"
        assert found["stderr"] == b"err 1\nerr 2\nerr 3\n"
        assert await streams(lean=True) == found
        with pytest.raises(NotFound):
            await engine.logs("contract-none", tty=False, lean=True).open()


async def test_it_measures_what_runs(target: Target) -> None:
    ident = target.run("one", BUSY)
    async with open_async(target.endpoint) as engine, asyncio.timeout(20):
        found: list[Counters] = []
        async with engine.stats(ident) as stream:
            async for now in stream:
                if now is not None:
                    found.append(now)
                if len(found) > 2:
                    break
    usage = usage_between(found[0], found[-1])
    assert usage is not None
    assert usage.cpu > 1
    assert usage.memory > 0


async def test_it_takes_single_readings(target: Target) -> None:
    ident = target.run("one", BUSY)
    async with open_async(target.endpoint) as engine, asyncio.timeout(20):
        one = await engine.sample(ident)
        await asyncio.sleep(1)
        two = await engine.sample(ident)
        assert one is not None and two is not None
        usage = usage_between(one, two)
        assert usage is not None and usage.cpu > 1 and usage.memory > 0
        await asyncio.to_thread(target.api.stop, ident, timeout=0)
        assert await engine.sample(ident) is None
        with pytest.raises(NotFound):
            await engine.sample("f" * 64)


async def test_it_follows_logs_to_the_end(target: Target) -> None:
    ident = target.run("one", CHATTER)
    async with open_async(target.endpoint) as engine:
        async with engine.logs(ident, follow=True) as stream, asyncio.timeout(20):
            await asyncio.to_thread(target.api.kill, ident)
            async for _ in stream:
                pass
        await engine.ping()


def open_streams(target: Target) -> int:
    """How many clients the engine still feeds, by its own account (Docker only)."""
    return int(target.api.info().get("NEventsListener", 0))


async def test_it_lets_go_of_streams(target: Target) -> None:
    if target.kind in ("fake", "podman"):
        pytest.skip("This engine does not tell its listeners.")
    before = await asyncio.to_thread(open_streams, target)
    async with open_async(target.endpoint) as engine:
        streams = [engine.events() for _ in range(12)]
        for stream in streams:
            await stream.open()
        count: list[int] = []

        async def counted() -> None:
            count.append(await asyncio.to_thread(open_streams, target))

        await until(counted, lambda: count[-1] == before + 12, "twelve listeners")
        for stream in streams:
            await stream.aclose()
        await until(counted, lambda: count[-1] == before, "no listener more than before")


async def until(step: Callable[[], object], condition: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(20):
        while True:
            result = step()
            if asyncio.iscoroutine(result):
                await result
            if condition():
                return
            await asyncio.sleep(0.05)
