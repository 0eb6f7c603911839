"""What a container has used goes on as the history of the one that was made of it."""

from __future__ import annotations

from math import isnan

import structlog
from django.db import DatabaseError, transaction

from fleet.models import Container, Host, UsageBlock, UsageFrame, UsageNow
from fleet.stats.packing import Raw, pack, unpack

log = structlog.get_logger(__name__)
BATCH = 200


def inherit(host_id: int, old: str, new: str) -> None:
    """Give what is kept of one container of a host to another, by the engine's ids.

    While both have rows, or the new one has none yet: then it gets that of the old one, history
    and all. All or nothing; an update does not fail for it.
    """
    try:
        with transaction.atomic():
            # Watchers write containers under this lock, so nobody makes or deletes rows meanwhile.
            Host.objects.select_for_update(no_key=True).get(pk=host_id)
            rows = Container.objects.filter(host_id=host_id, engine_id__in=[old, new])
            ids = dict(rows.values_list("engine_id", "pk"))
            if old in ids and new in ids:
                _move(host_id, ids[old], ids[new])
            elif old in ids:
                Container.objects.filter(pk=ids[old]).update(engine_id=new)
    except (DatabaseError, Host.DoesNotExist) as error:
        log.warning("history_not_moved", host=host_id, error=str(error))


def _move(host_id: int, old: int, new: int) -> None:
    """Move blocks from row to row, and lines of frames that are not in blocks yet."""
    there = UsageBlock.objects.filter(host_id=host_id, key=new)
    newer = {(block.step, block.at): block for block in there}
    for block in UsageBlock.objects.filter(host_id=host_id, key=old):
        if same := newer.get((block.step, block.at)):
            every, lines = unpack(block.data)
            its_every, newest = unpack(same.data)
            same.data = pack(max(every, its_every), dict(sorted((lines | newest).items())))
            same.save(update_fields=["data"])
    moved = UsageBlock.objects.filter(host_id=host_id, key=old)
    for step, at in newer:
        moved.filter(step=step, at=at).delete()
    moved.update(key=new, container_id=new)
    _rename_lines(host_id, old, new)
    _rename_now(host_id, old, new)


def _rename_now(host_id: int, old: int, new: int) -> None:
    """The small pictures go on, too: where both have a minute, the new one's counts."""
    row = UsageNow.objects.filter(host_id=host_id).first()
    if row is None:
        return
    row.frame, row.trail = (
        _merged(data, old, new) if data else data for data in (row.frame, row.trail)
    )
    row.save(update_fields=["frame", "trail"])


def _merged(data: Raw, old: int, new: int) -> bytes:
    every, lines = unpack(data)
    if (gone := lines.pop(old, None)) is not None:
        have = lines.get(new, gone)
        pairs = zip(have, gone, strict=True)
        lines[new] = tuple(before if isnan(value) else value for value, before in pairs)
    return pack(every, lines)


def _rename_lines(host_id: int, old: int, new: int) -> None:
    changed = []
    for frame in UsageFrame.objects.filter(host_id=host_id).iterator(BATCH):
        every, lines = unpack(frame.data)
        if old in lines and new not in lines:
            frame.data = pack(every, {new if key == old else key: v for key, v in lines.items()})
            changed.append(frame)
    UsageFrame.objects.bulk_update(changed, ["data"], batch_size=BATCH)
