"""All terminals of this process (event loop), and how a viewer gets to one."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from django.conf import settings

from fleet.engine.terminals import Size
from fleet.terminal.ask import Ask
from fleet.terminal.problems import Problem
from fleet.terminal.records import Record
from fleet.terminal.session import Owner, Session
from fleet.terminal.target import TerminalTarget
from fleet.terminal.view import Item, View

ENDED_KEPT_SECONDS = 60.0  # how long one can come back to read how it ended


@dataclass(frozen=True)
class Link:
    """One viewer of a session of this process."""

    session: Session
    view: View

    async def next(self) -> Item:
        """Return what comes next."""
        return await self.view.next()

    def sent(self, item: Item) -> None:
        """It was sent."""
        self.view.sent(item)

    async def type(self, data: bytes) -> bool:
        """Type; False when it was left out because the process does not read."""
        return self.session.type(data)

    async def resize(self, size: Size) -> None:
        """The viewer's terminal has another size."""
        self.session.resize(size)

    async def shown(self, count: int) -> None:
        """The viewer has shown so many bytes more."""
        self.view.shown(count)

    async def stay(self) -> None:
        """Somebody is there."""
        self.session.stay()

    async def end(self) -> None:
        """End the session."""
        self.session.end("closed")

    async def leave(self) -> None:
        """Look no longer."""
        self.session.leave(self.view)

    def check_soon(self) -> None:
        """Rights may have changed."""
        self.session.check_soon()


class Terminals:
    """Sessions by their ids."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}

    def open(
        self, target: TerminalTarget, ask: Ask, owner: Owner, record: Record, view: View
    ) -> Link:
        """Begin a session. Raises ``Problem``."""
        self._forget()
        if self.open_of(owner.user_id) >= settings.TERMINALS_PER_USER:
            raise Problem("too_many")
        session = Session(target, ask, owner, record)
        self.sessions[session.id] = session
        session.join(view)
        return Link(session, view)

    def find(self, ident: str, user_id: int) -> Session | None:
        """Return a session of a user that is here."""
        self._forget()
        found = self.sessions.get(ident)
        return found if found and found.owner.user_id == user_id else None

    def join(self, ident: str, user_id: int, view: View) -> Link:
        """Come back to a session. Raises ``Problem``."""
        found = self.find(ident, user_id)
        if found is None:
            raise Problem("unknown")
        found.join(view)
        return Link(found, view)

    def open_of(self, user_id: int) -> int:
        """Return how many a user has open."""
        return sum(
            one.owner.user_id == user_id and one.over is None for one in self.sessions.values()
        )

    def _forget(self) -> None:
        now = time.monotonic()
        for ident, one in list(self.sessions.items()):
            if one.over is not None and now - one.over_at > ENDED_KEPT_SECONDS:
                del self.sessions[ident]


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Terminals] = WeakKeyDictionary()


def open_terminals() -> int:
    """Return how many terminals are open in this process, whatever thread asks."""
    return sum(
        one.over is None for hub in list(_hubs.values()) for one in list(hub.sessions.values())
    )


def current_terminals() -> Terminals:
    """Return the terminals of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Terminals()
    return _hubs[loop]
