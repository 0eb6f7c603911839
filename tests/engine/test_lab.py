"""What only real engines do: refuse what Podman lacks, die, and lose their cable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fleet.engine.aio import open_async
from fleet.engine.client import open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError, Unsupported
from fleet.engine.probe import probe
from tests.lab.lab import Lab
from tests.waiting import eventually_async


@pytest.mark.lab
def test_podman_says_what_it_does_not_do(lab: Lab) -> None:
    if not lab.podman_socket.exists():
        pytest.skip("The lab has no podman.")
    endpoint = Endpoint(f"unix://{lab.podman_socket}")
    with open_engine(endpoint) as engine, pytest.raises(Unsupported) as caught:
        engine._json("/services")
    assert caught.value.code == "not_supported"


@pytest.mark.lab
async def test_it_notices_a_dead_cable(lab: Lab) -> None:
    host = lab[2]
    endpoint = Endpoint(host.url, host.tls_ca, host.tls_cert, host.tls_key)
    async with open_async(endpoint, 2, 2) as engine, engine.events() as stream:
        lab.cut(2)
        try:
            async with asyncio.timeout(15):
                with pytest.raises(EngineError) as caught:
                    await anext(aiter(stream))
            assert caught.value.code in ("timeout", "disconnected", "no_route")
            with pytest.raises(EngineError) as caught:
                await engine.ping()
            assert caught.value.code in ("timeout", "no_route")
        finally:
            lab.heal(2)
        await asyncio.wait_for(again(engine.ping), 20)


async def again(call: Callable[[], object]) -> None:
    async def once() -> bool:
        try:
            result = call()
            assert asyncio.iscoroutine(result)
            await result
        except EngineError:
            return False
        return True

    while not await once():
        await asyncio.sleep(0.1)


@pytest.mark.lab
async def test_it_notices_that_the_daemon_died(lab: Lab) -> None:
    endpoint = Endpoint(lab[2].socket_url)
    async with open_async(endpoint) as engine, engine.events() as stream:
        lab.kill(2)
        try:
            with pytest.raises(EngineError) as caught:
                await asyncio.wait_for(anext(aiter(stream)), 10)
            assert caught.value.code == "disconnected"
            found = await asyncio.to_thread(probe, endpoint)
            assert found.code in ("refused", "socket_missing")
        finally:
            lab.up(2)
        await eventually_async(lambda: lab[2].socket.exists(), "the socket is back")
        await engine.ping()
