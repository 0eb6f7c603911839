"""What is read from an engine once for all who look: the last reader takes it with it.

It goes on through lost hosts: `Upstream` tries again until what it reads is gone for good.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar, Generic, TypeVar

import structlog

from fleet.cancel import first_of
from fleet.engine.aio import AsyncEngine, open_async
from fleet.engine.errors import EngineError
from fleet.logs.host_silence import HostSilence
from fleet.logs.marks import Mark, end_of
from fleet.logs.target import LogTarget, moved, renewed

FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0  # seconds between attempts to reach a host
R = TypeVar("R")
log = structlog.get_logger(__name__)


class Upstream(ABC, Generic[R]):
    """A task that reads one container for its readers, until cancelled or over."""

    kind: ClassVar[str]  # what is read, in our own log

    def __init__(self, target: LogTarget) -> None:
        self.target = target
        self.readers: set[R] = set()
        self.end: Mark | None = None
        self.away = False  # readers were told that the host does not answer, and nothing since
        self.task = asyncio.create_task(self._run())

    @property
    def over(self) -> bool:
        """Whether nothing more will come: who joins now begins anew."""
        return self.end is not None

    @abstractmethod
    def join(self, reader: R) -> None:
        """Let a reader have what is kept, and all that comes."""

    @abstractmethod
    async def _read(self, engine: AsyncEngine) -> None:
        """Read while the host answers. Raises EngineError when host or container go."""

    @abstractmethod
    def tell_away(self, error: EngineError) -> None:
        """Tell that the host does not answer, for the first time or again."""

    def tell_back(self) -> None:
        """Tell that it answers again, unless what is read tells that by itself."""

    def _finish(self, end: Mark) -> None:
        """Tell readers why nothing more will come."""
        self.end = end

    async def _run(self) -> None:
        try:
            self._finish(await self._stay_connected())
        except Exception:
            target = self.target
            log.exception(f"{self.kind}_failed", host=target.host_id, container=target.engine_id)
            self._finish(Mark("broken"))

    async def _stay_connected(self) -> Mark:
        """Read until it is over for good, reaching the host again and again; return why."""
        wait = FIRST_WAIT
        while True:
            if self.target.endpoint is None:
                return self.target.problem or Mark("host_gone")
            try:
                async with open_async(self.target.endpoint) as engine:
                    watched = HostSilence(self)
                    await first_of(self._read(engine), moved(self.target, watched.hear))
            except EngineError as error:
                if (end := end_of(error)) is not None:
                    return end
                wait = wait if self.away else FIRST_WAIT
                self.tell_away(error)
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311 - not a secret
            wait = min(wait * 2, LONGEST_WAIT)
            self.target = await renewed(self.target)


class Shared(Generic[R]):
    """Shares one upstream per container among its readers."""

    def __init__(self, begin: Callable[[LogTarget], Upstream[R]]) -> None:
        self._begin = begin
        self.upstreams: dict[tuple[int, str], Upstream[R]] = {}
        self.readers = 0

    @contextmanager
    def joined(self, target: LogTarget, reader: R) -> Iterator[R]:
        """Let a reader read until the end of the block; the last one ends the upstream."""
        upstream = self.upstreams.get(target.key)
        if upstream is None or upstream.over:
            upstream = self.upstreams[target.key] = self._begin(target)
        upstream.join(reader)
        self.readers += 1
        try:
            yield reader
        finally:
            self.readers -= 1
            upstream.readers.discard(reader)
            if not upstream.readers:
                upstream.task.cancel()
                if self.upstreams.get(target.key) is upstream:
                    del self.upstreams[target.key]
