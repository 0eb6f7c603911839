"""One turn of the update check: what is due, registry by registry, a bounded part of it."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

import redis
import structlog
from django.conf import settings
from django.utils import timezone

from fleet.jobs.redis import redis_client
from fleet.models import ImageUpdate, Registry
from fleet.publish import UpdatesChanged, publish
from fleet.updates.asking import Round, waiting_until
from fleet.updates.wanted import due, keep_rows

log = structlog.get_logger(__name__)

LOCK = "quayside:updates"
LOCK_SECONDS = 150
TURN_SECONDS = 100.0
AT_ONCE = 200  # references in a turn
EACH = 30  # of one registry
CLAIM = timedelta(minutes=15)
_here = threading.Lock()
# Ends the lock if it is still ours.
RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end return 0"
Group = tuple[str, int | None]


def check_due() -> int:
    """Ask for what is due unless somebody does already; return how many were asked for."""
    if not settings.UPDATE_HOURS:
        return 0
    with _alone() as mine:
        if not mine:
            return 0
        keep_rows()
        return sum(_ask(group, rows) for group, rows in _groups().items())


def _groups() -> dict[Group, list[ImageUpdate]]:
    """Return what is due by registry and account, so many of each as one turn asks for."""
    groups: dict[Group, list[ImageUpdate]] = defaultdict(list)
    for row in due()[: AT_ONCE * 5]:
        same = groups[row.place, row.registry_id]
        if len(same) < EACH and sum(map(len, groups.values())) < AT_ONCE:
            same.append(row)
    return groups


def _ask(group: Group, rows: list[ImageUpdate]) -> int:
    place, registry_id = group
    until = waiting_until(place, registry_id)
    if until is not None:
        due().filter(place=place, registry=registry_id).update(next_check_at=until)
        return 0
    mine = [row for row in rows if claim(row)]
    ask_rows(place, registry_id, mine, TURN_SECONDS)
    return len(mine)


def ask_rows(place: str, registry_id: int | None, rows: list[ImageUpdate], seconds: float) -> None:
    """Ask a registry for rows that were claimed, and tell pages what changed."""
    registry = Registry.objects.filter(pk=registry_id).first() if registry_id else None
    if not rows or (registry_id and registry is None):
        return
    asked = Round(registry, place, time.monotonic() + seconds)
    asked.ask(rows)
    if asked.changed:
        publish(UpdatesChanged(asked.changed))


def claim(row: ImageUpdate) -> bool:
    """Take a row, so that nobody else asks for it at the same time."""
    now = timezone.now()
    same = ImageUpdate.objects.filter(pk=row.pk, next_check_at=row.next_check_at)
    return bool(same.update(next_check_at=now + CLAIM, asked_at=now))


@contextlib.contextmanager
def _alone() -> Iterator[bool]:
    """Hold the lock while the block runs; yields False when somebody else does."""
    client = redis_client()
    if client is None:
        taken = _here.acquire(blocking=False)
        try:
            yield taken
        finally:
            if taken:
                _here.release()
        return
    token = secrets.token_hex(8)
    try:
        taken = bool(client.set(LOCK, token, nx=True, ex=LOCK_SECONDS))
    except redis.RedisError as error:
        log.warning("updates_without_redis", error=str(error))
        taken = False
    try:
        yield taken
    finally:
        if taken:
            with contextlib.suppress(redis.RedisError):
                client.eval(RELEASE, 1, LOCK, token)
