"""A private ssh-agent that holds one key."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import asyncssh

from tests.waiting import eventually_async


def listens(path: Path) -> bool:
    """Whether somebody takes calls there: the file is there a moment before."""
    with closing(socket.socket(socket.AF_UNIX)) as call:
        return call.connect_ex(str(path)) == 0


@asynccontextmanager
async def running_agent(path: Path, key: str) -> AsyncIterator[Path]:
    process = await asyncio.create_subprocess_exec("ssh-agent", "-D", "-a", str(path))
    try:
        await eventually_async(partial(listens, path), "the agent listens")
        async with asyncssh.connect_agent(str(path)) as agent:
            await agent.add_keys([asyncssh.import_private_key(key)])
        yield path
    finally:
        process.terminate()
        await process.wait()
