"""Images sent as a body, written straight to their place: Django would first keep them whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest

from dashboard.body_limit import (
    MARK,
    NO_ROOM,
    OF_BODIES,
    App,
    Message,
    Receive,
    Send,
    announced,
    closing,
)
from fleet.moves.store import Keeping, Kept, TarRefused, keep, release
from fleet.operations.errors import Invalid

MAY_LOAD = "quayside.may_load"
TAKEN = "quayside.taken"
WRITTEN = 1024 * 1024  # bytes that are worth a thread
PIECE = 256 * 1024


@dataclass(frozen=True)
class Taken:
    """What came of a body: a kept file, or why it was not kept."""

    kept: Kept | None = None
    problem: str = ""


class Intake:
    """Takes the body of a request that was found to be an image from who may load some.

    What no job will load is removed once the request is answered.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass the request on, its body taken."""
        refused = MARK in scope or NO_ROOM in scope
        if refused or scope["method"] != "PUT" or not scope.get(MAY_LOAD):
            await self.app(scope, receive, send)
            return
        taken = await _take(scope, receive)
        if taken is None:
            return
        headers = [pair for pair in scope["headers"] if pair[0] not in OF_BODIES]
        rest = _Rest(receive, complete=taken.kept is not None)
        try:
            passed = {**scope, "headers": headers, TAKEN: taken}
            await self.app(passed, rest, send if rest.complete else closing(send))
        finally:
            if taken.kept is not None:
                await sync_to_async(_release)(taken.kept.archive)


class _Rest:
    """What there is still to receive of a request whose body was taken: its end."""

    def __init__(self, receive: Receive, *, complete: bool) -> None:
        self._receive, self.complete = receive, complete
        self._told = False

    async def __call__(self) -> Message:
        if not self._told:
            self._told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        # Of a body that was refused nothing more is read.
        return await (self._receive() if self.complete else asyncio.Future())


async def _take(scope: dict[str, Any], receive: Receive) -> Taken | None:
    """Return what came of the body; None when its sender went away."""
    keeping: Keeping | None = None
    try:
        keeping = await asyncio.to_thread(Keeping, announced(scope))
        if not await _written(keeping, receive):
            await asyncio.to_thread(keeping.drop)
            return None
        return Taken(await asyncio.to_thread(keeping.done))
    except TarRefused as refused:
        return Taken(problem=str(refused))
    except BaseException:
        if keeping is not None:
            keeping.drop()
        raise


async def _written(keeping: Keeping, receive: Receive) -> bool:
    waiting: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return False
        more = bool(message.get("more_body"))
        waiting.append(message.get("body", b""))
        size += len(waiting[-1])
        if size >= WRITTEN or not more:
            await asyncio.to_thread(keeping.write, b"".join(waiting))
            waiting, size = [], 0
    return True


def _release(archive: str) -> None:
    try:
        release(archive)
    finally:
        close_old_connections()


def kept_of(request: HttpRequest) -> Kept:
    """Return the file that a request's body is. Raises Invalid with why it is none."""
    taken: Taken | None = getattr(request, "scope", {}).get(TAKEN)
    if taken is not None and taken.kept is not None:
        return taken.kept
    if taken is not None:
        raise Invalid({"archive": [taken.problem]})
    try:
        return keep(iter(lambda: request.read(PIECE), b""))
    except TarRefused as refused:
        raise Invalid({"archive": [str(refused)]}) from None
