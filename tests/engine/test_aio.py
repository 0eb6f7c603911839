"""The asyncio client against the fake engine: faults, streams, and connections given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fleet.engine.aio import AsyncEngine, open_async
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError
from fleet.engine.fake import FakeEngine, in_fake
from fleet.engine.types import LogFrame
from tests.engine.pki import Authority, server_context
from tests.waiting import eventually_async


async def text_of(engine: AsyncEngine, ref: str, **options: Any) -> bytes:
    found: list[LogFrame] = []
    async for block in engine.logs(ref, **options):
        found += block.frames()
    return b"".join(frame.data for frame in found)


async def test_it_asks_for_the_version_once(fake: FakeEngine, endpoint: Endpoint) -> None:
    async with open_async(endpoint) as engine:
        await engine.list_containers()
        await engine.list_containers()
    assert fake.requests.count("GET /version") == 1
    assert "GET /v1.45/containers/json?all=1" in fake.requests


async def test_it_sees_a_new_version_of_the_engine(fake: FakeEngine, endpoint: Endpoint) -> None:
    async with open_async(endpoint) as engine:
        await engine.facts()
        fake.api_version = "1.42"
        with pytest.raises(EngineError) as caught:
            await engine.list_containers()
        assert (caught.value.code, caught.value.permanent) == ("api_too_old", False)
        await engine.list_containers()
    assert fake.requests[-1] == "GET /v1.42/containers/json?all=1"


async def test_it_lists_without_asking_for_each(fake: FakeEngine, endpoint: Endpoint) -> None:
    in_fake(fake, lambda: [fake.state.add(state="exited") for _ in range(50)])
    async with open_async(endpoint) as engine:
        assert len(await engine.list_containers()) == 50
    assert len(fake.requests) == 2


async def test_it_closes_everything_though_cancelled_while_it_closes(
    fake: FakeEngine, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, closing = asyncio.Event(), asyncio.Event()
    engines: list[AsyncEngine] = []

    class Closing:
        async def close(self) -> None:
            closing.set()
            await asyncio.Event().wait()

    async def use() -> None:
        async with open_async(endpoint) as engine:
            engines.append(engine)
            await engine.facts()
            await engine._calls.close()
            monkeypatch.setattr(engine, "_calls", Closing())
            opened.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(use())
    await opened.wait()
    task.cancel()
    await closing.wait()
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled() and engines[0]._streams.closed


async def test_it_never_has_more_than_ten_calls_at_once(
    fake: FakeEngine, endpoint: Endpoint
) -> None:
    in_fake(fake, lambda: fake.state.add("web"))
    async with open_async(endpoint) as engine:
        await engine.facts()
        fake.faults.slow = 0.05
        calls = [asyncio.create_task(engine.inspect("web")) for _ in range(40)]
        await eventually_async(lambda: fake.connections >= 10, "calls are under way")
        assert fake.connections == 10
        await asyncio.gather(*calls)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"hang": True}, "timeout"),
        ({"status": 500}, "engine_error"),
        ({"not_docker": True}, "not_docker"),
        ({"garbage": True}, "not_docker"),
    ],
)
async def test_it_reports_faults(
    fake: FakeEngine, endpoint: Endpoint, fault: dict[str, Any], code: str
) -> None:
    async with open_async(endpoint, 1, 0.2) as engine:
        await engine.facts()
        for name, value in fault.items():
            setattr(fake.faults, name, value)
        with pytest.raises(EngineError) as caught:
            await engine.list_containers()
    assert caught.value.code == code


async def test_it_finds_no_container(endpoint: Endpoint) -> None:
    async with open_async(endpoint) as engine:
        with pytest.raises(EngineError) as caught:
            await engine.container("nobody")
    assert (caught.value.code, str(caught.value)) == ("not_found", "No such container: nobody.")


async def test_it_follows_events(fake: FakeEngine, endpoint: Endpoint) -> None:
    async with open_async(endpoint) as engine, engine.events() as stream:
        await eventually_async(lambda: fake.state.subscribers, "subscribed")
        made = in_fake(fake, lambda: fake.state.add("web"))
        events = aiter(stream)
        first, second = await anext(events), await anext(events)
    assert [(e.kind, e.action) for e in (first, second)] == [
        ("container", "create"),
        ("container", "start"),
    ]
    assert (first.object_id, first.object_name) == (made.id, "web")


async def test_it_resumes_events_at_the_nanosecond(fake: FakeEngine, endpoint: Endpoint) -> None:
    in_fake(fake, lambda: [fake.state.add(f"c{n}") for n in range(20)])
    last = fake.state.history[-3]["timeNano"]
    async with open_async(endpoint) as engine:
        events = aiter(engine.events(since_ns=last))
        found = [await anext(events) for _ in range(3)]
    assert [event.at_ns for event in found] == [e["timeNano"] for e in fake.state.history][-3:]


async def test_it_says_when_the_engine_went(fake: FakeEngine, endpoint: Endpoint) -> None:
    async with open_async(endpoint) as engine, engine.events() as stream:
        await eventually_async(lambda: fake.state.subscribers, "subscribed")
        in_fake(fake, fake.cut)
        with pytest.raises(EngineError) as caught:
            await anext(aiter(stream))
    assert caught.value.code == "disconnected"


async def use_partly(engine: AsyncEngine, how: str) -> None:
    """Start to read a stream that never ends, and stop in one of the ways there are."""
    if how == "break events":
        async for _ in engine.events(since=1.0):
            break
    elif how == "break logs":
        async for _ in engine.logs("web", follow=True):
            break
    elif how == "leave the block":
        async with engine.logs("web", follow=True) as stream:
            await anext(aiter(stream))
    elif how == "exception":
        with pytest.raises(KeyError):
            async with engine.events(since=1.0) as stream:
                async for _ in stream:
                    raise KeyError
    elif how == "cancel":
        task = asyncio.create_task(text_of(engine, "web", follow=True))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    "how", ["break events", "break logs", "leave the block", "exception", "cancel"]
)
async def test_it_closes_what_it_stops_reading(
    fake: FakeEngine, endpoint: Endpoint, how: str
) -> None:
    in_fake(fake, lambda: fake.state.add("web").write("hello"))
    async with open_async(endpoint) as engine:
        await engine.facts()
        for _ in range(3):
            await use_partly(engine, how)
        # One idle connection stays for the next call.
        await eventually_async(lambda: fake.connections <= 1, "streams are closed at the engine")
        await engine.ping()


async def test_it_closes_everything_at_the_end(fake: FakeEngine, endpoint: Endpoint) -> None:
    async with open_async(endpoint) as engine:
        await engine.events().open()
        await engine.facts()
    await eventually_async(lambda: fake.connections == 0, "all connections are closed")


def lines(fake: FakeEngine, name: str, count: int, **options: Any) -> Callable[[], None]:
    def write() -> None:
        container = fake.state.add(name, **options)
        for number in range(count):
            container.write(f"line {number}", stream=1 + number % 2)

    return write


async def test_it_reads_logs_of_both_streams(fake: FakeEngine, endpoint: Endpoint) -> None:
    in_fake(fake, lines(fake, "web", 4))
    async with open_async(endpoint) as engine:
        frames = [frame async for block in engine.logs("web", tail=3) for frame in block.frames()]
    assert frames == [
        ("stderr", b"line 1\n"),
        ("stdout", b"line 2\n"),
        ("stderr", b"line 3\n"),
    ]


async def test_it_reads_logs_of_a_terminal_as_they_are(
    fake: FakeEngine, endpoint: Endpoint
) -> None:
    in_fake(fake, lines(fake, "web", 2, tty=True))
    async with open_async(endpoint) as engine:
        assert await text_of(engine, "web") == b"line 0\nline 1\n"


async def test_it_reads_many_lines_in_bulk(fake: FakeEngine, endpoint: Endpoint) -> None:
    in_fake(fake, lines(fake, "web", 50_000))
    async with open_async(endpoint) as engine:
        batches = [batch async for batch in engine.logs("web", tty=False)]
    assert sum(block.entries for block in batches) == 50_000
    assert len(batches) < 500


async def test_it_reads_the_same_without_chunks(fake: FakeEngine, endpoint: Endpoint) -> None:
    in_fake(fake, lines(fake, "web", 5_000))
    async with open_async(endpoint) as engine:
        whole, lean = [await text_of(engine, "web", lean=way) for way in (False, True)]
    assert whole == lean and whole.count(b"\n") == 5_000


async def test_it_follows_until_the_container_ends(fake: FakeEngine, endpoint: Endpoint) -> None:
    in_fake(fake, lines(fake, "web", 1))
    web = fake.state.find("web")
    found: list[bytes] = []
    async with open_async(endpoint) as engine:
        async for block in engine.logs("web", follow=True, tail=10):
            found += [frame.data for frame in block.frames()]
            if len(found) == 1:
                in_fake(fake, lambda: web.write("more"))
            elif len(found) == 2:
                in_fake(fake, lambda: fake.state.stop(web))
    assert found == [b"line 0\n", b"more\n"]


async def test_it_stamps_lines(fake: FakeEngine, endpoint: Endpoint) -> None:
    in_fake(fake, lines(fake, "web", 1))
    async with open_async(endpoint) as engine:
        text = await text_of(engine, "web", timestamps=True, tail=1)
    assert text.startswith(b"20") and text.endswith(b"Z line 0\n")


async def test_it_works_over_tls(ca: Authority) -> None:
    pair, mine = ca.leaf("127.0.0.1"), ca.leaf(client=True)
    fake = FakeEngine(context=server_context(pair, ca.pem))
    async with fake, open_async(Endpoint(fake.url, ca.pem, mine.cert, mine.key)) as engine:
        fake.state.add("web").write("hello")
        assert (await engine.container("web")).state == "running"
        async for block in engine.logs("web", follow=True):
            assert list(block.frames()) == [("stdout", b"hello\n")]
            break
        await eventually_async(lambda: fake.connections <= 1, "the stream is closed")


async def test_it_is_not_held_up_by_a_dead_name_server(
    fake: FakeEngine, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(host: str, port: int) -> Any:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result(30)
        raise OSError

    monkeypatch.setattr("fleet.engine.sockets.lookup", hang)

    async def ask(number: int) -> str:
        with pytest.raises(EngineError) as caught:
            async with open_async(
                Endpoint(f"tcp://dead{number}.invalid", insecure=True), 0.3, 0.3
            ) as engine:
                await engine.ping()
        return caught.value.code

    asked = [asyncio.create_task(ask(number)) for number in range(10)]
    async with open_async(endpoint) as engine:
        await engine.ping()
    assert set(await asyncio.gather(*asked)) == {"timeout"}
    released.set()
