"""A connection that stops being HTTP, against servers that say what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fleet.engine.endpoint import Address
from fleet.engine.errors import EngineError
from fleet.engine.hijack import Hijacked, hijack
from fleet.engine.transport import Route


@asynccontextmanager
async def server(folder: Path, answer: bytes | None) -> AsyncIterator[Route]:
    """Serve one answer (None: silence), then echo."""
    path = str(folder / "engine.sock")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        if answer is None:
            await reader.read()
        writer.write(answer or b"")
        if answer and (b" 101 " in answer or b" 200 " in answer):
            while data := await reader.read(1000):
                writer.write(data)
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        yield Route(Address("unix", path=path), path)


async def taken(route: Route) -> Hijacked:
    return await hijack(route, "/x", {}, connect_timeout=1, read_timeout=0.3)


@pytest.mark.parametrize("head", [b"HTTP/1.1 101 UPGRADED\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_bytes_go_both_ways(tmp_path: Path, head: bytes) -> None:
    async with server(tmp_path, head + b"first") as route:
        wire = await taken(route)
        assert await wire.read() == b"first"  # came with the head
        await wire.write(b"hello")
        assert await wire.read() == b"hello"
        wire.close()


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (b'HTTP/1.1 404 No\r\nContent-Length: 19\r\n\r\n{"message":"is no"}', "not_found", ""),
        (b'HTTP/1.1 409 No\r\nTransfer-Encoding: chunked\r\n\r\n13\r\n{"message":"is off"}\r\n',
         "conflict", ""),
        (b'HTTP/1.1 500 Oh\r\nContent-Length: 19\r\n\r\n{"message":"broken"}', "engine_error", ""),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "engine_error", "SSH-2.0"),
        (b"", "disconnected", ""),
        (None, "timeout", ""),
    ],
)  # fmt: skip
async def test_it_says_what_an_engine_does_not_do(
    tmp_path: Path, answer: bytes | None, code: str, words: str
) -> None:
    async with server(tmp_path, answer) as route:
        with pytest.raises(EngineError) as caught:
            await taken(route)
    assert caught.value.code == code
    assert words in caught.value.raw


async def test_nobody_is_there(tmp_path: Path) -> None:
    path = str(tmp_path / "nothing.sock")
    with pytest.raises(EngineError) as caught:
        await taken(Route(Address("unix", path=path), path))
    assert caught.value.code == "socket_missing"
