"""Bytes of a socket as a thread reads them in bursts, with TLS or without."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar, cast

BURST_BYTES = 256 * 1024
TAKE_BYTES = 64 * 1024
T = TypeVar("T")


class PlainWire:
    """Bytes of a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.over = False  # whether the peer has hung up
        self._buffer = memoryview(bytearray(BURST_BYTES))

    def send(self, data: bytes) -> None:
        """Send all."""
        self.sock.sendall(data)

    def take(self) -> bytes:
        """Wait for some bytes; ``b""`` at the end."""
        return self.sock.recv(TAKE_BYTES)

    def rest(self, limit: int) -> bytes:
        """Wait for what is left, up to a limit."""
        found = b""
        with contextlib.suppress(OSError):
            while len(found) < limit and (came := self.take()):
                found += came
        return found

    def burst(self) -> bytes:
        """Return all that is there, without waiting."""
        return bytes(self._buffer[: self._received()])

    def _received(self) -> int:
        size = 0
        while size < BURST_BYTES:
            try:
                came = self.sock.recv_into(self._buffer[size:])
            except BlockingIOError:
                break
            if not came:
                self.over = True
                break
            size += came
        return size


class SecureWire(PlainWire):
    """Bytes of a socket that speaks TLS: many records of one line each out of one read."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, name: str) -> None:
        super().__init__(sock)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=name)
        self._plain = memoryview(bytearray(2 * BURST_BYTES))
        self._ended = False  # by the peer's word; a connection that is just cut says nothing
        self._waiting_for(self._tls.do_handshake)

    def send(self, data: bytes) -> None:
        """Send all."""
        self._tls.write(data)
        self._flush()

    def take(self) -> bytes:
        """Wait for some bytes; ``b""`` at the end."""
        return self._waiting_for(lambda: self._tls.read(TAKE_BYTES))

    def burst(self) -> bytes:
        """Return all that is there. Raises ConnectionResetError for an end without a word."""
        self._in.write(self._buffer[: self._received()])
        size = 0
        read = cast("Callable[[int, memoryview], int]", self._tls.read)  # into a buffer: a number
        plain, room = self._plain, len(self._plain)
        with contextlib.suppress(ssl.SSLWantReadError):
            while size < room:
                if not (came := read(room, plain[size:])):
                    self._ended = self.over = True
                    break
                size += came
        if self.over and not self._ended:
            raise ConnectionResetError
        return bytes(plain[:size])

    def _flush(self) -> None:
        if self._out.pending:
            self.sock.sendall(self._out.read())

    def _waiting_for(self, step: Callable[[], T]) -> T:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._flush()
                if not (came := self.sock.recv(TAKE_BYTES)):
                    raise ConnectionResetError from None
                self._in.write(came)
            else:
                self._flush()
                return done
