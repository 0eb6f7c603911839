"""How readings are kept: written by watchers, put together by the hour, deleted when old.

Written as a row a host and sweep, which is little to write; read as a row a container and hour,
which is little to read. In between stands `roll_up_hours`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from fleet.models import Container, Host, UsageBlock, UsageFrame, UsageNow
from fleet.stats.packing import SUM, Table, pack, unpack
from fleet.stats.rollup import MINUTE, in_steps

SWEEP = 10  # `step` of what is kept as it was read, however often that was
QUARTER = 900
HOUR, DAY = 3600, 86400
LATE = 300  # so long after its end an hour is put together: watchers write a little later
SPAN = {MINUTE: HOUR, QUARTER: DAY}  # how much is in one block
KEPT = {MINUTE: DAY + HOUR, QUARTER: 8 * DAY}  # how old a block's beginning may be
SWEEPS_KEPT = HOUR + 120
FUTURE = 2 * HOUR  # what is later than this was written by a clock that was wrong
CHUNK = 400


@dataclass(frozen=True)
class Packed:
    """What a watcher has read of one host, packed: a sweep, perhaps a minute with its trail."""

    host_id: int
    at: int
    sweep: bytes
    minute_at: int = 0
    minute: bytes = b""
    trail: bytes = b""


def save_usage(found: Sequence[Packed]) -> None:
    """Write what was read of some hosts, in one transaction.

    No lease is compared: two watchers that read one host at the same time read the same.
    """
    newest = {one.host_id: one for one in found}
    if not newest:
        return
    with transaction.atomic():
        here = set(Host.objects.filter(pk__in=newest).values_list("pk", flat=True))
        kept = [one for one in found if one.host_id in here]
        frames = {(one.host_id, SWEEP, one.at): one.sweep for one in kept}
        frames |= {(one.host_id, MINUTE, one.minute_at): one.minute for one in kept if one.minute}
        UsageFrame.objects.bulk_create(
            [UsageFrame(host_id=h, step=s, at=at, data=d) for (h, s, at), d in frames.items()],
            update_conflicts=True,
            unique_fields=["host", "step", "at"],
            update_fields=["data"],
        )
        _save_now([newest[pk] for pk in here], ["at", "frame"])
        _save_now([one for one in kept if one.trail], ["minute", "trail"])


def _save_now(found: list[Packed], fields: list[str]) -> None:
    rows = {
        one.host_id: UsageNow(
            host_id=one.host_id, at=one.at, frame=one.sweep, minute=one.minute_at, trail=one.trail
        )
        for one in found
    }
    UsageNow.objects.bulk_create(
        rows.values(), update_conflicts=True, unique_fields=["host"], update_fields=fields
    )


# --- By the hour ---------------------------------------------------------------------------


def roll_up_hours(now: float | None = None) -> int:
    """Put the minutes of all hours that are over together; return how many host-hours.

    Safe to run twice, and at any time: what is there already is added to.
    """
    end = int(now if now is not None else time.time()) - LATE
    end -= end % HOUR
    over = UsageFrame.objects.filter(step=MINUTE, at__lt=end).order_by()
    done = 0
    for host_id in sorted(set(over.values_list("host_id", flat=True))):
        times = over.filter(host_id=host_id).values_list("at", flat=True)
        for hour in sorted({at - at % HOUR for at in times}):
            _roll_up(host_id, hour)
            done += 1
    return done


def _roll_up(host_id: int, hour: int) -> None:
    frames = UsageFrame.objects.filter(
        host_id=host_id, step=MINUTE, at__gte=hour, at__lt=hour + HOUR
    )
    lines: dict[int, Table] = {}
    rows, seldom = list(frames.values_list("pk", "at", "data")), MINUTE
    for _pk, at, data in rows:
        every, found = unpack(data)
        seldom = max(seldom, every)
        for key, line in found.items():
            lines.setdefault(key, {})[at] = line
    known = set(Container.objects.filter(host_id=host_id).values_list("pk", flat=True)) | {SUM}
    lines = {key: table for key, table in lines.items() if key in known}
    keys = sorted(lines)
    for start in range(0, len(keys), CHUNK):
        some = {key: lines[key] for key in keys[start : start + CHUNK]}
        with transaction.atomic():
            merged = _add(host_id, MINUTE, hour, some, seldom)
            # Of all minutes that there are: one that came late is no quarter of an hour.
            quarters = {key: in_steps(table, QUARTER) for key, table in merged.items()}
            _add(host_id, QUARTER, hour - hour % DAY, quarters, QUARTER)
    # Not before: what is added twice is the same.
    _delete_unchanged(host_id, {pk: bytes(data) for pk, _at, data in rows})


def _delete_unchanged(host_id: int, read: Mapping[int, bytes]) -> None:
    """Delete frames that are in blocks now: as they were read.

    If history went to another container meanwhile (`heirs.py`), the next time adds what is left.
    """
    with transaction.atomic():
        # It is moved under this lock.
        if not Host.objects.select_for_update(no_key=True).filter(pk=host_id).exists():
            return
        frames = UsageFrame.objects.filter(pk__in=list(read))
        same = [pk for pk, data in frames.values_list("pk", "data") if bytes(data) == read[pk]]
        frames.filter(pk__in=same).delete()


def _add(
    host_id: int, step: int, at: int, lines: Mapping[int, Table], every: int
) -> dict[int, Table]:
    """Add lines to the blocks of a time, which may be there already; return what is in them.

    `every` is how many seconds lie between two of the lines: `step`, or more where a host is read
    seldom.
    """
    there = UsageBlock.objects.filter(host_id=host_id, step=step, at=at, key__in=list(lines))
    before = {key: unpack(data) for key, data in there.values_list("key", "data")}
    # A container that went meanwhile must not come back as a row that nobody deletes.
    still = set(Container.objects.filter(pk__in=list(lines)).values_list("pk", flat=True)) | {SUM}
    nothing: tuple[int, Table] = (step, {})
    merged: dict[int, tuple[int, Table]] = {}
    for key, table in lines.items():
        if key in still:
            seldom, older = before.get(key, nothing)
            merged[key] = max(seldom, every), dict(sorted((older | table).items()))
    UsageBlock.objects.bulk_create(
        [
            UsageBlock(
                host_id=host_id,
                container_id=key or None,
                key=key,
                step=step,
                at=at,
                data=pack(*found),
            )
            for key, found in merged.items()
        ],
        update_conflicts=True,
        unique_fields=["host", "key", "step", "at"],
        update_fields=["data"],
    )
    return {key: table for key, (_every, table) in merged.items()}


def purge_usage(now: float | None = None) -> None:
    """Delete what is older than it is kept for, and what lies in the future."""
    today = int(now if now is not None else time.time())
    frames = UsageFrame.objects.order_by()
    frames.filter(step=SWEEP, at__lt=today - SWEEPS_KEPT).delete()
    frames.filter(at__gt=today + FUTURE).delete()
    for step, seconds in KEPT.items():
        UsageBlock.objects.filter(step=step, at__lt=today - seconds).delete()
