"""The audit chain holds, and shows where it was touched."""

from __future__ import annotations

from fleet.actor import Actor
from fleet.audit import first_broken, record
from fleet.models import AuditEntry, Host


def test_it_chains_entries(actor: Actor, host: Host) -> None:
    first = record(actor, "host.create", host)
    second = record(actor, "host.remove", host, detail={"name": "größe"})
    assert (first.number, second.number) == (1, 2)
    assert second.previous_hash == first.hash
    assert first_broken() is None


def test_it_finds_an_entry_that_was_changed(actor: Actor, host: Host) -> None:
    entries = [record(actor, f"host.update{i}", host) for i in range(3)]
    AuditEntry.objects.filter(pk=entries[1].pk).update(actor_name="somebody else")
    broken = first_broken()
    assert broken is not None
    assert broken.number == 2


def test_it_finds_a_gap(actor: Actor, host: Host) -> None:
    entries = [record(actor, "host.update", host) for _ in range(3)]
    entries[1].delete()
    broken = first_broken()
    assert broken is not None
    assert broken.number == 3
