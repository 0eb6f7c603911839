"""A socket may be opened only by a page of this very site.

Browsers send cookies with WebSockets from any site, and there is no CSRF token: the Origin
header is what tells. It must name the host that the request was sent to, or one that
`CSRF_TRUSTED_ORIGINS` lists.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
App = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]


def _host_and_port(origin: str) -> tuple[str, int | None] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname.lower(), port) if parts.hostname else None


def is_own_origin(origin: str, host: str) -> bool:
    """Return whether a page from `origin` belongs to the site that `host` (Host header) names."""
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    scheme, _slashes, _rest = origin.partition("://")
    asked = _host_and_port(f"{scheme}://{host}") if scheme in {"http", "https"} else None
    return asked is not None and _host_and_port(origin) == asked


class OwnOrigin:
    """Refuses WebSockets that pages of other sites open, or that name no origin."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        """Pass the socket on, or deny it before it is accepted."""
        headers = {name: value.decode("latin1") for name, value in scope.get("headers", [])}
        if is_own_origin(headers.get(b"origin", ""), headers.get(b"host", "")):
            return await self.app(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)
