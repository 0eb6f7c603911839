"""One place that turns every exception of sockets, TLS, SSH and HTTP into an ``EngineError``.

Libraries wrap each other's exceptions (requests around urllib3 around ssl, aiohttp around
OSError), so the whole chain is looked at and the most telling member decides.
"""

from __future__ import annotations

import errno
import json
import re
import socket
import ssl
from collections.abc import Callable, Iterator

import aiohttp
import asyncssh
import docker.errors
import requests
import urllib3.exceptions
from aiohttp import http_exceptions

from fleet.engine.errors import (
    DISK_FULL,
    Conflict,
    Denied,
    EngineError,
    Invalid,
    NotFound,
    Unreachable,
    Unsupported,
    Untrusted,
)

_CHAIN_LIMIT = 30
_BUGS = (TypeError, AttributeError, NameError, LookupError, AssertionError, NotImplementedError)


class HttpError(Exception):
    """An answer of the engine with a status that is no success, before translation."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status, self.message = status, message


def translate(error: BaseException) -> EngineError:
    """The EngineError that an exception of our clients means; an EngineError stays itself.

    A mistake of our own (``TypeError`` and the like) is raised again as it is.
    """
    chain = list(_chain(error))
    for member in chain:
        if isinstance(member, EngineError):
            return member
    for rule in _RULES:
        for member in chain:
            found = rule(member)
            if found is not None:
                found.raw = found.raw or _raw(chain)
                return found
    if isinstance(error, _BUGS):
        raise error
    return EngineError("engine_error", raw=_raw(chain))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that it wraps, by every means our libraries use, each one once."""
    queue, seen = [error], set[int]()
    while queue and len(seen) < _CHAIN_LIMIT:
        member = queue.pop(0)
        if id(member) in seen:
            continue
        seen.add(id(member))
        yield member
        links = [member.__cause__, member.__context__, getattr(member, "reason", None)]
        links += [getattr(member, "os_error", None), getattr(member, "certificate_error", None)]
        links += [*member.args, *getattr(member, "exceptions", ())]
        queue += [link for link in links if isinstance(link, BaseException)]


def _raw(chain: list[BaseException]) -> str:
    """The innermost text that says something: wrappers only repeat it with more around it."""
    texts = [str(member).strip() for member in chain]
    return next((text for text in reversed(texts) if len(text) > 3), type(chain[0]).__name__)


# -- TLS ----------------------------------------------------------------------------------------

# X509_V_ERR_… of OpenSSL.
_VERIFY_CODES = {
    9: "certificate_not_yet_valid",
    10: "certificate_expired",
    18: "certificate_unknown_ca",
    19: "certificate_unknown_ca",
    20: "certificate_unknown_ca",
    21: "certificate_unknown_ca",
    62: "certificate_name",
    64: "certificate_name",
}
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH")
_TLS_TOO_OLD = ("UNSUPPORTED_PROTOCOL", "ALERT_PROTOCOL_VERSION")


def _tls(error: BaseException) -> EngineError | None:
    if isinstance(error, aiohttp.ClientConnectorError):
        return None  # aiohttp's own SSLErrors carry the telling one and have no fields themselves
    if isinstance(error, ssl.SSLCertVerificationError):
        return Untrusted(_VERIFY_CODES.get(error.verify_code, "certificate_invalid"))
    if not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLZeroReturnError):
        return None
    reason = str(getattr(error, "reason", None) or error).upper().replace(" ", "_")
    if any(word in reason for word in _NOT_TLS):
        return Untrusted("plain_http")
    if any(word in reason for word in _TLS_TOO_OLD):
        return Untrusted("tls_too_old")
    if "CERTIFICATE_REQUIRED" in reason:
        return Untrusted("client_certificate_missing")
    if "ALERT" in reason and not reason.startswith("ALERT_CLOSE"):
        return Untrusted("client_certificate")
    return None


# -- SSH ----------------------------------------------------------------------------------------


def _ssh(error: BaseException) -> EngineError | None:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return Untrusted("host_key_changed")
    if isinstance(error, asyncssh.PermissionDenied):
        return Denied("ssh_key_refused")
    if isinstance(error, asyncssh.KeyExchangeFailed) and "host key" in str(error).lower():
        return Untrusted("host_key_changed")
    if isinstance(error, (asyncssh.ProtocolNotSupported, asyncssh.ProtocolError)):
        return Unsupported("not_ssh")
    if isinstance(error, asyncssh.ChannelOpenError):
        return Unreachable("disconnected")
    return None


def _ssh_lost(error: BaseException) -> EngineError | None:
    if isinstance(error, (asyncssh.ConnectionLost, asyncssh.DisconnectError)):
        return Unreachable("disconnected")
    return None


