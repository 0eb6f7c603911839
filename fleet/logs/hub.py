"""All logs that are read in this process (event loop)."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from datetime import datetime
from weakref import WeakKeyDictionary

from fleet.logs.clocks import Clocks
from fleet.logs.places import Place
from fleet.logs.reader import ALL_BYTES, QUEUE_BYTES, Reader
from fleet.logs.shared import Shared
from fleet.logs.target import LogTarget
from fleet.logs.upstream import LogUpstream


class LogHub(Shared[Reader]):
    """Logs by container."""

    def __init__(self) -> None:
        self.clocks = Clocks()
        super().__init__(lambda target: LogUpstream(target, self.clocks))

    def reading(
        self, target: LogTarget, after: Place | None = None, since: datetime | None = None
    ) -> AbstractContextManager[Reader]:
        """Give a reader of a log, from its last lines or from `after` on; none before `since`."""
        return self.joined(target, Reader(after, since, self._share))

    def _share(self) -> int:
        """Return how many bytes may wait for each reader: all together they are bounded too."""
        return min(QUEUE_BYTES, ALL_BYTES // max(1, self.readers))


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
