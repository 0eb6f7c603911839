"""The body of an answer that is large and soon over, read by a thread of its own in bursts.

An engine writes a log line by line. Who reads each as it comes pays for a wake-up a line, and so
does the engine; on TCP each line is a packet, too. A reader that lets some milliseconds' worth come
together halves the work of both: see docs/decisions/0013-logs-in-bursts.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable

from fleet.engine.bursts import BURST_BYTES, CHUNK_BYTES, TAKE_BYTES, PlainWire, SecureWire
from fleet.engine.errors import EngineError
from fleet.engine.protocol import USER_AGENT, http_error
from fleet.engine.sockets import hang_up
from fleet.engine.transport import Route
from fleet.engine.wires import dial

CHUNKS_WAITING = 4  # read ahead of who takes them
HOLD_MS = 5  # how long less than a chunk waits for more
# An engine sends what is asked for as fast as it is taken, and is frozen, or out of reach, when it
# stops. Only one that looks for a time goes through all that is older without a word, some 200,000
# lines a second.
SILENCE_SECONDS, SCAN_SECONDS = 60.0, 600.0
# A Unix socket holds a few hundred lines, whatever their size; TCP as much as its window.
UNIX_PAUSE, TCP_PAUSE = 0.0002, 0.002  # seconds
UNIX_FULL = 32 * 1024  # who takes so much at once is late enough without a pause
# A peer this near sends whole windows at once when ours is small, instead of a packet a line. A far
# one needs a window that grows with the way.
NEAR_SECONDS, NEAR_WINDOW = 0.002, 64 * 1024


class Bulk:
    """An answer to a GET by HTTP/1.0. All methods raise ``EngineError``.

    ``read_timeout`` is for each silence before the answer's body, ``silence`` for those within.
    """

    def __init__(
        self, route: Route, path: str, connect_timeout: float, read_timeout: float, silence: float
    ) -> None:
        self._route, self._path, self._silence_ms = route, path, silence * 1000
        self._connect_timeout, self._read_timeout = connect_timeout, read_timeout
        self._loop = asyncio.get_running_loop()
        self._answered: asyncio.Future[None] = self._loop.create_future()
        self._chunks: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self._room = threading.Semaphore(CHUNKS_WAITING)
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self._closed = False

    async def open(self) -> Bulk:
        """Send the request, wait for the answer's head."""
        threading.Thread(target=self._work, name="engine-bulk", daemon=True).start()
        try:
            await self._answered
        except Exception as error:
            raise self._route.explain(error) from error
        except BaseException:
            self.close()
            raise
        return self

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes; the engine waits while nobody takes it."""
        while chunk := await self._chunks.get():
            if isinstance(chunk, Exception):
                raise self._route.explain(chunk) from chunk
            self._room.release()
            yield chunk

    def close(self) -> None:
        """Hang up; the thread ends at once."""
        with self._lock:
            self._closed = True
            if self._sock is not None:
                hang_up(self._sock)
        self._room.release()

    # --- In the thread ---------------------------------------------------------------------

    def _work(self) -> None:
        try:
            with contextlib.closing(self._connected()) as sock:
                wire = self._wire(sock)
                wire.send(_request(self._path))
                wire.put(self._head(wire))
                self._tell(self._answer)
                sock.setblocking(False)
                self._body(wire)
            self._tell(self._chunks.put_nowait, b"")
        except Exception as error:  # noqa: BLE001 - told to who waits
            self._failed(error)

    def _answer(self) -> None:
        if not self._answered.done():  # who waited may have given up
            self._answered.set_result(None)

    def _failed(self, error: Exception) -> None:
        def fail() -> None:
            if self._answered.done():
                self._chunks.put_nowait(error)
            else:
                self._answered.set_exception(error)

        self._tell(fail)

    def _tell(self, work: Callable[..., object], *args: object) -> None:
        if not self._closed:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
                self._loop.call_soon_threadsafe(work, *args)

    def _connected(self) -> socket.socket:
        began = time.monotonic()
        sock = dial(self._route, self._connect_timeout)
        if not self._route.unix_path and time.monotonic() - began < NEAR_SECONDS:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NEAR_WINDOW)
        with self._lock:
            self._sock = sock
            if self._closed:
                hang_up(sock)
        return sock

    def _wire(self, sock: socket.socket) -> PlainWire:
        if self._route.context is None:
            return PlainWire(sock)
        return SecureWire(sock, self._route.context, self._route.address.host)

    def _head(self, wire: PlainWire) -> bytes:
        """Read up to the body; return what came of that."""
        wire.sock.settimeout(self._read_timeout)
        head = b""
        while b"\r\n\r\n" not in head:
            if not (came := wire.take()) or len(head) > TAKE_BYTES:
                raise ConnectionResetError
            head += came
        head, _, body = head.partition(b"\r\n\r\n")
        line = head.split(b"\r\n", 1)[0].decode("latin1")
        words = line.split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
            raise EngineError("engine_error", raw=line)
        if int(words[1]) >= 300:
            raise http_error(int(words[1]), body + wire.rest(TAKE_BYTES))
        if b"\r\ntransfer-encoding: chunked" in head.lower():
            raise EngineError("engine_error", raw="HTTP/1.0 was answered in chunks")
        return body

    def _body(self, wire: PlainWire) -> None:
        pause, full = (UNIX_PAUSE, UNIX_FULL) if self._route.unix_path else (TCP_PAUSE, BURST_BYTES)
        readable = select.poll()
        readable.register(wire.sock, select.POLLIN)
        came = wire.burst()
        while not self._closed:
            if not wire.over and readable.poll(HOLD_MS if wire.size else self._silence_ms):
                if came < full:
                    time.sleep(pause)
                came = wire.burst()
                if wire.size < CHUNK_BYTES and not wire.over:
                    continue
            elif not wire.over and not wire.size:
                raise TimeoutError
            if wire.size:
                self._hand_over(wire.gathered())
            if wire.over:
                return

    def _hand_over(self, chunk: bytes) -> None:
        self._room.acquire()
        self._tell(self._chunks.put_nowait, chunk)


def _request(path: str) -> bytes:
    head = f"GET {path} HTTP/1.0\r\nHost: docker\r\nUser-Agent: {USER_AGENT}\r\n"
    return f"{head}Accept-Encoding: identity\r\nConnection: close\r\n\r\n".encode("ascii")
