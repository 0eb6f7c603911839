"""What is read from an engine once for all who look: the last reader takes it with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from fleet.logs.target import LogTarget

R = TypeVar("R")


class Upstream(Protocol[R]):
    """A task that reads one container for its readers."""

    target: LogTarget
    readers: set[R]
    task: asyncio.Task[None]

    @property
    def over(self) -> bool:
        """Whether nothing more will come: who joins now begins anew."""

    def join(self, reader: R) -> None:
        """Let a reader have what is kept, and all that comes."""


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
