"""One connection to one host, from the first list to the last event.

1. The event stream is open before the first list, so nothing falls between the two.
2. List, inspect everything, write what differs, in chunks; events that came are told between them.
3. Then every event is told as it comes: what it touched is inspected once, however many events
   arrived while the batch before was written, and everything goes into one transaction.
4. Now and then, list again: an event that was lost is a change that a list finds.
5. Images are listed beside all that (`images.py`): their list may take its time.
6. All the while the host is asked whether it still lives; a quiet stream proves nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import structlog
from django.utils import timezone

from fleet.cancel import first_of
from fleet.engine.aio import AsyncEngine
from fleet.engine.errors import EngineError, NotFound, Unreachable
from fleet.engine.stream import Stream
from fleet.engine.types import ContainerFacts, EngineEvent
from fleet.models import Event
from fleet.watch.database import Database
from fleet.watch.image_rows import ImageBatch
from fleet.watch.images import ImageWatch
from fleet.watch.lag import Lag
from fleet.watch.story import Story, is_noise, network_member, touched
from fleet.watch.writer import Batch, Saved, rows_not_in

log = structlog.get_logger(__name__)

CHUNK = 50  # containers in one transaction: other hosts write in between
EVENTS_AT_ONCE = 200
INBOX = 10_000  # events that may wait; beyond that the engine has to
INSPECTIONS = 8  # at once; two connections of the ten stay free for the pulse


@dataclass(frozen=True)
class Timing:
    """How long and how often, in seconds.

    A cut cable is noticed after `pulse` + 2 * `pulse_timeout` at the latest.
    """

    connect: float = 4.0
    read: float = 10.0
    pulse: float = 3.0
    pulse_timeout: float = 2.5
    grace: float = 2.0  # how long a change found by a list waits for its event
    relist: float = 300.0
    image_pause: float = 2.0  # between two lists of images, at least
    sample: float = 0.0  # between two readings of what containers use; 0: none


@dataclass(frozen=True)
class Outlet:
    """Where a session's findings go: `save` and `save_images` write a batch and hint at it."""

    database: Database
    save: Callable[[Batch], Awaitable[Saved]]
    save_images: Callable[[ImageBatch], Awaitable[Saved]]
    greet: Callable[[AsyncEngine], Awaitable[None]]
    alive: Callable[[], None]
    lag: Lag
    hear: Callable[[EngineEvent], None]  # of every event, as it comes


