"""Beat: schedules from the database, and one beat at a time by a lock in Redis.

A second beat stands by; it takes over when the first has been silent for LOCK_SECONDS.
"""

from __future__ import annotations

import os
import platform
import secrets
from datetime import timedelta
from typing import Any

import redis
import structlog
from celery.schedules import crontab, schedule
from django.db import DatabaseError
from django.utils import timezone
from django_celery_beat.schedulers import DatabaseScheduler

from fleet.jobs import roster
from fleet.jobs.dispatch import URGENT
from fleet.jobs.redis import redis_client

LOCK = "quayside:beat"
LOCK_SECONDS = 10
STAND_BY_SECONDS = 2.0
# Prolongs the lock if it is still ours; 0 when it is not.
PROLONG = """
if redis.call('get', KEYS[1]) == ARGV[1] then
  return redis.call('pexpire', KEYS[1], ARGV[2])
end
return 0
"""
# Each expires before its next turn, so that a backlog cannot pile up.
SCHEDULES: dict[str, dict[str, Any]] = {
    "reap jobs": {
        "task": "fleet.jobs.reap",
        "schedule": schedule(timedelta(seconds=5)),
        "options": {"queue": "upkeep", "priority": URGENT, "expire_seconds": 4},
    },
    "purge jobs": {
        "task": "fleet.jobs.purge",
        "schedule": crontab(minute="17", hour="*"),
        "options": {"queue": "transfer", "expire_seconds": 3000},
    },
    "purge events": {
        "task": "fleet.jobs.purge_events",
        "schedule": crontab(minute="37", hour="*"),
        "options": {"queue": "transfer", "expire_seconds": 3000},
    },
    "purge scans": {
        "task": "fleet.jobs.purge_scans",
        "schedule": crontab(minute="47", hour="*"),
        "options": {"queue": "transfer", "expire_seconds": 3000},
    },
    "end left terminals": {
        "task": "fleet.jobs.end_left_terminals",
        "schedule": schedule(timedelta(seconds=30)),
        "options": {"queue": "upkeep", "expire_seconds": 25},
    },
    "sweep builds": {
        "task": "fleet.jobs.sweep_builds",
        "schedule": schedule(timedelta(seconds=30)),
        "options": {"queue": "upkeep", "expire_seconds": 25},
    },
    "fire schedules": {
        "task": "fleet.jobs.fire_schedules",
        "schedule": crontab(),
        "options": {"queue": "upkeep", "expire_seconds": 50},
    },
    "bound build caches": {
        "task": "fleet.jobs.bound_build_caches",
        "schedule": schedule(timedelta(minutes=10)),
        "options": {"queue": "transfer", "expire_seconds": 500},
    },
    "roll up usage": {
        "task": "fleet.jobs.roll_up_usage",
        "schedule": schedule(timedelta(minutes=5)),
        "options": {"queue": "upkeep", "expire_seconds": 240},
    },
    "check for updates": {
        "task": "fleet.jobs.check_updates",
        "schedule": schedule(timedelta(minutes=3)),
        "options": {"queue": "transfer", "expire_seconds": 170},
    },
    "measure disks": {
        "task": "fleet.jobs.measure_disks",
        "schedule": schedule(timedelta(minutes=10)),
        "options": {"queue": "transfer", "expire_seconds": 500},
    },
}
log = structlog.get_logger(__name__)


class LockedScheduler(DatabaseScheduler):  # type: ignore[misc]
    """Ticks only while it holds the lock; shows itself on the roster."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.me = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.active = False
        self.started_at = timezone.now()
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Bring our own schedules in the database up to date; celery's own are not needed."""
        self.update_from_dict(SCHEDULES)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due and return the seconds until the next look."""
        was_active, self.active = self.active, self._hold()
        self._tell()
        if not self.active:
            return STAND_BY_SECONDS
        if not was_active:
            log.info("beat_took_over", beat=self.me)
            self._read_anew()
        try:
            return min(STAND_BY_SECONDS, float(super().tick(*args, **kwargs)))
        except (DatabaseError, OSError) as error:
            log.warning("beat_missed", error=str(error))
            return STAND_BY_SECONDS

    def close(self) -> None:
        """Let the lock go at once, so that nobody waits for it."""
        client = redis_client()
        try:
            if client is not None and client.get(LOCK) == self.me:
                client.delete(LOCK)
            roster.forget(roster.BEAT, self.me)
        except redis.RedisError as error:
            log.warning("beat_lock_kept", error=str(error))
        super().close()

    def _read_anew(self) -> None:
        """What was due while another beat had the lock is not due now."""
        self._initial_read = True
        self._heap = None

    def _hold(self) -> bool:
        client = redis_client()
        if client is None:
            return True
        millis = LOCK_SECONDS * 1000
        try:
            mine = bool(client.eval(PROLONG, 1, LOCK, self.me, str(millis)))
            return mine or bool(client.set(LOCK, self.me, nx=True, px=millis))
        except redis.RedisError as error:
            log.warning("beat_without_redis", error=str(error))
            return False

    def _tell(self) -> None:
        facts = roster.BeatFacts(
            id=self.me,
            active=self.active,
            started_at=self.started_at,
            seen_at=timezone.now(),
            **roster.common_facts(),
        )
        try:
            roster.tell(roster.BEAT, facts)
        except redis.RedisError as error:
            log.warning("roster_not_told", error=str(error))
