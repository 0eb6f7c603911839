"""A page's side of the socket, without a browser."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client

from config.asgi import application
from dashboard.live.threads import POOL, THREADS
from fleet.models import User

Message = dict[str, Any]
DEADLINE = 10.0
BYTES = "bytes"  # the type that a binary message gets here
COMMUNICATOR: Any = ApplicationCommunicator  # it has no types
BACKEND = "django.contrib.auth.backends.ModelBackend"


def wait_for_threads() -> None:
    """Return once no thread reads for a page: they meet only when all of them are idle.

    A page that is gone does not end what a thread of it does; emptying the database would wait
    for its rows, and it for the tables.
    """
    meeting = threading.Barrier(THREADS)
    for met in [POOL.submit(meeting.wait, DEADLINE) for _ in range(THREADS)]:
        met.result()


class Page:
    """One open page: `async with Page(user) as page:`; `user` None is somebody signed out."""

    def __init__(self, user: User | None, *, origin: str = "http://localhost") -> None:
        self.user = user
        self.origin = origin
        self.client = Client()
        self.rows: list[str] = []
        self.late = False
        self.html: dict[str, str] = {}

    async def __aenter__(self) -> Page:
        headers = [(b"host", b"localhost"), (b"origin", self.origin.encode())]
        if self.user is not None:
            await self.client.aforce_login(self.user, backend=BACKEND)
            cookie = self.client.cookies[settings.SESSION_COOKIE_NAME].value
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        scope = {
            "type": "websocket",
            "path": "/ws/live/",
            "query_string": b"",
            "headers": headers,
            "client": ["127.0.0.1", 5000],
            "subprotocols": [],
        }
        self.socket = COMMUNICATOR(application, scope)
        await self.socket.send_input({"type": "websocket.connect"})
        answer = await self.socket.receive_output(DEADLINE)
        self.accepted = answer["type"] == "websocket.accept"
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.socket.send_input({"type": "websocket.disconnect", "code": 1005})
        await self.socket.wait(DEADLINE)
        await asyncio.to_thread(wait_for_threads)

    async def send(self, **message: Any) -> None:
        """Send a message."""
        await self.send_raw(text=json.dumps(message))

    async def send_raw(self, **frame: Any) -> None:
        """Send a frame: `text` or `bytes`."""
        await self.socket.send_input({"type": "websocket.receive", **frame})

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
        output = await self.socket.receive_output(DEADLINE)
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
            output = await self.socket.receive_output(DEADLINE)
            if output["type"] == "websocket.close":
                return found, output["code"]
            found.append(json.loads(output["text"]))

    async def is_silent(self) -> bool:
        """Return whether nothing comes for a while."""
        return bool(await self.socket.receive_nothing(timeout=0.3))