# -- sockets ------------------------------------------------------------------------------------

_ERRNOS = {
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "no_route",
    errno.ENETUNREACH: "no_route",
    errno.EHOSTDOWN: "no_route",
    errno.ENETDOWN: "no_route",
    errno.ENOENT: "socket_missing",
    errno.ENOTDIR: "socket_missing",
    errno.ENOTSOCK: "socket_missing",
}
_LOST = (
    ConnectionError,
    EOFError,
    ssl.SSLError,
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientPayloadError,
    aiohttp.ClientOSError,
    requests.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.ProtocolError,
)
_LATE = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)


def _socket(error: BaseException) -> EngineError | None:
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return Unreachable("name_not_found")
    if isinstance(error, PermissionError):
        return Denied("permission")
    if isinstance(error, OSError) and error.errno in _ERRNOS:
        return Unreachable(_ERRNOS[error.errno])
    return None


def _late(error: BaseException) -> EngineError | None:
    return Unreachable("timeout") if isinstance(error, _LATE) else None


def _broken_off(error: BaseException) -> EngineError | None:
    kinds = (aiohttp.ClientPayloadError, http_exceptions.PayloadEncodingError)
    return Unreachable("disconnected") if isinstance(error, kinds) else None


def _lost(error: BaseException) -> EngineError | None:
    return Unreachable("disconnected") if isinstance(error, _LOST) else None


# -- HTTP ---------------------------------------------------------------------------------------


def _status(error: BaseException) -> EngineError | None:
    if isinstance(error, HttpError):
        return from_status(error.status, error.message)
    if isinstance(error, docker.errors.APIError):
        return from_status(error.status_code or 500, str(error.explanation or ""))
    return None


def from_status(status: int, message: str) -> EngineError:
    """The error for an HTTP status, the engine's own words as its sentence where they help."""
    said = _sentence(message)
    for pattern, make in _PHRASES:
        if re.search(pattern, message, re.IGNORECASE):
            return make(message)
    kinds: dict[int, type[EngineError]] = {
        400: Invalid,
        401: Denied,
        403: Denied,
        404: NotFound,
        405: Unsupported,
        409: Conflict,
        501: Unsupported,
    }
    kind = kinds.get(status, EngineError)
    return kind(message=said, raw=message)


_PHRASES: list[tuple[str, Callable[[str], EngineError]]] = [
    (r"HTTP request to an HTTPS server", lambda raw: Untrusted("tls_required", raw=raw)),
    (r"client version .* is too old", lambda raw: Unsupported("api_too_new", raw=raw)),
    (
        r"client version .* is too new",
        lambda raw: Unsupported("api_too_old", raw=raw, permanent=False),
    ),
    # No such path: the engine has no such thing at all. (No such object names the object.)
    (r"^(404 )?(page )?not found\.?$", lambda raw: Unsupported("not_supported", raw=raw)),
    (r"names must match", lambda raw: Invalid(message=_sentence(raw), raw=raw)),
    (DISK_FULL, lambda raw: EngineError("disk_full", raw=raw)),
    # Engines answer these with 409 or 500, each as it likes.
    (
        r"is not (running|paused)|(is )?already paused|container state improper",
        lambda raw: Conflict(message=_sentence(raw), raw=raw),
    ),
]


def _sentence(message: str) -> str:
    """The engine's message as one line with a capital and a full stop; "" when it is no text."""
    line = " ".join(message.split())[:500]
    if not line or line.startswith(("<", "{", "[")):
        return ""
    line = line.removeprefix("Error response from daemon: ")
    line = re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1", line)
    line = line[0].upper() + line[1:]
    return line if line.endswith((".", "?", "!")) else f"{line}."


# A TLS server answers plain text with an alert record: type 21, version 3.x. As shown by repr().
_TLS_ALERT = re.compile(r"\\x15\\+x03|\x15\x03")


def _not_docker(error: BaseException) -> EngineError | None:
    if isinstance(error, (json.JSONDecodeError, requests.exceptions.JSONDecodeError)):
        return Unsupported("not_docker")
    text = str(error)
    kinds = (http_exceptions.BadHttpMessage, aiohttp.ClientResponseError)
    if isinstance(error, kinds) or "badstatusline" in text.lower().replace(" ", ""):
        return Untrusted("tls_required") if _TLS_ALERT.search(text) else Unsupported("not_docker")
    return None


_RULES: list[Callable[[BaseException], EngineError | None]] = [
    _tls,
    _ssh,
    _status,
    _socket,
    _ssh_lost,
    _broken_off,
    _not_docker,
    _late,
    _lost,
]
