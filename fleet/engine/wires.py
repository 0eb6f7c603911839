"""HTTP for threads over our own sockets, so that another thread can hang up.

Mounted into docker-py's session in place of its adapters: those read the machine's CA list, the
environment and ~/.ssh, and know no way to end a call that waits.
"""

from __future__ import annotations

import socket
import threading
import weakref
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from fleet.engine.sockets import connect, hang_up
from fleet.engine.transport import Route

_CONNECTIONS = 10


def dial(route: Route, timeout: float) -> socket.socket:
    """A connected, blocking socket within ``timeout`` seconds. Raises ``OSError``."""
    if not route.unix_path:
        return connect(route.address.host, route.address.port, timeout)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect(route.unix_path)
    except BaseException:
        sock.close()
        raise
    return sock


class Wires:
    """The sockets of one engine. After ``cut`` none is opened any more."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.is_cut = False

    def open(self, timeout: float) -> socket.socket:
        """A connected socket, TLS spoken where the route wants it. Raises ``OSError``."""
        sock = dial(self._route, timeout)
        with self._lock:
            self._open.add(sock)
        if self.is_cut:
            hang_up(sock)
        context = self._route.context
        if context is None:
            return sock
        try:
            wrapped = context.wrap_socket(sock, server_hostname=self._route.address.host)
        except BaseException:
            sock.close()
            raise
        with self._lock:
            self._open.add(wrapped)
        return wrapped

    def cut(self) -> None:
        """End all connections now, from any thread; their readers return at once."""
        self.is_cut = True
        with self._lock:
            sockets = list(self._open)
        for sock in sockets:
            if sock.fileno() >= 0:
                hang_up(sock)


class _Connection(urllib3.connection.HTTPConnection):
    """urllib3's HTTP on a socket of ours."""

    wires: Wires

    def _new_conn(self) -> socket.socket:
        timeout = self.timeout if isinstance(self.timeout, (int, float)) else 5.0
        return self.wires.open(float(timeout))


class _Pool(urllib3.HTTPConnectionPool):
    """Connections of one engine; the host in its URLs means nothing."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        super().__init__("docker", maxsize=_CONNECTIONS)

    def _new_conn(self) -> _Connection:
        made = _Connection("docker", timeout=self.timeout.connect_timeout)
        made.wires = self._wires
        return made


class WireAdapter(HTTPAdapter):
    """requests' adapter over ``Wires``; no certificate files, no proxies, no retries."""

    def __init__(self, wires: Wires) -> None:
        self._pool = _Pool(wires)
        super().__init__(max_retries=0)

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Always the one pool."""
        return self._pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: TLS is spoken below, with the endpoint's own CA."""

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """The path alone, as to any HTTP server."""
        return str(request.path_url)

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()
        super().close()
