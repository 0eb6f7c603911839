"""How far the rows of a host are behind its engine's events, told to whom it may concern.

Counted where events are written, and left in Redis every few seconds for `/metrics`: one small
value a host, which is gone soon after nobody follows the host any more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast

from redis.asyncio import Redis

from fleet.jobs.redis import redis_client

BOUNDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)  # seconds
RECENT = 60.0  # how long the slowest event is told of
KEPT_SECONDS = 30


@dataclass(frozen=True)
class LagFacts:
    """How far a host is behind now, and the events by how late they were written.

    `counts` are those within each of `BOUNDS`, and at last all others.
    """

    behind: float
    total: float  # seconds of all events together
    counts: list[int]


@dataclass
class Lag:
    """Counts for one host, as long as one watcher follows it."""

    total: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    _slowest: float = 0.0
    _slowest_at: float = 0.0
    _waiting_since: float | None = None

    def written(self, happened: Iterable[datetime], now: datetime) -> None:
        """Count events that have rows now. A clock that is ahead of ours is not behind."""
        moment = time.monotonic()
        for at in happened:
            late = max(0.0, (now - at).total_seconds())
            self.total += late
            self.counts[sum(late > bound for bound in BOUNDS)] += 1
            if late >= self._slowest or moment - self._slowest_at > RECENT:
                self._slowest, self._slowest_at = late, moment

    def wait(self) -> None:
        """An event came that has no row yet."""
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()

    def catch_up(self, *, more: bool = False) -> None:
        """All that came has rows; with `more`, all but what came meanwhile."""
        self._waiting_since = time.monotonic() if more else None

    def facts(self) -> LagFacts:
        """Return how it is now."""
        now = time.monotonic()
        recent = self._slowest if now - self._slowest_at <= RECENT else 0.0
        waits = now - self._waiting_since if self._waiting_since is not None else 0.0
        return LagFacts(max(recent, waits), self.total, list(self.counts))


def lag_key(host_id: int) -> str:
    """Return the Redis key of what is known of a host."""
    return f"quayside:lag:host:{host_id}"


async def keep_lags(redis: Redis, lags: Mapping[int, Lag]) -> None:
    """Leave what is known of some hosts for a while. Raises RedisError, OSError."""
    pipeline = redis.pipeline(transaction=False)
    for host_id, lag in lags.items():
        pipeline.set(lag_key(host_id), json.dumps(vars(lag.facts())), ex=KEPT_SECONDS)
    await pipeline.execute()


def lags_of(host_ids: Iterable[int]) -> dict[int, LagFacts]:
    """Return what is known of hosts by their ids. Raises RedisError."""
    client, ids = redis_client(), list(host_ids)
    if client is None or not ids:
        return {}
    found = cast("list[str | None]", client.mget([lag_key(host_id) for host_id in ids]))
    return {pk: LagFacts(**json.loads(text)) for pk, text in zip(ids, found, strict=True) if text}
