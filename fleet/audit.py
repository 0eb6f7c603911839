"""Writing the audit log: each entry carries the hash of the one before."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils import timezone

from fleet.models import AuditEntry, AuditResult

if TYPE_CHECKING:
    from fleet.actor import Actor

GENESIS = "0" * 64
LOCK = 7_041_776  # a number of our own for PostgreSQL's advisory lock


def digest(entry: AuditEntry) -> str:
    """Return the SHA-256 over the entry's facts and the hash of the one before it, in hex."""
    facts = [
        entry.number,
        entry.at.isoformat(),
        entry.actor_name,
        entry.via,
        entry.address,
        entry.action,
        entry.target_kind,
        entry.target_id,
        entry.target_name,
        entry.result,
        entry.detail,
        entry.previous_hash,
    ]
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def record(
    actor: Actor,
    action: str,
    target: Any = None,
    *,
    result: str = AuditResult.ALLOWED,
    detail: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append an entry and return it. `target` is a row (its kind, id and name are kept).

    One writer at a time: SQLite's transactions are immediate, PostgreSQL takes a lock until
    the surrounding transaction ends, so numbers have no gaps.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        last = last_entry()
        entry = AuditEntry(
            number=last.number + 1 if last else 1,
            previous_hash=last.hash if last else GENESIS,
            at=timezone.now(),
            actor=actor.user if actor.user and actor.user.pk else None,
            actor_name=actor.name,
            via=actor.via,
            address=actor.address[:60],
            action=action[:60],
            target_kind=target._meta.model_name if target is not None else "",
            target_id=str(target.pk) if target is not None else "",
            target_name=str(target)[:255] if target is not None else "",
            result=result,
            detail=detail or {},
        )
        entry.hash = digest(entry)
        entry.save(force_insert=True)
    return entry


def last_entry() -> AuditEntry | None:
    """Return the newest entry, or None when there is none."""
    return AuditEntry.objects.order_by("-number").first()


def first_broken() -> AuditEntry | None:
    """Walk the whole chain; return the first entry that does not fit, or None.

    The chain cannot show that entries at its end were cut off: compare a number and hash that
    were kept elsewhere.
    """
    expected = GENESIS
    entries = AuditEntry.objects.order_by("number").iterator(chunk_size=2000)
    for number, entry in enumerate(entries, start=1):
        fits = entry.previous_hash == expected and entry.hash == digest(entry)
        if not fits or entry.number != number:
            return entry
        expected = entry.hash
    return None
