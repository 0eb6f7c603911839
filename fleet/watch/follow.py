"""Following one host for as long as its lease is ours, through every failure of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import structlog
from django.db import Error as DatabaseError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fleet.cancel import first_of
from fleet.crypto import SecretLost
from fleet.engine.aio import AsyncEngine, open_async
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import BadEndpoint, Denied, EngineError, Untrusted
from fleet.engine.types import EngineFacts
from fleet.models import Host
from fleet.watch.database import Database
from fleet.watch.fence import LeaseLost
from fleet.watch.hints import tell_containers, tell_host, tell_images
from fleet.watch.hosts import save_reachable, save_unreachable
from fleet.watch.image_rows import ImageBatch, save_images
from fleet.watch.lag import Lag
from fleet.watch.sampling import Ledger, Sampler
from fleet.watch.session import Outlet, Session, Timing
from fleet.watch.story import Story
from fleet.watch.writer import OUR_KINDS, Batch, Saved, save_batch, take_over

P = ParamSpec("P")
T = TypeVar("T")
log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4.0
# What only a person can put right is tried seldom; a change of the host's row tries at once.
SLOW_PAUSE = 15.0
FOR_A_PERSON = (Untrusted, Denied, BadEndpoint, SecretLost)
# A connection that lasted so long and then broke may be a blip: try once before alarming anybody.
STEADY_SECONDS = 5.0
OUR_FAULT = _("Quayside failed while following this host. The log of the watcher says why.")


class Follower:
    """Keeps the rows of one host true, under the lease of that number.

    `may_write` tells whether that lease still is ours; the rows themselves tell once more.
    """

    def __init__(
        self,
        host: Host,
        lease: int,
        database: Database,
        may_write: Callable[[], bool],
        timing: Timing,
        ledger: Ledger | None = None,
    ) -> None:
        self.ledger = ledger
        self.host, self.lease, self.database, self.timing = host, lease, database, timing
        self.alive_at = 0.0  # monotonic time of the last sign of life
        self.lag = Lag()
        self.met_at = 0.0  # monotonic time when the row was last made reachable
        self._may_write = may_write
        self._connected_at = 0.0
        self._failures = 0

    async def run(self) -> None:
        """Follow until cancelled; returns when the host is gone, disabled or not ours."""
        while True:
            try:
                pause = await self._try()
            except (Host.DoesNotExist, LeaseLost):
                return
            except DatabaseError as error:
                # The next session reads everything again: nothing is lost, only late.
                log.warning("watch_database", host=self.host.name, error=str(error))
                pause = LONGEST_PAUSE
            await asyncio.sleep(pause)

    async def _try(self) -> float:
        """Follow once; return how many seconds to pause before the next time."""
        self._connected_at = 0.0
        try:
            await self._follow()
        except FOR_A_PERSON as error:
            await self._fail(getattr(error, "code", "secret_lost"), str(error))
            return SLOW_PAUSE * _jitter()
        except EngineError as error:
            if self._was_steady():
                self._failures = 0
                if error.code == "disconnected":
                    return FIRST_PAUSE * _jitter()
            await self._fail(error.code, str(error))
        except (Host.DoesNotExist, LeaseLost, DatabaseError):
            raise
        except Exception:
            log.exception("watch_failed", host=self.host.name)
            await self._fail("watcher", str(OUR_FAULT))
        self._failures += 1
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 10)) * _jitter()

    def _was_steady(self) -> bool:
        return self._connected_at > 0 and time.monotonic() - self._connected_at > STEADY_SECONDS

    async def _follow(self) -> None:
        endpoint = Endpoint(**self.host.endpoint_fields())
        timing = self.timing
        async with open_async(endpoint, timing.connect, timing.read) as engine:
            facts = await engine.facts()
            past = await self._write(take_over)
            async with engine.events(past.since) as stream:
                # From here on nothing is missed: only now the host counts as reachable.
                await self._meet(engine, facts)
                self._connected_at = time.monotonic()
                self.lag.catch_up()  # what another session had not written comes again
                sampler = self._sampler(engine, past.story)
                outlet = Outlet(
                    self.database,
                    self._save,
                    self._save_images,
                    self._greet,
                    self._live,
                    self.lag,
                    sampler.hear if sampler else lambda _: None,
                )
                session = Session(self.host.id, engine, past.story, outlet, timing)
                following = session.follow(stream, fresh=past.since is None)
                await first_of(following, *([sampler.run()] if sampler else []))

    def _sampler(self, engine: AsyncEngine, story: Story) -> Sampler | None:
        """Return what reads the usage of the containers that run, where that is wished."""
        if self.ledger is None or not self.timing.sample:
            return None
        return Sampler(
            self.host.id, engine, story.up, self.database, self.ledger, self.timing.sample
        )

    def _live(self) -> None:
        self.alive_at = time.monotonic()

    async def _greet(self, engine: AsyncEngine) -> None:
        """Ask the engine what it is now, and write that."""
        await self._meet(engine, await engine.facts())

    async def _meet(self, engine: AsyncEngine, facts: EngineFacts) -> None:
        key = engine.learned_host_key
        saved = await self._write(save_reachable, facts, key)
        # What we pinned ourselves is no change that needs a new connection.
        self.host.ssh_host_key = self.host.ssh_host_key or key
        self._live()
        self.met_at = time.monotonic()
        await tell_host(self.host.id, saved)

    async def _fail(self, code: str, message: str) -> None:
        self.alive_at = self.met_at = 0.0
        saved = await self._write(save_unreachable, code, message)
        if saved.events:
            log.info("host_unreachable", host=self.host.name, code=code)
        await tell_host(self.host.id, saved)

    async def _save(self, batch: Batch) -> Saved:
        saved = await self._write(save_batch, self.host.name, batch)
        theirs = (event.at for event in batch.events if event.kind not in OUR_KINDS)
        self.lag.written(theirs, timezone.now())
        await tell_containers(self.host.id, saved)
        return saved

    async def _save_images(self, batch: ImageBatch) -> Saved:
        saved = await self._write(save_images, self.host.name, batch)
        await tell_images(self.host.id, saved)
        return saved

    async def _write(
        self, work: Callable[Concatenate[int, int, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do work that writes, unless the lease is over already."""
        if not self._may_write():
            raise LeaseLost
        return await self.database.run(work, self.host.id, self.lease, *args, **kwargs)


def _jitter() -> float:
    return random.uniform(0.7, 1.0)  # noqa: S311
