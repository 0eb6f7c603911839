"""The door: a socket that leads to an engine behind TCP, with TLS and without."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleet.engine.door import door
from fleet.engine.endpoint import Address
from fleet.engine.transport import Route
from fleet.engine.wires import Wires
from tests.engine.pki import Authority, server_context
from tests.waiting import eventually


class Echo:
    """A server that says back what it hears; ``open`` counts its connections."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.open = 0
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(near,), daemon=True).start()

    def _echo(self, near: socket.socket) -> None:
        sock = self._context.wrap_socket(near, server_side=True) if self._context else near
        self.open += 1
        try:
            with sock:
                while data := sock.recv(65536):
                    sock.sendall(data)
        except OSError:
            pass
        finally:
            self.open -= 1

    def close(self) -> None:
        self._listening.close()


@pytest.fixture(params=["plain", "tls"])
def way(request: pytest.FixtureRequest, ca: Authority) -> Iterator[tuple[Echo, Route]]:
    """A server and the route to it."""
    server = client = None
    if request.param == "tls":
        server = server_context(ca.leaf("127.0.0.1"))
        client = ssl.create_default_context(cadata=ca.pem)
    echo = Echo(server)
    yield echo, Route(Address("tcp", "127.0.0.1", echo.port), context=client)
    echo.close()


@contextmanager
def near(path: Path) -> Iterator[socket.socket]:
    """A connection to the door."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(20)
        sock.connect(str(path))
        yield sock


def said(sock: socket.socket, size: int) -> bytes:
    """Return so many bytes."""
    found = b""
    while len(found) < size and (data := sock.recv(65536)):
        found += data
    return found


def test_it_carries_both_ways(way: tuple[Echo, Route]) -> None:
    echo, route = way
    with door(Wires(route), 5) as path:
        assert path.parent.stat().st_mode & 0o077 == 0
        with near(path) as one, near(path) as two:
            for sock, word in ((one, b"one"), (two, b"two"), (one, b"again")):
                sock.sendall(word)
                assert said(sock, len(word)) == word
            large = bytes(range(256)) * 4096
            sender = threading.Thread(target=one.sendall, args=(large,))
            sender.start()
            assert said(one, len(large)) == large
            sender.join()
        eventually(lambda: echo.open == 0, "nothing is open")
    assert not path.parent.exists()


def test_its_end_ends_connections(way: tuple[Echo, Route]) -> None:
    echo, route = way
    with door(Wires(route), 5) as path, near(path) as sock:
        sock.sendall(b"x")
        assert said(sock, 1) == b"x"
        left = sock.dup()
    with left:
        left.settimeout(20)
        assert left.recv(1) == b""
    eventually(lambda: echo.open == 0, "nothing is open")


def test_cut_wires_end_connections(way: tuple[Echo, Route]) -> None:
    _, route = way
    wires = Wires(route)
    with door(wires, 5) as path, near(path) as sock:
        sock.sendall(b"x")
        assert said(sock, 1) == b"x"
        wires.cut()
        assert sock.recv(1) == b""


def test_an_engine_that_is_away_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with door(Wires(Route(Address("tcp", "127.0.0.1", port))), 5) as path, near(path) as sock:
        assert sock.recv(1) == b""
