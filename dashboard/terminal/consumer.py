"""The socket of a terminal: one session at a time, bytes both ways."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import structlog
from django.utils import translation
from django.utils.translation import gettext as _

from dashboard.live.hub import LiveHub, TooManyPages, current_hub
from dashboard.live.messages import Malformed
from dashboard.live.pace import Pace
from dashboard.live.socket import (
    FULL,
    MALFORMED,
    OUR_BUG,
    SIGNED_OUT,
    TOO_MANY,
    Socket,
    address_of,
)
from dashboard.live.viewer import Viewer
from dashboard.terminal.guard import Login, SignedOut, why_gone
from dashboard.terminal.messages import (
    TYPED_LIMIT,
    First,
    Join,
    Message,
    Open,
    Redeem,
    Resize,
    Shown,
    WrongAsk,
    parse,
)
from dashboard.terminal.opening import Person, join_by_page, open_by_page, open_by_ticket
from fleet.access import AccessError, Unknown
from fleet.cancel import cancel
from fleet.terminal.hub import AnyLink
from fleet.terminal.problems import Problem, sentence
from fleet.terminal.view import Item, View

log = structlog.get_logger(__name__)

NORMAL = 1000
FIRST_SECONDS = 15.0  # until a script shows its ticket
MESSAGES_PER_SECOND, MESSAGES_AT_ONCE = 400.0, 2000  # a key held down, a mouse that moves
LAST = frozenset({"ended", "problem", "taken"})


class TerminalConsumer(Socket):
    """`/ws/terminal/`: opened by a page, or with a ticket of the API."""

    person: Person | None = None
    hub: LiveHub | None = None
    viewer: Viewer | None = None
    link: AnyLink | None = None
    opening: asyncio.Task[None] | None = None
    sender: asyncio.Task[None] | None = None
    late: asyncio.TimerHandle | None = None
    begun = False
    barred = False  # nothing that it says is heard any more

    # --- Coming and going ----------------------------------------------------------------------

    async def connect(self) -> None:
        """Accept; who is not signed in has a ticket, or goes."""
        await self.accept()
        self.lock = asyncio.Lock()
        self.pace = Pace(MESSAGES_PER_SECOND, MESSAGES_AT_ONCE)
        if self.scope.get("session") is None:  # a script: see door.py
            self.late = asyncio.get_running_loop().call_later(FIRST_SECONDS, self._too_late)
            return
        viewer = await self._recognise(self._nothing)
        if viewer is not None:
            login = Login(viewer.user_id, viewer.session_key, viewer.session_hash)
            self.person = Person(login, self.language, viewer.seer.actor.address)
            await self._hear_of_rights(viewer)

    async def _hear_of_rights(self, viewer: Viewer) -> None:
        """Let the hub of the pages tell at once when rights or sessions change."""
        self.viewer = viewer
        viewer.on_rights = self._check_soon
        viewer.on_bye = self._on_bye
        self.hub = current_hub()
        try:
            await self.hub.join(viewer)
        except TooManyPages:
            await self._close(FULL)

    async def _nothing(self, _text: str) -> None:
        """A terminal follows no topics."""

    def _check_soon(self) -> None:
        if self.link is not None:
            self.link.check_soon()

    def _on_bye(self, reason: str) -> None:
        self.barred = True
        self.farewell = asyncio.create_task(self._see_out(reason))

    async def _see_out(self, reason: str) -> None:
        """Who is signed in no longer neither opens nor sees anything.

        The session ends by its own guard, unless another login of the same user has opened it.
        """
        if self.opening is not None:
            await cancel(self.opening)
        link, self.link = self.link, None
        if link is None:
            await self._bye(reason)
            return
        link.check_soon()
        if self.sender is not None:
            await cancel(self.sender)
        with suppress(Exception):
            await link.leave()
        with translation.override(self.language or None):
            await self._end("ended", "rights", sentence("rights", why_gone(reason)))

    async def _bye(self, reason: str) -> None:
        self.barred = True
        await super()._bye(reason)

    async def _close(self, code: int) -> None:
        self.barred = True
        await super()._close(code)

    def _too_late(self) -> None:
        if not self.begun:
            self.farewell = asyncio.create_task(self._close(SIGNED_OUT))

    async def disconnect(self, code: int) -> None:
        """The browser is gone; its session lives on for a while."""
        await self._clean_up()

    async def _clean_up(self) -> None:
        if self.late is not None:
            self.late.cancel()
        link, self.link = self.link, None
        with suppress(Exception):
            if link is not None:
                await link.leave()
        viewer, self.viewer = self.viewer, None
        with suppress(Exception):
            if viewer is not None and self.hub is not None:
                await self.hub.leave(viewer)
        for task in (self.opening, self.sender):
            if task is not None and task is not asyncio.current_task():
                await cancel(task)

    # --- What the page says --------------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Do what is asked for; close the socket for what nobody of ours sends."""
        if self.barred:
            return
        if not self.pace.take(asyncio.get_running_loop().time()):
            await self._close(TOO_MANY)
            return
        try:
            with suppress(OSError):  # gone
                if bytes_data is not None:
                    await self._type(bytes_data)
                else:
                    await self._handle(parse(text_data))
        except Malformed as error:
            log.info("terminal_malformed", error=str(error))
            await self._close(MALFORMED)

    async def _type(self, data: bytes) -> None:
        if len(data) > TYPED_LIMIT:
            await self._close(MALFORMED)
        elif self.link is not None and not await self.link.type(data):
            with translation.override(self.language or None):
                text = _("What you typed was left out: the program does not read.")
            await self._send({"type": "note", "text": text})

    async def _handle(self, message: Message) -> None:
        if isinstance(message, First):
            self._begin(message)
        elif message_type(message) == "ping":
            await self._send({"type": "pong"})
        elif self.link is None:
            return
        elif isinstance(message, Resize):
            await self.link.resize(message.size)
        elif isinstance(message, Shown):
            await self.link.shown(message.bytes)
        elif message_type(message) == "stay":
            await self.link.stay()
        else:
            await self.link.end()

    def _begin(self, message: First) -> None:
        """Open beside the reading: a host may take its time, and the browser may go meanwhile."""
        if self.begun or (self.person is None) != isinstance(message, Redeem):
            raise Malformed("not a first message")
        self.begun = True
        self.opening = asyncio.create_task(self._open(message))

    async def _open(self, message: First) -> None:
        view = View(message.size, acks=message.acks)
        try:
            self.link = await self._link(message, view)
        except WrongAsk as wrong:
            await self._end("problem", "invalid", str(wrong))
        except SignedOut as gone:
            await self._bye(gone.verdict)
        except AccessError as error:
            code = "unknown" if isinstance(error, Unknown) else "refused"
            await self._end("problem", code, str(error))
        except Problem as problem:
            with translation.override(self.language or None):
                await self._end("problem", problem.code, str(problem))
        except Exception:
            log.exception("terminal_not_opened")
            await self._close(OUR_BUG)
        else:
            self.sender = asyncio.create_task(self._send_all(self.link))

    async def _link(self, message: First, view: View) -> AnyLink:
        if isinstance(message, Redeem):
            return await open_by_ticket(message.ticket, address_of(self.scope), view)
        assert self.person is not None  # noqa: S101 - see _begin
        if isinstance(message, Join):
            return await join_by_page(self.person, message.session, view)
        assert isinstance(message, Open)  # noqa: S101
        return await open_by_page(self.person, message.container, message.ask, view)

    # --- What it is told -----------------------------------------------------------------------

    async def _send_all(self, link: AnyLink) -> None:
        """Send what comes; a slow browser makes this wait, and so the process."""
        with suppress(OSError):  # gone: the disconnect follows
            while True:
                item = await link.next()
                await self._send(item)
                link.sent(item)
                if isinstance(item, dict) and item["type"] in LAST:
                    await self.close(NORMAL)
                    return

    async def _send(self, item: Item) -> None:
        """Send; waits while the browser is slow. Raises OSError when it is gone."""
        data = {"bytes_data": item} if isinstance(item, bytes) else {"text_data": told(item)}
        async with self.lock:
            await self.send(**data)

    async def _end(self, kind: str, code: str, text: str) -> None:
        last = {"type": kind, "code": code, "text": text, "exit_code": None}
        with suppress(OSError):
            await self._send(last)
            await self.close(NORMAL)


def told(item: dict[str, Any]) -> str:
    """Return a message as text."""
    return json.dumps(item, ensure_ascii=False)


def message_type(message: Message) -> str:
    """Return which of the messages it is."""
    return message.type
