"""The jobs' own small use of Redis: the roster, the bell and beat's lock.

Everything here is a convenience: while Redis is away jobs in progress go on, and are only
cancelled or reaped a little later.
"""

from __future__ import annotations

from functools import lru_cache

import redis
from django.conf import settings

TIMEOUT = 2.0  # seconds; the pulse of a worker must not wait longer for Redis


@lru_cache(maxsize=4)
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, decode_responses=True
    )


def redis_client() -> redis.Redis | None:
    """Return this process's client; None when everything is in memory (one process)."""
    return None if settings.IN_MEMORY else _client(settings.REDIS_URL)
