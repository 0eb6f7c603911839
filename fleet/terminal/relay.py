"""Sessions of other web processes: whoever gets the socket reaches them, by way of Redis.

A session lives in the process that opened it, which says so in Redis. A viewer whose socket another
process got writes into the owner's box (typed, resized, shown) and reads its own list (output). The
list never holds more than a window of output: the owner goes on when the viewer has shown it. Who
falls silent, viewer or owner, counts as gone after some seconds.

Redis may fail in the middle. Both ways everything is numbered: what comes twice counts once, and a
viewer that misses something joins again, which shows it all that is kept.
"""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
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
RETRY_SECONDS = 1.0
AGAIN = "again"  # the owner has forgotten a viewer, or a viewer has missed something: join again
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


def packed(number: int, item: Item) -> bytes:
    """Return an item and its number for this viewer, as it is kept in Redis."""
    data = b"b" + item if isinstance(item, bytes) else b"j" + json.dumps(item).encode()
    return b"%d %b" % (number, data)


def unpacked(data: bytes) -> tuple[int, Item]:
    """Return what was packed."""
    number, _space, item = data.partition(b" ")
    return int(number), item[1:] if item[:1] == b"b" else json.loads(item[1:])


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
    task: asyncio.Task[None] | None = None
    heard_at: float = field(default_factory=time.monotonic)
    heard: int = 0  # the number of the last that it said
    shown: int = 0  # bytes in all that it has shown
    told: int = 0  # the number of the last that it was told
    owed: int = 0  # the same, when it said the last time that it is there

    def hears_again(self, number: int) -> bool:
        """Whether this was heard before: what Redis took may be sent twice."""
        if number <= self.heard:
            return True
        self.heard, self.heard_at = number, time.monotonic()
        return False

    def has_shown(self, total: int) -> None:
        """It has shown so many bytes in all; a word of it that was lost is made up for."""
        self.view.shown(total - self.shown)
        self.shown = max(self.shown, total)

    def misses(self, last: int) -> bool:
        """Whether something is lost that it was told, as it waits for it in vain."""
        lost = last < self.owed
        self.owed = self.told
        return lost


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
        guests = [guest.task for guest in self._guests.values() if guest.task is not None]
        await cancel(*self._tasks, *guests)

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
                    await self._hear(json.loads(said))
            except BROKEN:
                await asyncio.sleep(1)
            except Exception:
                log.exception("terminal_relay_failed")
            await self._forget_silent()

    async def _hear(self, said: Message) -> None:
        ident, do = said["view"], said["do"]
        guest = self._guests.get(ident)
        if guest is None and do == "join":
            self._join(said)
        elif guest is None:
            if do == "here":
                await self._ask_again(ident)
        elif not guest.hears_again(said["number"]):
            guest.has_shown(said["shown"])
            if do == "here" and guest.misses(said["last"]):
                await self._ask_again(ident)
            else:
                self._obey(guest, said)

    async def _ask_again(self, ident: str) -> None:
        await push(self.redis, list_key(ident), packed(0, {"type": AGAIN}))

    def _obey(self, guest: Guest, said: Message) -> None:
        session, do = guest.session, said["do"]
        if do == "type":
            session.type(b64decode(said["data"]))
        elif do == "resize":
            session.resize(Size(said["cols"], said["rows"]))
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
        guest = self._guests[said["view"]] = Guest(session, view, heard=said["number"])
        guest.task = asyncio.create_task(self._forward(said["view"], guest))
        session.join(view)

    async def _forward(self, ident: str, guest: Guest) -> None:
        while True:
            item = packed(guest.told + 1, await guest.view.next())
            await self._push(list_key(ident), item)
            guest.told += 1

    async def _push(self, key: str, item: bytes) -> None:
        """Push until it is there, or this viewer is forgotten."""
        while True:
            try:
                await push(self.redis, key, item)
            except BROKEN as error:
                log.warning("terminal_relay_away", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def _leave(self, ident: str) -> None:
        if guest := self._guests.pop(ident, None):
            if guest.task is not None:
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
        self._user_id = 0
        self._size = view.size
        self._begin()
        self._said = asyncio.Lock()  # in the order in which it was typed
        self._background: set[asyncio.Task[None]] = set()

    def _begin(self) -> None:
        self._id = token_urlsafe(12)
        self._number = 0  # of the last that we said
        self._last = 0  # and of the last that came
        self._shown = 0  # bytes in all

    async def join(self, user_id: int) -> None:
        """Ask the owner to let us see it."""
        self._user_id = user_id
        await self._ask()

    async def _ask(self) -> bool:
        cols, rows = self._size.cols, self._size.rows
        return await self._say(
            "join", session=self._session, user=self._user_id, cols=cols, rows=rows
        )

    async def _join_again(self) -> None:
        """See all that is kept anew: what came meanwhile may be lost."""
        self._begin()
        while not await self._ask():
            await asyncio.sleep(RETRY_SECONDS)

    async def _say(self, do: str, **more: Any) -> bool:
        async with self._said:
            self._number += 1
            facts = {"view": self._id, "number": self._number, "shown": self._shown}
            said = json.dumps({"do": do, **facts, **more})
            try:
                await push(self._redis, box_key(self._owner), said)
            except BROKEN as error:
                log.warning("terminal_relay_away", error=str(error))
                return False
        return True

    async def next(self) -> Item:
        """Return what comes next; an end when the owner is gone."""
        while True:
            try:
                found = await pop(self._redis, list_key(self._id), HERE_EVERY)
            except BROKEN:
                await asyncio.sleep(RETRY_SECONDS)
                await self._join_again()
                continue
            item = await self._silence() if found is None else await self._take(found)
            if item is not None:
                return item

    async def _take(self, found: bytes) -> Item | None:
        number, item = unpacked(found)
        if number == self._last + 1:
            self._last = number
            if isinstance(item, bytes):
                self._view.taken(len(item))
            return item
        if number > self._last or number == 0:  # asked to, or something between is lost
            await self._join_again()
        return None

    async def _silence(self) -> Item | None:
        if not self._last:
            return self._over("problem", "unknown")
        await self._say("here", last=self._last)
        with suppress(*BROKEN):
            if not await self._redis.exists(place_key(self._session)):
                return self._over("ended", "stopped")
        return None

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
        self._size = size
        await self._say("resize", cols=size.cols, rows=size.rows)

    async def shown(self, count: int) -> None:
        """The viewer has shown so many bytes more."""
        self._shown += self._view.shown(count)
        await self._say("shown")

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
