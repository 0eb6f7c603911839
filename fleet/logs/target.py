"""Whose log is read, as far as the database knows."""

from __future__ import annotations

from dataclasses import dataclass

from fleet.access import access_container
from fleet.actor import Actor
from fleet.crypto import SecretLost
from fleet.engine.endpoint import Endpoint
from fleet.logs.marks import Mark
from fleet.models import Host

LOGS = "container.logs"


@dataclass(frozen=True)
class LogTarget:
    """A container on its engine: readers of equal ones share a stream.

    `problem` says why it cannot be read.
    """

    host_id: int
    engine_id: str
    endpoint: Endpoint | None
    problem: Mark | None = None

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
    try:
        return LogTarget(host.pk, engine_id, Endpoint(**host.endpoint_fields()))
    except SecretLost as error:
        return LogTarget(host.pk, engine_id, None, Mark("secret_lost", str(error)))
