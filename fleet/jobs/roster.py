"""Who is at work: workers and beats tell Redis of themselves, pages read it."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings
from redis import RedisError

from fleet.jobs.redis import redis_client

WORKER = "quayside:worker:"
BEAT = "quayside:beat:"
KEPT_SECONDS = 15  # a silent one is forgotten after this

Facts = TypeVar("Facts", "WorkerFacts", "BeatFacts")


@dataclass(frozen=True)
class WorkerFacts:
    """One worker process; times are aware, in UTC."""

    id: str
    queues: list[str]
    concurrency: int
    busy: int
    version: str
    pid: int
    machine: str
    started_at: datetime
    seen_at: datetime
    scans: bool = False  # it has what scans images


@dataclass(frozen=True)
class BeatFacts:
    """One beat process: the active one, or one that stands by."""

    id: str
    active: bool
    version: str
    pid: int
    machine: str
    started_at: datetime
    seen_at: datetime


def common_facts() -> dict[str, Any]:
    """Return what every process says of itself."""
    return {"version": settings.VERSION, "pid": os.getpid(), "machine": platform.node()}


def tell(prefix: str, facts: WorkerFacts | BeatFacts) -> None:
    """Write a process's facts, to be forgotten when it falls silent. Raises RedisError."""
    client = redis_client()
    if client is not None:
        client.set(prefix + facts.id, json.dumps(asdict(facts), default=_iso), ex=KEPT_SECONDS)


def forget(prefix: str, key: str) -> None:
    """Take a process off the list: it ends in order. Raises RedisError."""
    client = redis_client()
    if client is not None:
        client.delete(prefix + key)


def workers() -> list[WorkerFacts]:
    """Return the workers that live, by id. Raises RedisError."""
    return _read(WORKER, WorkerFacts)


def at_once_on(queue: str) -> int | None:
    """Return how many jobs of a queue all workers run at the same time; None: nobody knows."""
    try:
        serving = [worker.concurrency for worker in workers() if queue in worker.queues]
    except RedisError:
        return None
    return sum(serving) or None


def beats() -> list[BeatFacts]:
    """Return the beats that live, the active one first. Raises RedisError."""
    return sorted(_read(BEAT, BeatFacts), key=lambda beat: not beat.active)


def _read(prefix: str, kind: type[Facts]) -> list[Facts]:
    client = redis_client()
    if client is None:
        return []
    keys = sorted(client.scan_iter(match=f"{prefix}*", count=500))
    found: list[Any] = client.mget(keys) if keys else []  # type: ignore[assignment]
    known = {field.name for field in fields(kind)}
    told = (_times(json.loads(text)) for text in found if text)
    # While one updates, newer processes tell more than older ones know of.
    return [kind(**{name: facts[name] for name in facts.keys() & known}) for facts in told]


def _iso(value: Any) -> str:
    return str(value.isoformat())


def _times(facts: dict[str, Any]) -> dict[str, Any]:
    for name in ("started_at", "seen_at"):
        facts[name] = datetime.fromisoformat(facts[name]).astimezone(UTC)
    return facts
