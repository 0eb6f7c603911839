"""The fence before a host's rows: who took the lease later has the say.

A lease is believed in before a write waits for its turn, and the wait may outlast it. So each
taking of leases has a number (`leases.py`), higher than every one before. The highest that has
written is on the host's row; a write that carries a lower one comes too late.
"""

from __future__ import annotations

from fleet.models import Host


class LeaseLost(Exception):
    """The host is no longer ours to write about."""


def lock_host(host_id: int, lease_number: int) -> Host:
    """Lock a host's row until the transaction ends, and write our number on it.

    The first statement of every transaction that writes what a watcher saw. On SQLite, the
    transaction itself has locked the database. Raises LeaseLost, or Host.DoesNotExist.
    """
    host = Host.objects.select_for_update(no_key=True).get(id=host_id)
    if host.lease_number > lease_number:
        raise LeaseLost
    if host.lease_number < lease_number:
        Host.objects.filter(id=host_id).update(lease_number=lease_number)
    return host
