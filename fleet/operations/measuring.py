"""Measuring disks by schedule, so that a host's page has figures before anybody asks."""

from __future__ import annotations

from fleet.access import AccessError
from fleet.actor import system_actor
from fleet.operations.errors import Invalid
from fleet.operations.host_jobs import hosts_to_measure
from fleet.operations.requests import request


def measure_disks() -> int:
    """Ask for the jobs that are due; return how many. A host that went meanwhile is left out."""
    asked = 0
    for host_id in hosts_to_measure():
        try:
            request("host.refresh", actor=system_actor(), target_id=host_id)
        except (AccessError, Invalid):
            continue
        asked += 1
    return asked
