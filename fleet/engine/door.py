"""A Unix socket that leads to an engine behind TCP, for programs that speak to engines themselves.

So that the ``docker`` command needs neither our keys nor a way of its own: it gets a socket in a
folder that only we can enter, and what it says goes over the wires that calls of ours use.
"""

from __future__ import annotations

import contextlib
import selectors
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fleet.engine.sockets import hang_up
from fleet.engine.wires import Wires

CHUNK = 128 * 1024
WAITING = 64  # connections that nobody has accepted yet


@contextmanager
def door(wires: Wires, connect_timeout: float) -> Iterator[Path]:
    """The path of a socket that is there until the end of the block. Raises ``OSError``."""
    folder = Path(tempfile.mkdtemp(prefix="quayside-door-", dir=_short_folder()))
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            path = folder / "docker.sock"
            listening.bind(str(path))
            listening.listen(WAITING)
            keeper = _Keeper(listening, wires, connect_timeout)
            keeper.start()
            try:
                yield path
            finally:
                keeper.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _short_folder() -> str | None:
    """The kernel allows 107 letters of a socket's path: long TMPDIRs do not do."""
    return "/tmp" if len(tempfile.gettempdir()) > 60 and Path("/tmp").is_dir() else None  # noqa: S108


class _Keeper(threading.Thread):
    """Accepts connections, and joins each with one to the engine in two threads."""

    def __init__(self, listening: socket.socket, wires: Wires, connect_timeout: float) -> None:
        super().__init__(name="engine-door", daemon=True)
        self._listening, self._wires = listening, wires
        self._connect_timeout = connect_timeout
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False

    def run(self) -> None:
        """Accept until the door is closed."""
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            if not self._keep(near):
                return
            threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            self._closed = True
            left = list(self._open)
        hang_up(self._listening)
        for sock in left:
            hang_up(sock)

    def _keep(self, sock: socket.socket) -> bool:
        with self._lock:
            if self._closed:
                sock.close()
                return False
            self._open.add(sock)
            return True

    def _join(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near, self._wires.open(self._connect_timeout) as far:
            if self._keep(far):
                _pump(near, far)
                self._forget(far)
        self._forget(near)

    def _forget(self, sock: socket.socket) -> None:
        with self._lock:
            self._open.discard(sock)


def _pump(near: socket.socket, far: socket.socket) -> None:
    """Carry bytes both ways until one side ends. One thread: a TLS socket is not for two."""
    with selectors.DefaultSelector() as ready:
        for sock in (near, far):
            ready.register(sock, selectors.EVENT_READ, sock)
        while True:
            waiting = isinstance(far, ssl.SSLSocket) and far.pending()
            for sock in [far] if waiting else [key.data for key, _ in ready.select()]:
                if (data := _came(sock)) is None:
                    continue
                if not data:
                    return
                to = far if sock is near else near
                to.settimeout(None)
                to.sendall(data)


def _came(sock: socket.socket) -> bytes | None:
    """Return what came; ``b""`` at the end, None for TLS's own words, which are no data."""
    sock.settimeout(0)
    try:
        return sock.recv(CHUNK)
    except (ssl.SSLWantReadError, BlockingIOError):
        return None
