"""A bound on what anybody may send: Django keeps whole bodies, on disk when they are large."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.http import HttpRequest

from dashboard.room import ROOM, Room

LIMIT = 8 * 1024 * 1024  # bytes; the largest form of ours takes less than one MB
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
LimitOf = Callable[[dict[str, Any]], Awaitable[int]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[Any]]


MARK = "quayside.too_large"
NO_ROOM = "quayside.no_room"
OF_BODIES = {b"content-length", b"content-type", b"transfer-encoding"}


def is_too_large(request: HttpRequest) -> bool:
    """Return whether the request's body was left out for its size."""
    return MARK in getattr(request, "scope", {})


def has_no_room(request: HttpRequest) -> bool:
    """Return whether the request's body was left out since the disk has no room for it."""
    return NO_ROOM in getattr(request, "scope", {})


class BodyLimit:
    """Answers 413 for a request whose body is larger than LIMIT, announced or not.

    `limit_of` tells for a scope another limit, or 0; it is asked before anything is read. With a
    `Room` in the scope it answers 507 for what the disk has no room for.
    """

    def __init__(self, app: App, limit_of: LimitOf | None = None) -> None:
        self.app, self.limit_of = app, limit_of

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass the request on, its body counted."""
        limit = (await self.limit_of(scope) if self.limit_of else 0) or LIMIT
        if announced(scope) > limit:
            await self._refuse(scope, send)
            return
        room: Room | None = scope.get(ROOM)
        if room is None:
            await self._pass_on(scope, receive, send, limit)
            return
        try:
            if await room.open():
                await self._pass_on(scope, receive, send, limit, room)
            else:
                await self._refuse(scope, send, NO_ROOM)
        finally:
            room.close()

    async def _pass_on(
        self,
        scope: dict[str, Any],
        receive: Receive,
        send: Send,
        limit: int,
        room: Room | None = None,
    ) -> None:
        size, why = 0, ""

        async def counted() -> Message:
            nonlocal size, why
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                why = MARK
            elif room and not await room.has(size):
                why = NO_ROOM
            # As if the browser had gone: Django drops what it has kept, and answers nothing.
            return {"type": "http.disconnect"} if why else message

        await self.app(scope, counted, send)
        if why:
            await self._refuse(scope, send, why)

    async def _refuse(self, scope: dict[str, Any], send: Send, why: str = MARK) -> None:
        """Let Django say so (`dashboard.views.errors`), as if nothing had been sent."""
        headers = [pair for pair in scope["headers"] if pair[0] not in OF_BODIES]
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def nothing() -> Message:
            return messages.pop() if messages else await asyncio.Future()

        await self.app({**scope, "headers": headers, why: True}, nothing, closing(send))


def announced(scope: dict[str, Any]) -> int:
    """Return how large a body says it is; 0 when it does not say."""
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() and len(text) < 19 else 0


def closing(send: Send) -> Send:
    """Return a `send` whose answer ends the connection: what is still coming is not read."""

    async def close(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await send(message)

    return close
