"""What both clients share of Docker's HTTP API: versions, paths, answers."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any
from urllib.parse import quote

from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import Denied, EngineError, NotFound, Unsupported, Untrusted
from fleet.engine.raw import Json, as_dict, as_str
from fleet.engine.translate import HttpError, from_status

# Docker Engine 20.10, and the newest whose answers these parsers were written for. Newer engines
# still speak it: they accept versions down to 1.44.
MIN_API = (1, 41)
MAX_API = (1, 51)
VERSION_CACHE_SECONDS = 300.0
# An answer larger than this is no answer of a Docker API.
BODY_LIMIT = 64 * 1024 * 1024
USER_AGENT = "Quayside"

_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})", re.ASCII)


def container_path(ref: str, action: str) -> str:
    """``/containers/{ref}/{action}`` for an id or a name.

    Raises ``NotFound`` for what no engine accepts as a name: it must not become another path.
    """
    if not _ID.fullmatch(ref):
        raise NotFound()
    return f"/containers/{quote(ref)}" + (f"/{action}" if action else "")


def query_time(ns: int) -> str:
    """Unix nanoseconds as the engine reads them in a query."""
    return f"{ns // 10**9}.{ns % 10**9:09d}"


def negotiate(version: Json) -> str:
    """The API version to speak, from ``GET /version``: the smaller of the newest of both.

    Raises ``Unsupported``: not_docker, api_too_old, api_too_new.
    """
    theirs = version_numbers(version.get("ApiVersion"))
    if theirs is None:
        raise Unsupported("not_docker")
    if theirs < MIN_API:
        raise Unsupported("api_too_old", raw=f"API {version.get('ApiVersion')}")
    lowest = version_numbers(version.get("MinAPIVersion")) or (0, 0)
    if lowest > MAX_API:
        raise Unsupported("api_too_new", raw=f"API {version.get('MinAPIVersion')} and newer")
    major, minor = min(theirs, MAX_API)
    return f"{major}.{minor}"


def version_numbers(text: object) -> tuple[int, int] | None:
    """An API version as numbers; None for what is none."""
    match = _VERSION.fullmatch(as_str(text))
    return (int(match[1]), int(match[2])) if match else None


class VersionCache:
    """API versions by endpoint for some minutes, so that commands need no extra call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Endpoint, tuple[float, str]] = {}

    def get(self, endpoint: Endpoint) -> str:
        """The version to speak, or "" when it has to be asked for."""
        with self._lock:
            until, version = self._known.get(endpoint, (0.0, ""))
            return version if time.monotonic() < until else ""

    def put(self, endpoint: Endpoint, version: str) -> None:
        """Remember; forgets what is out of date."""
        now = time.monotonic()
        with self._lock:
            self._known = {e: known for e, known in self._known.items() if known[0] > now}
            self._known[endpoint] = (now + VERSION_CACHE_SECONDS, version)

    def drop(self, endpoint: Endpoint) -> None:
        """Forget: the engine was replaced by one of another version."""
        with self._lock:
            self._known.pop(endpoint, None)


versions = VersionCache()


def http_error(status: int, body: bytes) -> HttpError:
    """The error for an unsuccessful answer, with the engine's message taken out of its JSON."""
    text = body[:10_000].decode(errors="replace")
    try:
        message = as_str(as_dict(json.loads(text)).get("message"))
    except ValueError:
        message = text.strip()
    return HttpError(status, message)


def version_error(error: HttpError) -> EngineError:
    """Why ``GET /version`` was refused: no Docker API says "not found" to it."""
    found = from_status(error.status, error.message)
    if isinstance(found, (Untrusted, Denied)) or error.status >= 500:
        return found
    return Unsupported("not_docker", raw=error.message)


def decode(body: bytes) -> Any:
    """JSON of the engine. Raises ``json.JSONDecodeError`` (translated to not_docker)."""
    return json.loads(body)
