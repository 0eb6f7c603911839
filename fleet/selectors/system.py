"""The state of Quayside itself: each part apart."""

from __future__ import annotations

import platform
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any

import django
import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.translation import gettext as _

from fleet.jobs.roster import beats, workers
from fleet.watch.roster import watchers


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
        return f"SQLite {sqlite3.sqlite_version}"
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"


def redis_part() -> Part:
    """Ask Redis for its version."""
    name = "Redis"
    if settings.IN_MEMORY:
        return Part(name, True, _("In memory"))
    began = perf_counter()
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2
        ) as client:
            info = client.info("server")
    except redis.RedisError as error:
        return Part(name, False, _("It does not answer: %(why)s") % {"why": error})
    version = info.get("redis_version", "")
    facts = {_("version"): version, _("answered in"): f"{(perf_counter() - began) * 1000:.1f} ms"}
    return Part(name, True, _("Answers"), facts)


def versions() -> dict[str, str]:
    """Return the versions of what this process runs on."""
    return {
        "Quayside": settings.VERSION,
        "Django": django.get_version(),
        "Python": platform.python_version(),
    }


@dataclass(frozen=True)
class Process:
    """One process besides this web process, by its own sign of life."""

    kind: str  # worker, watcher, beat
    name: str  # what it does: queues, standing by…
    machine: str
    pid: int
    version: str
    load: str
    started_at: datetime
    seen_at: datetime

    @property
    def outdated(self) -> bool:
        """True when it runs another version than this process."""
        return self.version != settings.VERSION


@dataclass(frozen=True)
class Processes:
    """All processes that told of themselves lately, and the kinds that are missing.

    When Redis does not answer nothing is `known` of any.
    """

    found: list[Process] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    known: bool = True


def processes() -> Processes:
    """Return the workers, watchers and beats that live."""
    try:
        found = [*_workers(), *_watchers(), *_beats()]
    except redis.RedisError:
        return Processes(known=False)
    kinds = {process.kind for process in found}
    wanted = (_("worker"), _("watcher"), _("beat"))
    return Processes(found, [kind for kind in wanted if kind not in kinds])


def _workers() -> list[Process]:
    return [
        Process(
            kind=_("worker"),
            name=", ".join(one.queues),
            machine=one.machine,
            pid=one.pid,
            version=one.version,
            load=_("%(busy)s of %(all)s busy") % {"busy": one.busy, "all": one.concurrency},
            started_at=one.started_at,
            seen_at=one.seen_at,
        )
        for one in workers()
    ]


def _watchers() -> list[Process]:
    return [
        Process(
            kind=_("watcher"),
            name=one.id[:8],
            machine=one.hostname,
            pid=one.pid,
            version=one.version,
            load=_("hosts: %(count)s") % {"count": one.hosts},
            started_at=one.started,
            seen_at=one.beat,
        )
        for one in watchers()
    ]


def _beats() -> list[Process]:
    return [
        Process(
            kind=_("beat"),
            name=_("active") if one.active else _("stands by"),
            machine=one.machine,
            pid=one.pid,
            version=one.version,
            load="",
            started_at=one.started_at,
            seen_at=one.seen_at,
        )
        for one in beats()
    ]
