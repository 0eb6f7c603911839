"""What holds for processes with a terminal in every engine; see test_contract."""

from __future__ import annotations

import asyncio

import pytest

from fleet.engine.aio import open_async
from fleet.engine.errors import EngineError, NotFound
from fleet.engine.terminals import (
    Size,
    create_exec,
    exec_state,
    resize_exec,
    run_exec,
    start_exec,
)
from tests.engine.target import Target
from tests.waiting import read_until

# It says its number first, as Quayside's do.
SHELL = ("sh", "-c", 'echo "$$ sh"; exec sh')


async def test_it_runs_a_process_with_a_terminal(target: Target) -> None:
    ident = target.run("one")
    async with open_async(target.endpoint) as engine:
        made = await create_exec(engine, ident, SHELL)
        wire = await start_exec(engine, made, Size(90, 30))
        await read_until(wire, " sh")
        assert (await exec_state(engine, made)).running
        await resize_exec(engine, made, Size(100, 40))
        await wire.write(b"exit 3\r")
        async with asyncio.timeout(15):
            while await wire.read():
                pass
            while (state := await exec_state(engine, made)).running:
                await asyncio.sleep(0.05)
        assert state.exit_code == 3
        wire.close()


async def test_it_runs_a_process_that_ends_another(target: Target) -> None:
    ident = target.run("one")
    async with open_async(target.endpoint) as engine:
        made = await create_exec(engine, ident, SHELL)
        wire = await start_exec(engine, made, Size())
        number = (await read_until(wire, " sh")).split()[0]
        killer = ("sh", "-c", f"kill -KILL {number}")
        await run_exec(engine, await create_exec(engine, ident, killer, terminal=False))
        async with asyncio.timeout(15):
            while await wire.read():
                pass
        wire.close()


async def test_it_refuses_what_is_not_there(target: Target) -> None:
    ident = target.create("one")
    async with open_async(target.endpoint) as engine:
        with pytest.raises(EngineError):
            await create_exec(engine, ident, SHELL)
        with pytest.raises(NotFound):
            await create_exec(engine, "a" * 64, SHELL)
        with pytest.raises(NotFound):
            await start_exec(engine, "b" * 64, Size())
        with pytest.raises(NotFound):
            await exec_state(engine, "b" * 64)
