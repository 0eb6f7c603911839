"""Which container is measured, and where."""

from __future__ import annotations

from fleet.access import access_container
from fleet.actor import Actor
from fleet.logs.target import LogTarget, target_of

VIEW = "container.view"


def stats_target(actor: Actor, pk: int) -> LogTarget:
    """Return a container to be measured. Raises Unknown, Refused."""
    row = access_container(actor, pk, VIEW)
    return target_of(row.host, row.engine_id)
