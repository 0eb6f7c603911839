"""An answer that a thread reads in bursts, against servers that say what the test wants."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleet.engine.bulk import CHUNKS_WAITING, Bulk
from fleet.engine.bursts import BURST_BYTES, CHUNK_BYTES
from fleet.engine.endpoint import Address
from fleet.engine.errors import EngineError
from fleet.engine.transport import Route
from tests.engine.pki import Authority, server_context
from tests.waiting import eventually_async

HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"
LINE = (
    b"a line of a hundred bytes or so, that comes in a packet and a record of its own, if at all\n"
)
MANY = 20_000
Say = Callable[[socket.socket], None]


def lines(sock: socket.socket) -> None:
    sock.sendall(HEAD + b"first\n")
    for _ in range(MANY):
        sock.sendall(LINE)


def cut(sock: socket.socket) -> None:
    sock.sendall(HEAD + b"first\n")
    socket.socket.shutdown(sock, socket.SHUT_RDWR)  # without a word of TLS


@contextmanager
def served(folder: Path, say: Say, ca: Authority | None = None) -> Iterator[Route]:
    """Answer one request, by a Unix socket or by TLS."""
    listener = socket.socket(socket.AF_INET if ca else socket.AF_UNIX)
    listener.bind(("127.0.0.1", 0) if ca else str(folder / "engine.sock"))
    listener.listen()
    leaf = ca.leaf("127.0.0.1") if ca else None

    def serve() -> None:
        plain, _ = listener.accept()
        sock = server_context(leaf).wrap_socket(plain, server_side=True) if leaf else plain
        with plain, sock:
            assert sock.recv(10_000).startswith(b"GET /logs?a=b HTTP/1.0\r\n")
            try:
                say(sock)
                if isinstance(sock, ssl.SSLSocket):
                    sock.unwrap()
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        if ca:
            context = ssl.create_default_context(cadata=ca.pem)
            yield Route(Address("tcp", "127.0.0.1", listener.getsockname()[1]), context=context)
        else:
            path = listener.getsockname()
            yield Route(Address("unix", path=path), path)
    finally:
        listener.close()
        thread.join(10)
        assert not thread.is_alive()


async def opened(route: Route, silence: float = 30) -> Bulk:
    bulk = Bulk(route, "/logs?a=b", connect_timeout=2, read_timeout=0.3, silence=silence)
    return await bulk.open()


@pytest.mark.parametrize("secure", [False, True])
async def test_all_comes_in_order(tmp_path: Path, ca: Authority, secure: bool) -> None:
    with served(tmp_path, lines, ca if secure else None) as route:
        chunks = [chunk async for chunk in (await opened(route)).chunks()]
    assert b"".join(chunks) == b"first\n" + LINE * MANY
    assert len(chunks) < 200  # of 20,000 that were sent


async def test_an_end_without_a_word_is_no_end(tmp_path: Path, ca: Authority) -> None:
    with served(tmp_path, cut, ca) as route:
        bulk = await opened(route)
        with pytest.raises(EngineError) as caught:
            [chunk async for chunk in bulk.chunks()]
    assert caught.value.code == "disconnected"


@pytest.mark.parametrize("secure", [False, True])
async def test_the_engine_waits_for_who_reads(tmp_path: Path, ca: Authority, secure: bool) -> None:
    sent = 0

    def endless(sock: socket.socket) -> None:
        nonlocal sent
        sock.sendall(HEAD)
        while True:
            sock.sendall(LINE * 100)
            sent += len(LINE) * 100

    with served(tmp_path, endless, ca if secure else None) as route:
        bulk = await opened(route)
        before = -1
        while sent > before:
            before = sent
            await asyncio.sleep(0.3)
        held = (CHUNKS_WAITING + 1) * (CHUNK_BYTES + BURST_BYTES)
        assert sent < held + 8 * 1024 * 1024  # and what both kernels hold
        bulk.close()


async def test_closing_ends_the_thread_and_the_connection(tmp_path: Path) -> None:
    ended = threading.Event()

    def silent(sock: socket.socket) -> None:
        sock.sendall(HEAD + b"first\n")
        assert sock.recv(1) == b""
        ended.set()

    with served(tmp_path, silent) as route:
        bulk = await opened(route)
        assert await anext(aiter(bulk.chunks())) == b"first\n"
        bulk.close()
        await eventually_async(ended.is_set, "the engine sees that nobody listens")
    await eventually_async(lambda: not threads(), "the thread has ended")


@pytest.mark.parametrize("secure", [False, True])
async def test_an_engine_that_freezes_in_the_middle(
    tmp_path: Path, ca: Authority, secure: bool
) -> None:
    ended = threading.Event()

    def frozen(sock: socket.socket) -> None:
        sock.sendall(HEAD + b"first\n")
        while sock.recv(1):
            pass
        ended.set()

    with served(tmp_path, frozen, ca if secure else None) as route:
        chunks = (await opened(route, silence=0.2)).chunks()
        assert await anext(chunks) == b"first\n"
        with pytest.raises(EngineError) as caught:
            await anext(chunks)
        assert caught.value.code == "timeout"
        await eventually_async(ended.is_set, "the engine is let go of")
    await eventually_async(lambda: not threads(), "the thread has ended")


async def test_who_takes_nothing_for_a_while_is_no_silence(tmp_path: Path) -> None:
    with served(tmp_path, lines) as route:
        chunks = (await opened(route, silence=0.2)).chunks()
        found = await anext(chunks)
        await asyncio.sleep(0.5)
        assert found + b"".join([one async for one in chunks]) == b"first\n" + LINE * MANY


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "engine-bulk"]


async def test_giving_up_while_it_waits_for_the_answer(tmp_path: Path) -> None:
    with served(tmp_path, lambda sock: sock.sendall(sock.recv(1))) as route:
        waiting = asyncio.create_task(opened(route))
        await eventually_async(lambda: bool(threads()), "it waits")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await eventually_async(lambda: not threads(), "the thread has ended")


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (b'HTTP/1.0 404 No\r\n\r\n{"message":"No such container: x"}', "not_found", "x"),
        (b'HTTP/1.0 500 Oh\r\n\r\n{"message":"broken"}', "engine_error", "broken"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "engine_error", "SSH-2.0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "engine_error", "chunks"),
        (b"", "disconnected", ""),
        (b"HTTP/1.0 200 OK\r\nX: " + b"x" * 200_000, "disconnected", ""),
    ],
)
async def test_it_says_what_an_engine_does_not_do(
    tmp_path: Path, answer: bytes, code: str, words: str
) -> None:
    with (
        served(tmp_path, lambda sock: sock.sendall(answer)) as route,
        pytest.raises(EngineError) as caught,
    ):
        await opened(route)
    assert caught.value.code == code
    assert words in caught.value.raw


async def test_an_engine_that_says_nothing(tmp_path: Path) -> None:
    with (
        served(tmp_path, lambda sock: sock.sendall(sock.recv(1))) as route,
        pytest.raises(EngineError) as caught,
    ):
        await opened(route)
    assert caught.value.code == "timeout"


async def test_nobody_is_there(tmp_path: Path) -> None:
    path = str(tmp_path / "nothing.sock")
    with pytest.raises(EngineError) as caught:
        await opened(Route(Address("unix", path=path), path))
    assert caught.value.code == "socket_missing"
