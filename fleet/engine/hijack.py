"""A connection that stops being HTTP: after the engine's answer, bytes both ways.

aiohttp keeps a response's connection to itself, so this one is ours, over the same route. Nothing
is read ahead of who reads, but for a buffer: a slow reader makes the engine wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

from fleet.engine.errors import EngineError
from fleet.engine.protocol import USER_AGENT, http_error
from fleet.engine.raw import Json
from fleet.engine.sockets import connect_async
from fleet.engine.transport import Route

BUFFER = 128 * 1024
ERROR_LIMIT = 64 * 1024


class Hijacked:
    """Bytes of a process, both ways. All methods raise ``EngineError``."""

    def __init__(
        self, route: Route, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._route, self._reader, self._writer = route, reader, writer

    async def read(self) -> bytes:
        """What has come, at least a byte; ``b""`` at the end."""
        try:
            data = await self._reader.read(BUFFER)
            if not data and self._route.is_lost:
                raise ConnectionResetError
        except Exception as error:
            raise self._route.explain(error) from error
        return data

    async def write(self, data: bytes) -> None:
        """Send; waits while the process does not read."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except Exception as error:
            raise self._route.explain(error) from error

    def close(self) -> None:
        """Hang up at once."""
        self._writer.transport.abort()


async def hijack(
    route: Route, path: str, body: Json, *, connect_timeout: float, read_timeout: float
) -> Hijacked:
    """POST, and take the connection over. Raises ``EngineError``."""
    writer = None
    try:
        async with asyncio.timeout(connect_timeout):
            reader, writer = await _connect(route)
        async with asyncio.timeout(read_timeout):
            writer.write(_request(path, body))
            await writer.drain()
            await _accepted(reader)
    except BaseException as error:
        if writer is not None:
            writer.transport.abort()
        if isinstance(error, Exception):
            raise route.explain(error) from error
        raise
    return Hijacked(route, reader, writer)


async def _connect(route: Route) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if route.unix_path:
        return await asyncio.open_unix_connection(route.unix_path, limit=BUFFER)
    sock = await connect_async(route.address.host, route.address.port)
    name = route.address.host if route.context else None
    try:
        return await asyncio.open_connection(
            sock=sock, ssl=route.context, server_hostname=name, limit=BUFFER
        )
    except BaseException:
        sock.close()
        raise


def _request(path: str, body: Json) -> bytes:
    sent = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: docker\r\nUser-Agent: {USER_AGENT}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n"
        "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    )
    return head.encode("ascii") + sent


async def _accepted(reader: asyncio.StreamReader) -> None:
    """Read the answer's head, and the whole answer of an engine that says no."""
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError from error
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
        raise EngineError("engine_error", raw=lines[0])
    if (status := int(words[1])) in (101, 200):
        return
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    raise http_error(status, await _complaint(reader, headers))


async def _complaint(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    length = headers.get("content-length", "")
    with contextlib.suppress(asyncio.IncompleteReadError, TimeoutError):
        if length.isdigit():
            return await reader.readexactly(min(int(length), ERROR_LIMIT))
        if headers.get("transfer-encoding") == "chunked":  # one chunk holds every complaint
            return await reader.readexactly(min(int(await reader.readline(), 16), ERROR_LIMIT))
    return b""