class Session:
    """Follows one host over one connection; see the module's text."""

    def __init__(
        self, host_id: int, engine: AsyncEngine, story: Story, outlet: Outlet, timing: Timing
    ) -> None:
        self.host_id, self.engine, self.story = host_id, engine, story
        self.outlet, self.timing = outlet, timing
        self.images = ImageWatch(
            host_id,
            engine,
            outlet.database,
            outlet.save_images,
            pause=timing.image_pause,
            relist=timing.relist,
        )
        self._inbox: asyncio.Queue[EngineEvent] = asyncio.Queue(INBOX)
        self._places = asyncio.Semaphore(INSPECTIONS)
        self._confess_at = self._relist_at = 0.0

    async def follow(self, stream: Stream[EngineEvent], *, fresh: bool) -> None:
        """Follow until something fails; never returns. `fresh`: nothing is known of the host.

        Raises EngineError, Host.DoesNotExist, or whatever the outlet raises.
        """
        await first_of(
            self._receive(stream), self._feel_pulse(), self._work(fresh), self.images.run()
        )

    # -- the tasks ------------------------------------------------------------------------

    async def _receive(self, stream: Stream[EngineEvent]) -> None:
        async for event in stream:
            self.images.hear(event)
            self.outlet.hear(event)
            if not is_noise(event):
                self.outlet.lag.wait()
                await self._inbox.put(event)

    async def _feel_pulse(self) -> None:
        """Ask for a sign of life; one lost answer is forgiven."""
        await asyncio.sleep(random.uniform(0, self.timing.pulse))  # noqa: S311
        while True:
            try:
                await self._ping()
            except Unreachable:
                await self._ping()
            self.outlet.alive()
            await asyncio.sleep(self.timing.pulse)

    async def _ping(self) -> None:
        try:
            async with asyncio.timeout(self.timing.pulse_timeout):
                await self.engine.ping()
        except TimeoutError as error:
            raise Unreachable("timeout") from error

    async def _work(self, fresh: bool) -> None:
        await self._relist(fresh)
        while True:
            events = await self._next_events()
            if events:
                await self._tell(events)
            now = time.monotonic()
            if self.story.suspects and now >= self._confess_at:
                await self._save(Batch(events=self.story.confess(timezone.now())))
            if now >= self._relist_at:
                await self.outlet.greet(self.engine)
                await self._relist(fresh=False)

    # -- events ---------------------------------------------------------------------------------

    async def _next_events(self) -> list[EngineEvent]:
        """Return all events that wait; none when something else is due first."""
        due = min(self._confess_at, self._relist_at) if self.story.suspects else self._relist_at
        if self._inbox.empty():
            try:
                async with asyncio.timeout(max(0.0, due - time.monotonic())):
                    return [await self._inbox.get(), *self._waiting()]
            except TimeoutError:
                return []
        return list(self._waiting())

    def _waiting(self) -> Iterator[EngineEvent]:
        for _ in range(min(self._inbox.qsize(), EVENTS_AT_ONCE)):
            yield self._inbox.get_nowait()

    async def _tell(self, events: Iterable[EngineEvent]) -> None:
        rows: list[Event] = []
        dirty, gone = set(), set()
        for event in events:
            row = self.story.tell(event)
            if row is None and not network_member(event):
                continue
            rows += [row] if row else []
            dirty.add(touched(event))
            if event.kind == "container" and event.action == "destroy":
                gone.add(event.object_id)
        facts, lost = await self._inspect(dirty - gone - {""})
        for one in facts:
            self.story.settle(one, rows)
        await self._save(Batch(facts, [*gone, *lost], rows))
        self.outlet.lag.catch_up(more=not self._inbox.empty())

    # -- lists ----------------------------------------------------------------------------------

    async def _relist(self, fresh: bool) -> None:
        """Bring the rows of all containers up to date; events go on being told meanwhile."""
        listed = [one.engine_id for one in await self.engine.list_containers()]
        gone = await self.outlet.database.run(rows_not_in, self.host_id, set(listed))
        self.story.miss(gone)
        await self._save(Batch(gone=list(gone)))
        remaining = iter(listed)
        while chunk := list(islice(remaining, CHUNK)):
            facts, lost = await self._inspect(chunk)
            for one in facts:
                if fresh:
                    self.story.begin(one)
                else:
                    self.story.compare(one)
            await self._save(Batch(facts, lost))
            if not self._inbox.empty():
                await self._tell(list(self._waiting()))
        now = time.monotonic()
        self._confess_at = now + self.timing.grace
        # Jitter: a hundred hosts that were added together must not list together for ever.
        self._relist_at = now + self.timing.relist * random.uniform(0.9, 1.1)  # noqa: S311

    # -- both -----------------------------------------------------------------------------------

    async def _inspect(self, ids: Iterable[str]) -> tuple[list[ContainerFacts], list[str]]:
        """Return the facts of containers, and the ids of those that are gone.

        A container that the engine cannot describe keeps the row that it has.
        """
        wanted = list(ids)
        answers = await asyncio.gather(*map(self._look_at, wanted), return_exceptions=True)
        facts, lost = [], []
        for engine_id, answer in zip(wanted, answers, strict=True):
            if isinstance(answer, ContainerFacts):
                facts.append(answer)
            elif isinstance(answer, NotFound):
                lost.append(engine_id)
            elif isinstance(answer, EngineError) and not isinstance(answer, Unreachable):
                log.warning("container_unreadable", host=self.host_id, container=engine_id[:12],
                            code=answer.code, said=answer.raw[:200])  # fmt: skip
            elif isinstance(answer, BaseException):
                raise answer
        return facts, lost

    async def _look_at(self, engine_id: str) -> ContainerFacts:
        async with self._places:
            return await self.engine.container(engine_id)

    async def _save(self, batch: Batch) -> None:
        if batch:
            await self.outlet.save(batch)
