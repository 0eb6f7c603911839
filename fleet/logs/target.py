"""Whose log is read, as far as the database knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import structlog
from django.db import DatabaseError, close_old_connections

from fleet.access import access_container
from fleet.actor import Actor
from fleet.crypto import SecretLost
from fleet.engine.endpoint import Endpoint
from fleet.logs.marks import Mark
from fleet.models import Host, HostState

LOGS = "container.logs"
LOOK_SECONDS = 5.0  # between two looks at the host of what is being read
log = structlog.get_logger(__name__)


class Silence(NamedTuple):
    """Since when the watcher gets no answer of a host, and why (EngineError.code)."""

    since: datetime
    code: str


@dataclass(frozen=True)
class LogTarget:
    """A container on its engine: readers of equal ones share a stream.

    `problem` says why it cannot be read.
    """

    host_id: int
    engine_id: str
    endpoint: Endpoint | None
    problem: Mark | None = None
    silence: Silence | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[int, str]:
        """What makes it this log, whatever the address of its host."""
        return self.host_id, self.engine_id


def log_target(actor: Actor, pk: int) -> LogTarget:
    """Return the log of a container. Raises Unknown, Refused without `container.logs`."""
    row = access_container(actor, pk, LOGS)
    return target_of(row.host, row.engine_id)


def fresh_target(old: LogTarget) -> LogTarget:
    """Return the target as its host is now: somebody may have changed its address."""
    host = Host.objects.filter(pk=old.host_id).first()
    if host is None or not host.enabled:
        return LogTarget(old.host_id, old.engine_id, None, Mark("host_gone"))
    return target_of(host, old.engine_id)


def target_of(host: Host, engine_id: str) -> LogTarget:
    """Return a container of a host as what is read from its engine."""
    if not host.enabled:
        return LogTarget(host.pk, engine_id, None, Mark("host_gone"))
    away = host.state == HostState.UNREACHABLE
    silence = Silence(host.state_since, host.state_code) if away else None
    try:
        endpoint = Endpoint(**host.endpoint_fields())
        return LogTarget(host.pk, engine_id, endpoint, silence=silence)
    except SecretLost as error:
        return LogTarget(host.pk, engine_id, None, Mark("secret_lost", str(error)))


async def renewed(target: LogTarget) -> LogTarget:
    """Return the target as its host is now; as it was while the database does not answer."""
    return await asyncio.to_thread(read_target, target)


async def moved(target: LogTarget, hear: Callable[[Silence | None], None]) -> None:
    """Return once the host has another address, or none: switched off, removed.

    Meanwhile `hear` is told what the watcher says of it.
    """
    while (now := await renewed(target)).endpoint == target.endpoint:
        if now is not target:  # the database has answered
            hear(now.silence)
        await asyncio.sleep(LOOK_SECONDS)


def read_target(target: LogTarget) -> LogTarget:
    """Return the target as its host is now, for a thread of its own."""
    close_old_connections()
    try:
        return fresh_target(target)
    except DatabaseError as error:
        log.warning("target_unread", host=target.host_id, error=str(error))
        return target
    finally:
        close_old_connections()
