"""A page's side of the socket, without a browser."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

from dashboard.live.threads import POOL, THREADS
from fleet.models import User
from tests.live.browser_socket import DEADLINE, BrowserSocket

Message = dict[str, Any]
BYTES = "bytes"  # the type that a binary message gets here


def wait_for_threads() -> None:
    """Return once no thread reads for a page: they meet only when all of them are idle.

    A page that is gone does not end what a thread of it does; emptying the database would wait
    for its rows, and it for the tables.
    """
    meeting = threading.Barrier(THREADS)
    for met in [POOL.submit(meeting.wait, DEADLINE) for _ in range(THREADS)]:
        met.result()


class Page(BrowserSocket):
    """One open page: `async with Page(user) as page:`; `user` None is somebody signed out."""

    path = "/ws/live/"

    def __init__(self, user: User | None, *, origin: str = "http://localhost") -> None:
        super().__init__(user, origin=origin)
        self.rows: list[str] = []
        self.late = False
        self.html: dict[str, str] = {}

    async def leave(self) -> None:
        """Close the tab; return once nothing of it is read any more."""
        await super().leave()
        await asyncio.to_thread(wait_for_threads)

    async def send(self, **message: Any) -> None:
        """Send a message."""
        await self.send_raw(text=json.dumps(message))

    async def follow(
        self, args: str = "", *, topic: str = "containers", have: Any = None, lists: Any = None
    ) -> list[Message]:
        """Subscribe to a topic; return what came until the page was up to date."""
        asked = {"topic": topic, "args": args, "have": have or {}, "lists": lists or {}}
        await self.send(type="subscribe", topics=[asked])
        return await self.until(lambda message: message["type"] == "ready")

    async def until(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """Return messages up to the first one that is wanted."""
        found = []
        while True:
            message = await self.next()
            found.append(message)
            if wanted(message):
                return found

    async def next(self) -> Message:
        """Return the next message and keep what it shows."""
        output = await self.receive()
        if output.get("bytes") is not None:
            return {"type": BYTES, "bytes": output["bytes"]}
        message: Message = json.loads(output["text"])
        if message["type"] == "update":
            self.html.update(message["set"])
            self.rows = message["lists"].get("container-rows", self.rows)
        elif message["type"] == "late":
            self.late = message["late"]
        return message

    async def bytes(self) -> bytes:
        """Return the next binary message, whatever else comes before it."""
        found = await self.until(lambda message: message["type"] == BYTES)
        data: bytes = found[-1]["bytes"]
        return data

    async def shows(self, condition: Callable[[Page], bool]) -> None:
        """Return once what the page shows fulfils the condition."""
        while not condition(self):
            await self.next()

    async def closed(self) -> tuple[list[Message], int]:
        """Return what came until the socket was closed, and the code."""
        found: list[Message] = []
        while True:
            output = await self.receive()
            if output["type"] == "websocket.close":
                return found, output["code"]
            found.append(json.loads(output["text"]))

    async def is_silent(self) -> bool:
        """Return whether nothing comes for a while."""
        return bool(await self.socket.receive_nothing(timeout=0.3))
