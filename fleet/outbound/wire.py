"""Connections to addresses that were checked, and what their failures mean.

Python's own http.client does HTTP; here is how it gets its socket. Proxies of the environment are
not used: a proxy looks names up itself, and the policy could not know where it connects to.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator

from fleet.outbound.errors import OutboundError
from fleet.outbound.policy import Pinned

TRIES = 4  # addresses of one name that are tried
_VERIFY_CODES = {
    9: "tls_not_yet_valid",
    10: "tls_expired",
    18: "tls_unknown_authority",
    19: "tls_unknown_authority",
    20: "tls_unknown_authority",
    21: "tls_unknown_authority",
    62: "tls_name",
    64: "tls_name",
}
_NOT_TLS = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
}


class Connection(http.client.HTTPConnection):
    """HTTP to a pinned address, through TLS when there is a context for it."""

    def __init__(
        self, pinned: Pinned, context: ssl.SSLContext | None, connect: float, read: float
    ) -> None:
        super().__init__(pinned.host, pinned.port, timeout=connect)
        self.default_port = 443 if context else 80  # the Host header leaves it out
        self.pinned = pinned
        self.context = context
        self.connect_timeout = connect
        self.read_timeout = read

    def connect(self) -> None:
        """Connect to the first pinned address that answers."""
        self.sock = _connect(self.pinned, self.connect_timeout)
        if self.context is not None:
            # The handshake comes when the socket is known: it can be hung up on as well.
            secure = self.context.wrap_socket(
                self.sock, server_hostname=self.pinned.host, do_handshake_on_connect=False
            )
            self.sock = secure
            secure.do_handshake()
        self.sock.settimeout(self.read_timeout)

    def hang_up(self) -> None:
        """End the connection from another thread: who reads from it gets an error at once."""
        sock = self.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own: that one takes the TLS away below the reader.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


@contextlib.contextmanager
def hung_up_at(connection: Connection, deadline: float) -> Iterator[threading.Event]:
    """Hang up when it is too late, and tell so by the event.

    Each read has a time-out of its own; a byte every ten seconds needs this as well.
    """
    late = threading.Event()

    def end() -> None:
        late.set()
        connection.hang_up()

    watchdog = threading.Timer(max(deadline - time.monotonic(), 0), end)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield late
    finally:
        watchdog.cancel()


def _connect(pinned: Pinned, timeout: float) -> socket.socket:
    failure: OSError = OSError("no address")
    deadline = time.monotonic() + 2 * timeout
    for address in pinned.addresses[:TRIES]:
        left = min(timeout, deadline - time.monotonic())
        if left <= 0:
            break
        # Not socket.create_connection: that one looks names up.
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(left)
            sock.connect((address, pinned.port))
        except OSError as error:
            sock.close()
            failure = error
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    raise failure


def tls_context(ca: str = "", *, verify: bool = True) -> ssl.SSLContext:
    """TLS as a client: the system's authorities and the given one; unverified only when told so."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.load_default_certs()
    if ca:
        try:
            context.load_verify_locations(cadata=ca)
        except (ssl.SSLError, ValueError) as error:
            raise OutboundError("tls_ca", raw=str(error)) from error
    return context


def translate(error: Exception) -> OutboundError:
    """What a failure of socket, TLS or HTTP means, as an error of ours."""
    raw = f"{type(error).__name__}: {error}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return OutboundError(_VERIFY_CODES.get(error.verify_code, "tls_invalid"), raw)
    if isinstance(error, ssl.SSLEOFError):
        return OutboundError("disconnected", raw)
    if isinstance(error, ssl.SSLError):
        return OutboundError(
            "plain_http_on_https" if error.reason in _NOT_TLS else "tls_invalid", raw
        )
    if isinstance(error, http.client.HTTPException):
        return _translate_http(error, raw)
    for kind, code in _CODES:
        if isinstance(error, kind):
            return OutboundError(code, raw)
    return OutboundError("unreachable" if isinstance(error, OSError) else "bad_answer", raw)


_CODES: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (ConnectionError, "disconnected"),
)


def _translate_http(error: http.client.HTTPException, raw: str) -> OutboundError:
    if isinstance(error, http.client.RemoteDisconnected | http.client.IncompleteRead):
        return OutboundError("disconnected", raw)
    if isinstance(error, http.client.BadStatusLine) and str(error).startswith("\x15\x03"):
        return OutboundError("https_on_plain_http", raw)  # a TLS alert
    return OutboundError("bad_answer", raw)
