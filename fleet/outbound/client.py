"""The HTTP client of Quayside: every hop checked, every answer bounded in bytes and in time."""

from __future__ import annotations

import http.client
import math
import ssl
import time
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import TracebackType

from django.conf import settings

from fleet.outbound.errors import OutboundError
from fleet.outbound.policy import Origin, pin_host
from fleet.outbound.urls import Url, follow, parse_url
from fleet.outbound.wire import Connection, hung_up_at, tls_context, translate

CHUNK = 64 * 1024
MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
SAFE_METHODS = ("GET", "HEAD")
PRIVATE_HEADERS = ("authorization", "cookie")
# Go, nginx and Apache say it in words when TLS was expected.
_WANTS_TLS = (
    b"HTTP request to an HTTPS server",
    b"plain HTTP request was sent to HTTPS",
    b"speaking plain HTTP to an SSL",
)


@dataclass(frozen=True)
class Limits:
    """Seconds to connect, to wait for the next bytes, for a request with its hops, and in all.

    ``session`` counts from the making of the client, 0 for no end. ``body`` are bytes.
    """

    connect: float = 5.0
    read: float = 15.0
    total: float = 30.0
    session: float = 0.0
    body: int = 4 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What a server answered; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    def header(self, name: str) -> str:
        """A header's value, empty when there is none."""
        return self.headers.get(name.lower(), "")


class OutboundClient:
    """Requests to public addresses, and to what was named; for one thread, closed after use.

    ``trusted`` are the hosts with ports that an administrator typed in; ``insecure`` lets plain
    HTTP pass, and does not verify the certificates of the trusted hosts.
    """

    def __init__(
        self,
        *,
        trusted: Collection[Origin] = (),
        tls_ca: str = "",
        insecure: bool = False,
        limits: Limits | None = None,
    ) -> None:
        self.trusted = frozenset(trusted)
        self.tls_ca = tls_ca
        self.insecure = insecure
        self.limits = limits or Limits()
        session = self.limits.session
        self._end = time.monotonic() + session if session else math.inf
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._open: dict[tuple[str, str, int], Connection] = {}

    def __enter__(self) -> OutboundClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up everywhere."""
        while self._open:
            self._open.popitem()[1].close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = 0,
    ) -> Answer:
        """Ask, follow redirects of GET and HEAD, and read the answer, whatever its status.

        ``limit`` bounds the body in bytes. Raises ``OutboundError``.
        """
        deadline = min(time.monotonic() + self.limits.total, self._end)
        sent = {"Accept-Encoding": "identity", "User-Agent": f"Quayside/{settings.VERSION}"}
        sent.update(headers or {})
        here = parse_url(url)
        for _hop in range(MOST_REDIRECTS + 1):
            answer = self._ask(method, here, sent, body, limit or self.limits.body, deadline)
            location = answer.header("location")
            if method not in SAFE_METHODS or answer.status not in REDIRECTS or not location:
                return answer
            there = follow(here, location)
            self._check_hop(here, there)
            if there.site != here.site:
                sent = {k: v for k, v in sent.items() if k.lower() not in PRIVATE_HEADERS}
            here = there
        raise OutboundError("too_many_redirects")

    def _check_hop(self, here: Url, there: Url) -> None:
        if here.scheme == "https" and there.scheme == "http" and not self.insecure:
            raise OutboundError("insecure_redirect", raw=f"{here.host} -> {there.host}")

    def _ask(
        self,
        method: str,
        url: Url,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: int,
        deadline: float,
    ) -> Answer:
        kept = url.site in self._open
        try:
            return self._exchange(method, url, headers, body, limit, deadline)
        except OutboundError as error:
            # A kept connection may have been closed on the other side in the meantime.
            if not (kept and error.code == "disconnected" and method in SAFE_METHODS):
                raise
        return self._exchange(method, url, headers, body, limit, deadline)

    def _exchange(
        self,
        method: str,
        url: Url,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: int,
        deadline: float,
    ) -> Answer:
        connection = self._connection(url, deadline)
        with hung_up_at(connection, deadline) as late:
            try:
                connection.request(method, url.path, body=body, headers=dict(headers))
                answer = _read(connection.getresponse(), url, limit)
            except Exception as error:
                self._drop(url)
                if late.is_set():
                    raise OutboundError("timeout") from error
                raise error if isinstance(error, OutboundError) else translate(error) from error
        _check_scheme(answer, url)
        return answer

    def _connection(self, url: Url, deadline: float) -> Connection:
        left = deadline - time.monotonic()
        if left <= 0:
            raise OutboundError("timeout")
        found = self._open.get(url.site)
        if found is None:
            pinned = pin_host(url.host, url.port, trusted=self.trusted, timeout=left)
            context = self._context(url) if url.scheme == "https" else None
            connect = min(self.limits.connect, left)
            found = Connection(pinned, context, connect, self.limits.read)
            self._open[url.site] = found
        return found

    def _drop(self, url: Url) -> None:
        found = self._open.pop(url.site, None)
        if found is not None:
            found.close()

    def _context(self, url: Url) -> ssl.SSLContext:
        verify = not (self.insecure and url.host in {host for host, _port in self.trusted})
        if verify not in self._contexts:
            self._contexts[verify] = tls_context(self.tls_ca, verify=verify)
        return self._contexts[verify]


def _read(response: http.client.HTTPResponse, url: Url, limit: int) -> Answer:
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    try:
        body = _read_body(response, headers.get("content-encoding", ""), limit)
    finally:
        response.close()
    return Answer(response.status, headers, body, str(url))


def _read_body(response: http.client.HTTPResponse, encoding: str, limit: int) -> bytes:
    """The body, unpacked when it came packed though nobody asked for that; bounded either way."""
    packed = encoding.lower() in ("gzip", "x-gzip", "deflate")
    unpack = zlib.decompressobj(wbits=47) if packed else None
    parts: list[bytes] = []
    size = 0
    while chunk := response.read1(CHUNK):
        if unpack is not None:
            chunk = unpack.decompress(chunk, limit - size + 1)
        size += len(chunk)
        if size > limit or (unpack is not None and unpack.unconsumed_tail):
            raise OutboundError("too_large", raw=f"more than {limit} bytes")
        parts.append(chunk)
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(parts)


def _check_scheme(answer: Answer, url: Url) -> None:
    if url.scheme == "http" and answer.status == 400:
        start = answer.body[:2000]
        if any(words in start for words in _WANTS_TLS):
            raise OutboundError("https_on_plain_http", raw=start[:200].decode("utf-8", "replace"))
