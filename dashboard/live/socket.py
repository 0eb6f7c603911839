"""What every socket does: it learns who has opened it, says why it closes, cleans up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from contextlib import suppress
from functools import cached_property
from typing import Any

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import HttpRequest
from django.utils import translation

from dashboard.live.moments import site_of
from dashboard.live.rights import read_rights
from dashboard.live.threads import run
from dashboard.live.view import Seer
from dashboard.live.viewer import SendText, Viewer
from dashboard.requests import client_address
from fleet.actor import Actor

log = structlog.get_logger(__name__)

SEND_SECONDS = 60.0  # a tab that is frozen takes nothing, and its connection lives on
SIGNED_OUT, MALFORMED, TOO_MANY, FULL, OUR_BUG = 4401, 4400, 4429, 4503, 1011


def language_of(scope: dict[str, Any]) -> str:
    """Return the language that a page of this browser is drawn in."""
    request = HttpRequest()
    request.COOKIES = scope.get("cookies", {})
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers_of(scope).get(b"accept-language", "")
    return translation.get_language_from_request(request)


def headers_of(scope: dict[str, Any]) -> dict[bytes, str]:
    """Return the headers by their names in lower case."""
    return {name: value.decode("latin1") for name, value in scope.get("headers", [])}


def address_of(scope: dict[str, Any]) -> str:
    """Return the address that the socket comes from."""
    remote = (scope.get("client") or ("",))[0] or ""
    return client_address(remote, headers_of(scope).get(b"x-forwarded-for", ""))


class Socket(AsyncWebsocketConsumer):  # type: ignore[misc]
    """A socket that a browser has opened."""

    channel_layer_alias = "none"  # the hub listens once for all pages

    _serving: asyncio.Task[Any] | None = None
    _given_up = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket; whatever ends it, nothing of it stays behind."""
        self._serving = serving = asyncio.current_task()
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if not self._given_up or serving is None or serving.uncancel():
                raise  # by somebody else
        finally:
            await self._clean_up()

    async def send(self, *args: Any, **data: Any) -> None:
        """Send a frame; waits while the browser is slow.

        Raises OSError when it is gone, or has taken nothing for so long that it is given up.
        """
        await self._in_time(super().send(*args, **data))

    async def close(self, code: Any = None, reason: Any = None) -> None:
        """Close the socket from our side. Raises OSError as `send` does."""
        await self._in_time(super().close(code, reason))

    async def _in_time(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(0 if self._given_up else SEND_SECONDS):
                await sending
        except TimeoutError:
            log.info("socket_given_up", seconds=SEND_SECONDS)
            self._give_up()
            raise
        except RuntimeError as error:  # uvicorn has closed it, for a ping without an answer
            self._give_up()
            raise ConnectionAbortedError(str(error)) from error

    def _give_up(self) -> None:
        """End as if the browser had gone: its connection may live on, and never tell us so."""
        if self._serving is not None and not self._given_up:
            self._given_up = True
            self._serving.cancel()

    async def _clean_up(self) -> None:
        """End what the socket has begun, perhaps for the second time; never raises."""
        raise NotImplementedError

    @cached_property
    def language(self) -> str:
        """That of the browser."""
        return language_of(self.scope)

    async def _recognise(self, send: SendText) -> Viewer | None:
        """Return who has opened it, by rights read now; None after a goodbye to who may not."""
        user, session = self.scope.get("user"), self.scope.get("session")
        if user is None or not user.is_authenticated or session is None:
            await self._bye("signed_out")
            return None
        key = session.session_key or ""
        rights = await run(read_rights, [user.pk], [key])
        hash_now = rights.session_hashes.get(user.pk, "")
        if (verdict := rights.verdict(user.pk, key, hash_now)) != "stay":
            await self._bye(verdict)
            return None
        address = address_of(self.scope)
        actor = Actor(rights.users[user.pk], rights.accesses[user.pk], address=address)
        site = site_of(headers_of(self.scope).get(b"host", ""))
        seer = Seer(actor, self.language, site)
        return Viewer(seer, session_key=key, session_hash=hash_now, send=send)

    async def _bye(self, reason: str) -> None:
        """Tell why one may not stay; browsers learn it only from a socket that was accepted."""
        with suppress(OSError):
            await self.send(text_data=json.dumps({"type": "bye", "reason": reason}))
            await self.close(SIGNED_OUT)

    async def _close(self, code: int) -> None:
        with suppress(OSError):  # the browser may have gone already
            await self.close(code)
