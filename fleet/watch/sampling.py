"""Reading what all running containers of a host use, again and again, at a bounded cost.

1. The calls of one sweep are spread over the time until the next: no bursts, here or there.
2. As few calls are on their way at once as that time allows, over connections of their own. An
   engine that lets each wait for its own tick gets more of them than one that answers at once.
3. Where even so a sweep would not end before the next, or this process is busy, sweeps become
   rarer: up to `RAREST` times as rare. They come back when there is room again.
4. No connection, no readings: this runs inside of a host's session and ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.db import Error as DatabaseError

from fleet.engine.aio import AsyncEngine
from fleet.engine.errors import EngineError, NotFound, Unreachable
from fleet.engine.stats import Counters, Usage, usage_between
from fleet.engine.types import EngineEvent
from fleet.models import Container, UsageNow
from fleet.stats.keeping import Packed
from fleet.stats.packing import Table, Values, pack, unpack, values_at_once, values_of
from fleet.stats.rollup import MINUTE, Minutes, Trail, with_sum
from fleet.stats.standing import Standing
from fleet.watch.database import Database

log = structlog.get_logger(__name__)

SPREAD = 0.8  # of the time until the next sweep; the rest is for those that come late
CALL_SECONDS = 5.0
QUICK_SWEEPS, FIRST_SECONDS = 2, 2.0  # the first figures need two sweeps: not long apart
PAUSE = 0.5  # at the least
RAREST = 16.0
FULL, ROOMY = 0.85, 0.35  # of the time between two sweeps, which one needs at the least
RENEWING = frozenset({"start", "die"})
SKEW = 0.3  # how much an engine's clock may run otherwise than ours, between two readings


@dataclass
class Pace:
    """How often one host is read. `base` is what is wished, in seconds."""

    base: float
    slower: float = 1.0

    def every(self, load: float = 1.0) -> float:
        """Return the seconds between two sweeps, where the process wants `load` times as many."""
        return self.base * min(RAREST, max(self.slower, load))

    def learn(self, needed: float, every: float) -> None:
        """Count a sweep: of `every` seconds it needed so many, with all calls that there may be."""
        if needed > FULL * every:
            self.slower = min(RAREST, self.slower * 2)
        elif needed < ROOMY * every and self.slower > 1:
            self.slower = max(1.0, self.slower / 2)


@dataclass
class Ledger:
    """What waits to be written: the newest of each host, bounded while the database is away."""

    waiting: dict[int, list[Packed]] = field(default_factory=dict)
    load: float = 1.0  # how many times rarer this process wants to read
    most: int = 30

    def add(self, packed: Packed) -> None:
        """Take what was read of a host."""
        rows = self.waiting.setdefault(packed.host_id, [])
        rows.append(packed)
        del rows[: -self.most]

    def take(self) -> list[Packed]:
        """Return all that waits, the oldest first."""
        taken, self.waiting = self.waiting, {}
        return [one for rows in taken.values() for one in rows]

    def put_back(self, rows: Iterable[Packed]) -> None:
        """Keep what could not be written, before what came since."""
        newer = self.take()
        for one in [*rows, *newer]:
            self.add(one)


@dataclass(frozen=True)
class Reading:
    """Counters, and when they came by our own clock that nobody sets."""

    counters: Counters
    at: float


def usage_of(before: Reading | None, now: Reading, renewed: datetime | None = None) -> Usage | None:
    """Return what was used between two readings; None where that would be a wrong figure.

    A container that was started anew counts from 0: `renewed` is when it last started or ended, by
    its engine's clock. An engine whose clock was set between the two would tell a rate of another
    time than ours.
    """
    if before is None or (renewed is not None and before.counters.at <= renewed):
        return None
    ours = now.at - before.at
    theirs = (now.counters.at - before.counters.at).total_seconds()
    if abs(theirs - ours) > SKEW * ours + 1:
        return None
    return usage_between(before.counters, now.counters)


class Sampler:
    """Reads the containers of one host for as long as it runs."""

    def __init__(
        self,
        host_id: int,
        engine: AsyncEngine,
        running: Callable[[], list[str]],
        database: Database,
        ledger: Ledger,
        seconds: float,
    ) -> None:
        self.host_id, self.engine, self.running = host_id, engine, running
        self.database, self.ledger, self.pace = database, ledger, Pace(seconds)
        self._rows: dict[str, int] = {}  # engine's id -> ours
        self._last: dict[str, Reading] = {}
        self._renewed: dict[str, datetime] = {}  # when it last started or ended, since it is read
        self._minutes, self._trail, self._standing = Minutes(), Trail(), Standing()
        self._begun = False
        self._busy = 0.0  # seconds of waiting in this sweep, of all calls together
        self._at_once = engine.samples_at_once

    async def run(self) -> None:
        """Sweep until cancelled. What fails is tried again with the next sweep."""
        await asyncio.sleep(random.uniform(0, min(self.pace.base, 2)))  # noqa: S311
        quick = QUICK_SWEEPS
        while True:
            began = time.monotonic()
            every = FIRST_SECONDS if quick else self.pace.every(self.ledger.load)
            try:
                if quick == QUICK_SWEEPS:
                    self._trail = await self.database.run(read_trail, self.host_id)
                quick = max(0, quick - 1)
                await self._sweep(every)
            except DatabaseError as error:
                log.warning("sampling_waits", host=self.host_id, error=str(error))
            except Unreachable:
                pass  # the pulse will say so, if it is true
            except Exception:
                log.exception("sampling_failed", host=self.host_id)
            took = time.monotonic() - began
            self._learn(every)
            await asyncio.sleep(max(PAUSE, every - took))

    def hear(self, event: EngineEvent) -> None:
        """Take note of an event: what is read before a start is not compared with what follows.

        Counters do not always show it: a new life may have used more already.
        """
        if event.kind == "container" and event.action in RENEWING:
            self._renewed[event.object_id] = event.at

    def _learn(self, every: float) -> None:
        """Prepare the next sweep by what this one, of `every` seconds, needed."""
        most = self.engine.samples_at_once
        self._at_once = min(most, 2 + int(self._busy / (ROOMY * every)))
        if every >= self.pace.base:  # the first ones are in a hurry
            self.pace.learn(self._busy / most, every)

    async def _sweep(self, every: float) -> None:
        """Read every running container once, and hand over what that comes to."""
        self._busy, places = 0.0, asyncio.Semaphore(self._at_once)
        ids = await self._known(self.running())
        self._last = {ident: self._last[ident] for ident in ids if ident in self._last}
        # What is read already may be compared with what follows; the rest begins with its reading.
        self._renewed = {k: at for k, at in self._renewed.items() if k in self._last}
        started, gap = time.monotonic(), every * SPREAD / max(1, len(ids))
        tasks: list[asyncio.Task[Values | None]] = []
        try:
            for number, ident in enumerate(ids):
                await asyncio.sleep(max(0.0, started + number * gap - time.monotonic()))
                await places.acquire()
                task = asyncio.create_task(self._read(ident))
                task.add_done_callback(lambda _: places.release())
                tasks.append(task)
            found = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        await self._hand_over(ids, found, round(every))

    async def _hand_over(self, ids: list[str], found: list[Values | None], every: int) -> None:
        told = zip(ids, found, strict=True)
        lines = {self._rows[ident]: line for ident, line in told if line is not None}
        up = [self._rows[ident] for ident in ids if ident in self._last]
        # The first sweep knows no rates yet: what an earlier session told says more.
        first, self._begun = not self._begun, True
        if lines:
            lines = with_sum(lines, self._standing.counted(lines, up))
        if not ids or (lines and not first):
            await self._tell(int(time.time()), every, lines)

    async def _read(self, ident: str) -> Values | None:
        """Return a container's line, None when it does not run or gives no answer."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                counters = await self.engine.sample(ident)
        except TimeoutError:
            return None
        except Unreachable:
            raise
        except NotFound:
            counters = None
        except EngineError:
            return None
        finally:
            self._busy += time.monotonic() - began
        before = self._last.pop(ident, None)
        if counters is None:
            return None
        now = self._last[ident] = Reading(counters, time.monotonic())
        usage = usage_of(before, now, self._renewed.get(ident))
        return values_of(usage) if usage is not None else values_at_once(counters)

    async def _known(self, ids: list[str]) -> list[str]:
        """Return those of the ids that have a row."""
        if any(ident not in self._rows for ident in ids):
            self._rows = await self.database.run(read_rows, self.host_id)
        return [ident for ident in ids if ident in self._rows]

    async def _tell(self, at: int, every: int, lines: Table) -> None:
        packed = Packed(self.host_id, at, pack(every, lines))
        ended = self._minutes.add(at, lines)
        if ended is not None:
            minute_at, minute = ended
            await self._inherit(minute)
            self._trail.add(minute_at, minute)
            trail = self._trail.table()
            packed = Packed(
                self.host_id, at, packed.sweep, minute_at, pack(max(MINUTE, every), minute),
                pack(MINUTE, trail),
            )  # fmt: skip
        self.ledger.add(packed)

    async def _inherit(self, minute: Table) -> None:
        """Go on with what a new container was given of the one that it was made of."""
        if young := self._trail.young(minute):
            with contextlib.suppress(DatabaseError):
                self._trail.fill(await self.database.run(read_trail, self.host_id, young))


