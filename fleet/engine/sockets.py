"""Sockets to hosts: names looked up in threads of our own, dead peers noticed in seconds."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

# A name server that hangs holds a thread for many seconds. asyncio's own executor has few threads
# and other users: hosts with a dead name server must not stop it.
_resolvers = ThreadPoolExecutor(max_workers=32, thread_name_prefix="engine-dns")

# A peer without power says nothing. With these the kernel gives up after about 10 seconds, also
# on a stream that is quiet for hours.
_KEEPALIVE = (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 2))
_USER_TIMEOUT_MS = 10_000

SocketAddress = tuple[int, str, int]


def tune(sock: socket.socket) -> None:
    """Notice a dead peer within about ten seconds; send small requests at once."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # macOS and others lack some of these.
    for name, value in _KEEPALIVE:
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)


def tuned_socket(info: tuple[object, ...]) -> socket.socket:
    """aiohttp's socket factory: a new TCP socket for one ``getaddrinfo`` entry."""
    family, kind, protocol = info[0], info[1], info[2]
    assert isinstance(family, int) and isinstance(kind, int) and isinstance(protocol, int)  # noqa: S101
    sock = socket.socket(family, kind, protocol)
    sock.setblocking(False)
    tune(sock)
    return sock


def lookup(host: str, port: int) -> list[SocketAddress]:
    """All (family, address, port) of a name. Raises ``socket.gaierror``. May block for seconds."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(int(family), str(address[0]), port) for family, _, _, _, address in found]


async def lookup_async(host: str, port: int) -> list[SocketAddress]:
    """``lookup`` in our own threads."""
    return await asyncio.get_running_loop().run_in_executor(_resolvers, lookup, host, port)


class Resolver(AbstractResolver):
    """Name look-ups for aiohttp, bounded in time."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises ``socket.gaierror`` (an ``OSError``) or ``TimeoutError``."""
        async with asyncio.timeout(self._timeout):
            found = await lookup_async(host, port)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for family, address, port in found
        ]

    async def close(self) -> None:
        """Nothing to close: the threads are shared."""


async def connect_async(host: str, port: int) -> socket.socket:
    """A connected, tuned, non-blocking TCP socket; tries every address of the name in turn.

    Raises ``OSError``. The caller bounds the time.
    """
    loop = asyncio.get_running_loop()
    problem: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for family, address, number in await lookup_async(host, port):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            tune(sock)
            await loop.sock_connect(sock, (address, number))
        except OSError as error:
            sock.close()
            problem = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise problem


def hang_up(sock: socket.socket) -> None:
    """End a connection that another thread waits on; its read returns at once.

    ``close`` would leave that thread waiting, and an ``SSLSocket``'s own ``shutdown`` takes its TLS
    state away while it is in use, so the plain one is called.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """``connect_async`` for threads: a connected, tuned, blocking socket within ``timeout``."""
    addresses = _resolvers.submit(lookup, host, port).result(timeout)
    problem: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for family, address, number in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout)
            tune(sock)
            sock.connect((address, number))
        except OSError as error:
            sock.close()
            problem = error
        else:
            return sock
    raise problem
