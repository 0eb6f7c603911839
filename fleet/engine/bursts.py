"""Bytes of a socket as a thread reads them in bursts, with TLS or without."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar, cast

BURST_BYTES = 256 * 1024
TAKE_BYTES = 64 * 1024
CHUNK_BYTES = 256 * 1024  # what is handed over at once, while more comes
ROOM_BYTES = CHUNK_BYTES + 2 * BURST_BYTES  # a burst, and what came with the answer's head
T = TypeVar("T")


class PlainWire:
    """Bytes of a socket, gathered in one place: copied once, when they are handed over."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.over = False  # whether the peer has hung up
        self.size = 0  # of what is gathered
        self._plain = memoryview(bytearray(ROOM_BYTES))

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

    def put(self, data: bytes) -> None:
        """Gather what came with the answer's head."""
        self._plain[self.size : self.size + len(data)] = data
        self.size += len(data)

    def burst(self) -> int:
        """Gather all that is there, without waiting; return how much."""
        came = self._receive(self._plain[self.size : self.size + BURST_BYTES])
        self.size += came
        return came

    def gathered(self) -> bytes:
        """Return what was gathered, and begin anew."""
        found = bytes(self._plain[: self.size])
        self.size = 0
        return found

    def _receive(self, place: memoryview) -> int:
        size = 0
        while size < len(place):
            try:
                came = self.sock.recv_into(place[size:])
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
        self._raw = memoryview(bytearray(BURST_BYTES))
        self._ended = False  # by the peer's word; a connection that is just cut says nothing
        self._waiting_for(self._tls.do_handshake)

    def send(self, data: bytes) -> None:
        """Send all."""
        self._tls.write(data)
        self._flush()

    def take(self) -> bytes:
        """Wait for some bytes; ``b""`` at the end."""
        return self._waiting_for(lambda: self._tls.read(TAKE_BYTES))

    def burst(self) -> int:
        """Gather all that is there. Raises ConnectionResetError for an end without a word."""
        self._in.write(self._raw[: self._receive(self._raw)])
        before, room = self.size, len(self._plain)
        read = cast("Callable[[int, memoryview], int]", self._tls.read)  # into a buffer: a number
        with contextlib.suppress(ssl.SSLWantReadError):
            while self.size < room:
                if not (came := read(room, self._plain[self.size :])):
                    self._ended = self.over = True
                    break
                self.size += came
        if self.over and not self._ended:
            raise ConnectionResetError
        return self.size - before

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
