"""A bound on what anybody may send: Django keeps whole bodies, on disk when they are large."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

LIMIT = 8 * 1024 * 1024  # bytes; the largest form of ours takes less than one MB
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[Any]]


class BodyLimit:
    """Answers 413 for a request whose body is larger than LIMIT, announced or not."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass the request on, its body counted."""
        if _announced(scope) > LIMIT:
            await _refuse(send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            # As if the browser had gone: Django drops what it has kept, and answers nothing.
            return message if size <= LIMIT else {"type": "http.disconnect"}

        await self.app(scope, counted, send)
        if size > LIMIT:
            await _refuse(send)


def _announced(scope: dict[str, Any]) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() and len(text) < 19 else 0


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b"This is too large.\n"})
