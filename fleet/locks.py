"""Locks by name, held until the surrounding transaction ends.

PostgreSQL has them; SQLite's transactions are immediate, one at a time, and need none.
"""

from __future__ import annotations

import hashlib

from django.db import connection


def lock(name: str, *, shared: bool = False) -> None:
    """Wait until nobody else holds the lock; shared ones only wait for who holds it alone."""
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [number])
