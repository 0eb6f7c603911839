"""The watchers that live now, for pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from redis import Redis

from fleet.jobs.redis import redis_client
from fleet.watch.leases import ROSTER, watcher_key


@dataclass(frozen=True)
class WatcherFacts:
    """One watcher: where it runs, how many hosts it follows, its last sign of life."""

    id: str
    hostname: str
    pid: int
    version: str
    hosts: int
    started: datetime
    beat: datetime


def watchers() -> list[WatcherFacts]:
    """Return the live watchers, the oldest first. Raises RedisError."""
    client = redis_client()
    return [] if client is None else _read(client)


def _read(client: Redis) -> list[WatcherFacts]:
    # redis-py types its answers for both its clients at once.
    ids = cast("list[str]", client.zrange(ROSTER, 0, -1))
    pipeline = client.pipeline(transaction=False)
    for watcher_id in ids:
        pipeline.hgetall(watcher_key(watcher_id))
    found = zip(ids, pipeline.execute(), strict=True)
    # An entry without fields is that of a watcher that died and is not yet off the list.
    facts = [_facts(watcher_id, fields) for watcher_id, fields in found if fields]
    return sorted(facts, key=lambda one: one.started)


def _facts(watcher_id: str, fields: dict[str, str]) -> WatcherFacts:
    return WatcherFacts(
        id=watcher_id,
        hostname=fields.get("hostname", ""),
        pid=int(fields.get("pid", 0)),
        version=fields.get("version", ""),
        hosts=int(fields.get("hosts", 0)),
        started=datetime.fromtimestamp(float(fields.get("started", 0)), UTC),
        beat=datetime.fromtimestamp(float(fields.get("beat", 0)), UTC),
    )
