"""A browser's side of any socket, without a browser."""

from __future__ import annotations

from typing import Any, Self

from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client

from config.asgi import application
from fleet.models import User

COMMUNICATOR: Any = ApplicationCommunicator  # it has no types
DEADLINE = 10.0
BACKEND = "django.contrib.auth.backends.ModelBackend"


class BrowserSocket:
    """One socket: `async with BrowserSocket(user) as socket:`; None is somebody signed out."""

    path: str
    patience = DEADLINE  # with what comes next

    def __init__(
        self,
        user: User | None,
        *,
        origin: str | None = "http://localhost",  # None: a script, which sends none
        client: Client | None = None,
    ) -> None:
        self.user, self.origin = user, origin
        self.client = client or Client()

    async def __aenter__(self) -> Self:
        scope = {
            "type": "websocket",
            "path": self.path,
            "query_string": b"",
            "headers": await self._headers(),
            "client": ["127.0.0.1", 5000],
            "subprotocols": [],
        }
        self.socket = COMMUNICATOR(application, scope)
        await self.socket.send_input({"type": "websocket.connect"})
        self.accepted = (await self.receive())["type"] == "websocket.accept"
        return self

    async def _headers(self) -> list[tuple[bytes, bytes]]:
        headers = [(b"host", b"localhost")]
        if self.origin is not None:
            headers.append((b"origin", self.origin.encode()))
        if self.user is not None:
            if settings.SESSION_COOKIE_NAME not in self.client.cookies:
                await self.client.aforce_login(self.user, backend=BACKEND)
            cookie = self.client.cookies[settings.SESSION_COOKIE_NAME].value
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        return headers

    async def __aexit__(self, *_error: object) -> None:
        await self.leave()

    async def leave(self) -> None:
        """Close the tab."""
        if not self.socket.future.done():
            await self.socket.send_input({"type": "websocket.disconnect", "code": 1005})
        await self.socket.wait(DEADLINE)  # raises what the application raised

    async def send_raw(self, **frame: Any) -> None:
        """Send a frame: `text` or `bytes`."""
        await self.socket.send_input({"type": "websocket.receive", **frame})

    async def receive(self) -> dict[str, Any]:
        """Return what comes next: a frame, or the end."""
        output: dict[str, Any] = await self.socket.receive_output(self.patience)
        return output