def read_rows(host_id: int) -> dict[str, int]:
    """Return our id of each container of a host by the engine's."""
    return dict(Container.objects.filter(host_id=host_id).values_list("engine_id", "pk"))


def read_trail(host_id: int, some: Collection[int] | None = None) -> Trail:
    """Return the last minutes of a host, as far as they are kept; of `some` keys, or of all."""
    row = UsageNow.objects.filter(host_id=host_id).first()
    lines = unpack(row.trail)[1] if row and row.trail else {}
    kept = lines if some is None else {key: lines[key] for key in some if key in lines}
    return Trail.of(row.minute, kept) if row else Trail()


async def keep_books(
    ledger: Ledger, write: Callable[[list[Packed]], Awaitable[None]], seconds: float
) -> None:
    """Write what was read of all hosts together, every few seconds; watch our own load."""
    burnt, at = time.thread_time(), time.monotonic()
    while True:
        await asyncio.sleep(seconds)
        now = time.monotonic()
        share, burnt, at = (time.thread_time() - burnt) / (now - at), time.thread_time(), now
        ledger.load = next_load(ledger.load, share)
        rows = ledger.take()
        try:
            await write(rows)
        except BaseException:
            ledger.put_back(rows)
            raise


BUSY_LOOP, IDLE_LOOP = 0.6, 0.3  # of a core, for the thread in which all hosts are followed


def next_load(load: float, share: float) -> float:
    """Return how much rarer to read, where this thread used `share` of a core."""
    if share > BUSY_LOOP:
        return min(RAREST, load * 1.5)
    return max(1.0, load / 1.5) if share < IDLE_LOOP else load
