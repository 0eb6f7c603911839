"""All logs that are read in this process (event loop)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from weakref import WeakKeyDictionary

from fleet.logs.reader import Place, Reader
from fleet.logs.target import LogTarget
from fleet.logs.upstream import Upstream

Key = tuple[int, str]


class LogHub:
    """Shares one upstream per container among its readers."""

    def __init__(self) -> None:
        self.upstreams: dict[Key, Upstream] = {}

    @contextmanager
    def reading(
        self, target: LogTarget, after: Place | None = None, since: datetime | None = None
    ) -> Iterator[Reader]:
        """Give a reader of a log, from its last lines or from `after` on, nothing before `since`.

        At the end of the block the reader leaves; the last one takes the upstream with it.
        """
        reader = Reader(after, since)
        upstream = self._upstream(target)
        upstream.join(reader)
        try:
            yield reader
        finally:
            upstream.readers.discard(reader)
            if not upstream.readers:
                self._close(upstream)

    def _upstream(self, target: LogTarget) -> Upstream:
        found = self.upstreams.get(target.key)
        if found is None or found.end is not None:
            found = self.upstreams[target.key] = Upstream(target)
        return found

    def _close(self, upstream: Upstream) -> None:
        upstream.task.cancel()
        if self.upstreams.get(upstream.target.key) is upstream:
            del self.upstreams[upstream.target.key]


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, LogHub] = WeakKeyDictionary()


def open_logs() -> tuple[int, int]:
    """Return how many logs this process reads, and how many read along, whatever thread asks."""
    upstreams = [one for hub in list(_hubs.values()) for one in list(hub.upstreams.values())]
    return len(upstreams), sum(len(one.readers) for one in upstreams)


def current_log_hub() -> LogHub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = LogHub()
    return _hubs[loop]
