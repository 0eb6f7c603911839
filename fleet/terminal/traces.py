"""What would be left in containers: by a web process that is killed, or behind a cable that is cut.

Each session leaves a trace in Redis while its process runs, and each web process a sign of life.
Where the sign is missing, nobody can come back to the session: a worker ends its process. So it
does with a trace that nobody owns: its host was away when the process was to be ended.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from fleet.engine.aio import open_async
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError, NotFound
from fleet.jobs.redis import redis_client
from fleet.logs.target import target_of
from fleet.models import Host, HostState
from fleet.terminal.process import Mark, hang_up_by_number

TRACES = "quayside:terminal:traces"
ALIVE_SECONDS = 60  # a process that does not say anything for so long is gone
GIVEN_UP_SECONDS = 7 * 86400.0  # its host has been away for all that time
SECONDS = 15.0  # for one process
NOBODY = ""  # owns what a session could not end
log = structlog.get_logger(__name__)


def alive_key(process: str) -> str:
    """Where a web process says that it lives."""
    return f"quayside:terminal:alive:{process}"


@dataclass(frozen=True)
class Trace:
    """A process, where it runs, and which web process looks after it."""

    owner: str
    host_id: int
    container: str
    exec_id: str
    number: int
    user: str
    at: float

    @property
    def mark(self) -> Mark:
        """By which it is ended."""
        return Mark(self.container, self.exec_id, self.number, self.user)


class Traces:
    """One web process's traces. Redis may be away: then there are none."""

    def __init__(self, redis: Redis, owner: str) -> None:
        self._redis, self._owner = redis, owner
        self._background: set[asyncio.Task[None]] = set()

    def leave(self, session: str, host_id: int, mark: Mark) -> None:
        """Write down that a process runs."""
        self._soon(self._set(session, host_id, mark, self._owner))

    def hand_over(self, session: str, host_id: int, mark: Mark) -> None:
        """Write down that it may run for good unless a worker ends it."""
        self._soon(self._set(session, host_id, mark, NOBODY))

    def remove(self, session: str) -> None:
        """It does not run any more."""
        self._soon(self._delete(session))

    async def _set(self, session: str, host_id: int, mark: Mark, owner: str) -> None:
        facts = vars(mark) | {"owner": owner, "host_id": host_id, "at": time.time()}
        call: Any = self._redis.hset
        await call(TRACES, session, json.dumps(facts))

    async def _delete(self, session: str) -> None:
        call: Any = self._redis.hdel
        await call(TRACES, session)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        async def quietly() -> None:
            with suppress(RedisError, OSError, TimeoutError):
                await work

        task = asyncio.create_task(quietly())
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def end_left() -> int:
    """End what was left behind; return how many traces are gone. For workers."""
    redis = redis_client()
    if redis is None:
        return 0
    kept: Any = redis.hgetall(TRACES)
    gone, away = 0, set[int]()
    for session, text in kept.items():
        trace = Trace(**json.loads(text))
        if trace.owner != NOBODY and redis.exists(alive_key(trace.owner)):
            continue
        if _end(trace, away):
            gone += int(redis.hdel(TRACES, session))  # type: ignore[arg-type]  # not awaitable here
    return gone


def _end(trace: Trace, away: set[int]) -> bool:
    """Return whether there is nothing to be done about it any more.

    `away` are hosts that did not answer: they are asked once, for the reaper waits behind us.
    """
    host = Host.objects.filter(pk=trace.host_id).first()
    endpoint = target_of(host, trace.container).endpoint if host else None
    if host is None or time.time() - trace.at > GIVEN_UP_SECONDS:
        return True
    if endpoint is None or host.pk in away or host.state == HostState.UNREACHABLE:
        return False
    try:
        asyncio.run(_hang_up(endpoint, trace))
    except NotFound:
        return True
    except (EngineError, TimeoutError) as error:
        log.info("terminal_left", host=host.name, error=str(error))
        away.add(host.pk)
        return False
    log.info("terminal_ended", host=host.name, container=trace.container[:12])
    return True


async def _hang_up(endpoint: Endpoint, trace: Trace) -> None:
    async with asyncio.timeout(SECONDS), open_async(endpoint) as engine:
        await hang_up_by_number(engine, trace.mark)
