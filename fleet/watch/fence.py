"""The fence before a host's rows: who took the lease later has the say.

A lease is believed in before a write waits for its turn, and the wait may outlast it. So each
taking of leases has a number (`leases.py`), higher than every one before. The highest that has
written is on the host's row; a write that carries a lower one comes too late.
"""

from __future__ import annotations

from django.db import connection

from fleet.models import Host

# The longest that a transaction may be silent with a host's row locked, in seconds. Ours never
# are, unless the machine freezes or its network is cut: then PostgreSQL ends them, or nobody else
# could ever write about the host.
IDLE_SECONDS = 10.0


class LeaseLost(Exception):
    """The host is no longer ours to write about."""


def lock_host(host_id: int, lease_number: int) -> Host:
    """Lock a host's row until the transaction ends, and write our number on it.

    The first statement of every transaction that writes what a watcher saw. On SQLite, the
    transaction itself has locked the database. Raises LeaseLost, or Host.DoesNotExist.
    """
    _end_when_idle()
    host = Host.objects.select_for_update(no_key=True).get(id=host_id)
    if host.lease_number > lease_number:
        raise LeaseLost
    if host.lease_number < lease_number:
        Host.objects.filter(id=host_id).update(lease_number=lease_number)
    return host


def _end_when_idle() -> None:
    """Let the server end this transaction when nothing more is heard from us."""
    if connection.vendor != "postgresql":
        return
    milliseconds = f"{IDLE_SECONDS * 1000:.0f}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, true)", [milliseconds]
        )
