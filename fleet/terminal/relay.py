"""Sessions of other web processes: whoever gets the socket reaches them, by way of Redis.

A session lives in the process that opened it, which says so in Redis. A viewer whose socket another
process got writes into the owner's box (typed, resized, shown) and reads its own list (output). The
list never holds more than a window of output: the owner goes on when the viewer has shown it. Who
falls silent, viewer or owner, counts as gone after some seconds.
"""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from fleet.cancel import cancel
from fleet.engine.terminals import Size
from fleet.terminal.problems import sentence
from fleet.terminal.session import Session
from fleet.terminal.traces import ALIVE_SECONDS, alive_key
from fleet.terminal.view import Item, View

PREFIX = "quayside:terminal"
TOLD_EVERY, TOLD_FOR = 5.0, 15  # where a session is
HERE_EVERY, SILENT_AFTER = 4.0, 15.0  # a viewer's sign of life
LIST_FOR = 60  # seconds that output waits for a viewer that does not come
BROKEN = (RedisError, OSError, TimeoutError)
log = structlog.get_logger(__name__)

Message = dict[str, Any]
Find = Callable[[str, int], Session | None]


def place_key(session: str) -> str:
    """Where Redis keeps which process has a session."""
    return f"{PREFIX}:at:{session}"


def box_key(process: str) -> str:
    """Where a process gets what viewers elsewhere do."""
    return f"{PREFIX}:box:{process}"


def list_key(view: str) -> str:
    """Where a viewer gets what its session writes."""
    return f"{PREFIX}:out:{view}"


def packed(item: Item) -> bytes:
    """Return an item as it is kept in Redis."""
    return b"b" + item if isinstance(item, bytes) else b"j" + json.dumps(item).encode()


def unpacked(data: bytes) -> Item:
    """Return what was packed."""
    if data[:1] == b"b":
        return data[1:]
    message: Message = json.loads(data[1:])
    return message


async def push(redis: Redis, key: str, item: bytes | str) -> None:
    """Add to a list, which goes when nobody reads it."""
    async with redis.pipeline(transaction=False) as pipe:
        pipe.rpush(key, item)
        pipe.expire(key, LIST_FOR)
        await pipe.execute()


async def pop(redis: Redis, key: str, seconds: float) -> bytes | None:
    """Return the first of a list, waiting for one; None when none came."""
    blpop: Any = redis.blpop
    found = await blpop([key], timeout=seconds)
    return bytes(found[1]) if found else None


@dataclass(eq=False)
class Guest:
    """A viewer in another process, of a session that is here."""

    session: Session
    view: View
    task: asyncio.Task[None]
    heard_at: float


