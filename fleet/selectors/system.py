"""The state of Quayside itself: each part apart."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any

import django
import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Part:
    """One part: whether it is well, what to say of it, and facts to show."""

    name: str
    well: bool
    message: str
    facts: dict[str, Any] = field(default_factory=dict)
    seen_at: datetime | None = None


def database_part() -> Part:
    """Ask the database for one row."""
    name = _("Database")
    began = perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
            version = _database_version()
    except DatabaseError as error:
        return Part(name, False, _("It does not answer: %(why)s") % {"why": error})
    facts = {_("engine"): version, _("answered in"): f"{(perf_counter() - began) * 1000:.1f} ms"}
    return Part(name, True, _("Answers"), facts)


def _database_version() -> str:
    if connection.vendor == "sqlite":
        from django.db.backends.sqlite3.base import Database

        return f"SQLite {Database.sqlite_version}"
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"


def redis_client() -> redis.Redis:
    """Return a client with short time-outs, for looking only."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, decode_responses=True
    )


def redis_part() -> Part:
    """Ask Redis for its version."""
    name = "Redis"
    if settings.IN_MEMORY:
        return Part(name, True, _("In memory"))
    began = perf_counter()
    try:
        with redis_client() as client:
            info = client.info("server")
    except redis.RedisError as error:
        return Part(name, False, _("It does not answer: %(why)s") % {"why": error})
    version = info.get("redis_version", "")  # type: ignore[union-attr]
    facts = {_("version"): version, _("answered in"): f"{(perf_counter() - began) * 1000:.1f} ms"}
    return Part(name, True, _("Answers"), facts)


def versions() -> dict[str, str]:
    """Return the versions of what this process runs on."""
    return {
        "Quayside": settings.VERSION,
        "Django": django.get_version(),
        "Python": platform.python_version(),
    }
