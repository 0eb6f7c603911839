"""The way to an engine, found once for an endpoint: a socket's path, or a host with its TLS."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
from dataclasses import dataclass

from fleet.engine.background import background_loop, run_in_background
from fleet.engine.endpoint import Address, Endpoint, parse_address
from fleet.engine.errors import EngineError
from fleet.engine.ssh import SshRelay
from fleet.engine.tls import TLSContext, tls_context
from fleet.engine.translate import translate

# How long a signed-in SSH connection waits for the next command before it is closed.
LINGER_SECONDS = 60.0


@dataclass(frozen=True)
class Route:
    """Where to speak HTTP: ``unix_path`` if there is one, else ``address`` with ``context``."""

    address: Address
    unix_path: str = ""
    context: TLSContext | None = None
    relay: SshRelay | None = None

    @property
    def base_url(self) -> str:
        """The start of all URLs. IPv6 hosts are bracketed."""
        if self.unix_path:
            return "http://docker"
        host = f"[{self.address.host}]" if ":" in self.address.host else self.address.host
        return f"{'https' if self.context else 'http'}://{host}:{self.address.port}"

    @property
    def host_key(self) -> str:
        """The SSH host key that the host showed; "" when it is not reached by SSH."""
        return self.relay.host_key if self.relay else ""

    @property
    def is_lost(self) -> bool:
        """Whether it broke under what is in use: over SSH, that looks like its end."""
        return self.relay is not None and self.relay.is_lost

    def explain(self, error: BaseException) -> EngineError:
        """The error for people: what SSH knows beats a connection that merely closed."""
        found = translate(error)
        if self.relay and self.relay.failure and found.code in ("disconnected", "not_docker"):
            return self.relay.failure
        return found


async def open_route(endpoint: Endpoint, timeout: float) -> Route:
    """The route for one event loop; only ssh:// connects here, within ``timeout`` seconds.

    Raises ``EngineError``. Give it back with ``close_route``.
    """
    address = parse_address(endpoint)
    if address.scheme == "ssh":
        relay = SshRelay(endpoint, address, timeout)
        await relay.start()
        return Route(address, relay.path, relay=relay)
    return plain_route(endpoint, address)


def plain_route(endpoint: Endpoint, address: Address) -> Route:
    """The route of an address that needs no relay. Raises ``BadEndpoint``."""
    if address.scheme == "unix":
        return Route(address, address.path)
    return Route(address, context=tls_context(endpoint))


async def close_route(route: Route) -> None:
    """End what ``open_route`` began."""
    if route.relay is not None:
        await route.relay.close()


# -- relays shared by threads -------------------------------------------------------------------


class _Shared:
    """A relay on the background loop, with the number of its users."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.relay: SshRelay | None = None
        self.users = 0
        self.timer: asyncio.TimerHandle | None = None


_shared: dict[Endpoint, _Shared] = {}


async def _acquire(endpoint: Endpoint, address: Address, timeout: float) -> SshRelay:
    shared = _shared.setdefault(endpoint, _Shared())
    shared.users += 1
    if shared.timer is not None:
        shared.timer.cancel()
        shared.timer = None
    try:
        async with shared.lock:
            if shared.relay is None:
                relay = SshRelay(endpoint, address, timeout)
                await relay.start()
                shared.relay = relay
            return shared.relay
    except BaseException:
        _release(endpoint)
        raise


def _release(endpoint: Endpoint) -> None:
    shared = _shared.get(endpoint)
    if shared is None:
        return
    shared.users -= 1
    if shared.users == 0:
        loop = asyncio.get_running_loop()
        shared.timer = loop.call_later(LINGER_SECONDS, _expire, endpoint)


def _expire(endpoint: Endpoint) -> None:
    shared = _shared.pop(endpoint, None)
    if shared is not None and shared.relay is not None:
        _closing.add(task := asyncio.get_running_loop().create_task(shared.relay.close()))
        task.add_done_callback(_closing.discard)


_closing: set[asyncio.Task[None]] = set()
_exit_once = threading.Lock()


def borrow_route(endpoint: Endpoint, timeout: float) -> Route:
    """The route for threads. SSH connections are shared and kept for a minute after their use.

    Raises ``EngineError`` within ``timeout`` seconds. Give it back with ``return_route``.
    """
    address = parse_address(endpoint)
    if address.scheme != "ssh":
        return plain_route(endpoint, address)
    _clean_up_at_exit()
    try:
        relay = run_in_background(_acquire(endpoint, address, timeout), timeout + 1)
    except TimeoutError as error:
        raise translate(error) from error
    return Route(address, relay.path, relay=relay)


def return_route(endpoint: Endpoint, route: Route) -> None:
    """Count one user less."""
    if route.relay is not None:
        background_loop().call_soon_threadsafe(_release, endpoint)


def _clean_up_at_exit() -> None:
    # Acquired and never released: the hook is registered once.
    if _exit_once.acquire(blocking=False):
        atexit.register(close_shared_routes)


def close_shared_routes(timeout: float = 2.0) -> None:
    """Close every shared SSH connection now and remove their sockets."""
    with contextlib.suppress(TimeoutError):
        run_in_background(_close_all(), timeout)


async def _close_all() -> None:
    relays = [shared.relay for shared in _shared.values() if shared.relay]
    _shared.clear()
    await asyncio.gather(*(relay.close() for relay in relays), return_exceptions=True)