class Office:
    """One process's sessions for all others."""

    def __init__(self, redis: Redis, find: Find, here: Callable[[], Iterable[str]]) -> None:
        self.id = token_urlsafe(12)
        self.redis = redis
        self._find, self._here = find, here
        self._guests: dict[str, Guest] = {}
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def tell(self) -> None:
        """There is a new session; begin to serve with the first one."""
        self._news.set()
        if not self._tasks:
            self._tasks = [asyncio.create_task(work()) for work in (self._serve, self._place)]

    async def owner_of(self, session: str) -> str:
        """Return which process has a session, "" when none says so."""
        try:
            found = await asyncio.wait_for(self.redis.get(place_key(session)), 3)
        except BROKEN as error:
            log.warning("terminal_relay_away", error=str(error))
            return ""
        return found.decode() if found else ""

    async def close(self) -> None:
        """Serve no longer."""
        await cancel(*self._tasks, *(guest.task for guest in self._guests.values()))

    async def _place(self) -> None:
        """Say again and again which sessions are here."""
        while True:
            self._news.clear()
            with suppress(*BROKEN):
                await self.redis.set(alive_key(self.id), 1, ex=ALIVE_SECONDS)
                for session in list(self._here()):
                    await self.redis.set(place_key(session), self.id, ex=TOLD_FOR)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), TOLD_EVERY)

    async def _serve(self) -> None:
        while True:
            try:
                if (said := await pop(self.redis, box_key(self.id), 2)) is not None:
                    self._obey(json.loads(said))
            except BROKEN:
                await asyncio.sleep(1)
            except Exception:
                log.exception("terminal_relay_failed")
            await self._forget_silent()

    def _obey(self, said: Message) -> None:
        if said["do"] == "join":
            self._join(said)
            return
        guest = self._guests.get(said["view"])
        if guest is None:
            return
        guest.heard_at = time.monotonic()
        session, do = guest.session, said["do"]
        if do == "type":
            session.type(b64decode(said["data"]))
        elif do == "resize":
            session.resize(Size(said["cols"], said["rows"]))
        elif do == "shown":
            guest.view.shown(said["bytes"])
        elif do == "stay":
            session.stay()
        elif do == "end":
            session.end("closed")
        elif do == "check":
            session.check_soon()
        elif do == "leave":
            self._leave(said["view"])

    def _join(self, said: Message) -> None:
        session = self._find(said["session"], said["user"])
        if session is None:
            return  # the viewer is told so when nothing comes
        view = View(Size(said["cols"], said["rows"]), acks=True)
        task = asyncio.create_task(self._forward(said["view"], view))
        self._guests[said["view"]] = Guest(session, view, task, time.monotonic())
        session.join(view)

    async def _forward(self, ident: str, view: View) -> None:
        key = list_key(ident)
        while True:
            item = packed(await view.next())
            with suppress(*BROKEN):
                await push(self.redis, key, item)

    def _leave(self, ident: str) -> None:
        if guest := self._guests.pop(ident, None):
            guest.task.cancel()
            guest.session.leave(guest.view)

    async def _forget_silent(self) -> None:
        before = time.monotonic() - SILENT_AFTER
        for ident, guest in list(self._guests.items()):
            if guest.heard_at < before:
                self._leave(ident)


class RemoteLink:
    """One viewer of a session in another process."""

    def __init__(self, redis: Redis, owner: str, session: str, view: View) -> None:
        self._redis, self._owner, self._session, self._view = redis, owner, session, view
        self._id = token_urlsafe(12)
        self._heard = False
        self._said = asyncio.Lock()  # in the order in which it was typed
        self._background: set[asyncio.Task[None]] = set()

    async def join(self, user_id: int) -> None:
        """Ask the owner to let us see it."""
        size = self._view.size
        asked = {"session": self._session, "user": user_id, "cols": size.cols, "rows": size.rows}
        await self._say("join", **asked)

    async def _say(self, do: str, **more: Any) -> None:
        said = json.dumps({"do": do, "view": self._id, **more})
        async with self._said:
            with suppress(*BROKEN):
                await push(self._redis, box_key(self._owner), said)

    async def next(self) -> Item:
        """Return what comes next; an end when the owner is gone."""
        while True:
            try:
                found = await pop(self._redis, list_key(self._id), HERE_EVERY)
            except BROKEN:
                await asyncio.sleep(1)
                continue
            if found is not None:
                self._heard = True
                return unpacked(found)
            if not self._heard:
                return self._over("problem", "unknown")
            await self._say("here")
            with suppress(*BROKEN):
                if not await self._redis.exists(place_key(self._session)):
                    return self._over("ended", "stopped")

    def _over(self, kind: str, code: str) -> Message:
        return {"type": kind, "code": code, "text": sentence(code), "exit_code": None}

    def sent(self, item: Item) -> None:
        """It was sent; who does not tell what is shown has shown it."""
        if isinstance(item, bytes) and not self._view.acks:
            self._soon(self.shown(len(item)))

    def _soon(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def type(self, data: bytes) -> bool:
        """Type."""
        await self._say("type", data=b64encode(data).decode())
        return True

    async def resize(self, size: Size) -> None:
        """The viewer's terminal has another size."""
        await self._say("resize", cols=size.cols, rows=size.rows)

    async def shown(self, count: int) -> None:
        """The viewer has shown so many bytes more."""
        await self._say("shown", bytes=count)

    async def stay(self) -> None:
        """Somebody is there."""
        await self._say("stay")

    async def end(self) -> None:
        """End the session."""
        await self._say("end")

    async def leave(self) -> None:
        """Look no longer."""
        await self._say("leave")
        with suppress(*BROKEN):
            await self._redis.delete(list_key(self._id))

    def check_soon(self) -> None:
        """Rights may have changed."""
        self._soon(self._say("check"))
