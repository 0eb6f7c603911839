"""Who comes without a page of ours: scripts, with a ticket of the API and nothing else.

Browsers name the page's origin in every WebSocket; scripts name none. So a socket without an origin
is let in here, but as nobody: its cookies count for nothing, and only a ticket opens a terminal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

PATH = "/ws/terminal/"
App = Callable[[dict[str, Any], Any, Any], Awaitable[Any]]


class TicketDoor:
    """Leads sockets of scripts past what pages must show: origin, cookies, session."""

    def __init__(self, pages: App, scripts: App) -> None:
        self.pages, self.scripts = pages, scripts

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        """Pass the socket on."""
        names = {name for name, _value in scope.get("headers", [])}
        if scope["path"] == PATH and b"origin" not in names:
            kept = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
            return await self.scripts({**scope, "headers": kept}, receive, send)
        return await self.pages(scope, receive, send)
