"""All terminals of this process (event loop), and how a viewer gets to one."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import Redis

from fleet.engine.terminals import Size
from fleet.terminal.ask import Ask
from fleet.terminal.problems import Problem
from fleet.terminal.records import Record
from fleet.terminal.relay import Office, RemoteLink
from fleet.terminal.session import Owner, Session
from fleet.terminal.target import TerminalTarget
from fleet.terminal.traces import Traces
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


AnyLink = Link | RemoteLink


class Terminals:
    """Sessions by their ids. `redis_url`: where other processes find them, "" for nowhere."""

    def __init__(self, redis_url: str = "") -> None:
        self.sessions: dict[str, Session] = {}
        self._redis_url = redis_url

    @cached_property
    def office(self) -> Office:
        """What other processes reach our sessions through."""
        redis = Redis.from_url(self._redis_url, socket_connect_timeout=3, socket_timeout=10)
        return Office(redis, self.find, self.present)

    @cached_property
    def traces(self) -> Traces | None:
        """Where it is written down what would be left if we were killed."""
        return Traces(self.office.redis, self.office.id) if self._redis_url else None

    def open(
        self, target: TerminalTarget, ask: Ask, owner: Owner, record: Record, view: View
    ) -> Link:
        """Begin a session. Raises ``Problem``."""
        self._forget()
        if self.open_of(owner.user_id) >= settings.TERMINALS_PER_USER:
            raise Problem("too_many")
        session = Session(target, ask, owner, record, self.traces)
        self.sessions[session.id] = session
        session.join(view)
        if self._redis_url:
            self.office.tell()
        return Link(session, view)

    def find(self, ident: str, user_id: int) -> Session | None:
        """Return a session of a user that is here."""
        self._forget()
        found = self.sessions.get(ident)
        return found if found and found.owner.user_id == user_id else None

    def present(self) -> list[str]:
        """Return which sessions are here; those that were over for long no more."""
        self._forget()
        return list(self.sessions)

    async def join(self, ident: str, user_id: int, view: View) -> AnyLink:
        """Come back to a session, wherever it is. Raises ``Problem``."""
        if found := self.find(ident, user_id):
            found.join(view)
            return Link(found, view)
        owner = await self.office.owner_of(ident) if self._redis_url else ""
        if not owner or owner == self.office.id:
            raise Problem("unknown")
        link = RemoteLink(self.office.redis, owner, ident, view)
        await link.join(user_id)
        return link

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


async def end_terminals(seconds: float = 4.0) -> None:
    """End all of the running event loop: the process is about to end."""
    loop = asyncio.get_running_loop()
    sessions = list(_hubs[loop].sessions.values()) if loop in _hubs else []
    for session in sessions:
        session.end("stopped")
    if tasks := [session.task for session in sessions]:
        await asyncio.wait(tasks, timeout=seconds)


def current_terminals() -> Terminals:
    """Return the terminals of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Terminals("" if settings.IN_MEMORY else settings.REDIS_URL)
    return _hubs[loop]
