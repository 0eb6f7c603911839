"""Rows of hosts: state, facts, pins; a disabled host stays disabled."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils import timezone

from fleet.engine.types import EngineFacts, parse_facts
from fleet.models import Event, Host, HostState
from fleet.watch.fence import LeaseLost
from fleet.watch.hosts import (
    read_hosts,
    same_way,
    save_last_seen,
    save_let_go,
    save_reachable,
    save_unreachable,
)


def engine(**changes: object) -> EngineFacts:
    info = {"ID": "AB:CD", "Name": "vm", "NCPU": 2, "MemTotal": 4096, "Driver": "overlay2"}
    facts = parse_facts(info, {"Version": "29.0", "ApiVersion": "1.52"})
    return replace(facts, **changes)  # type: ignore[arg-type]


def test_it_writes_facts_and_an_event_when_a_host_answers(host: Host) -> None:
    Host.objects.update(state=HostState.UNKNOWN, last_seen=None)
    saved = save_reachable(host.id, 1, engine(), "")
    host.refresh_from_db()
    assert (host.state, host.engine_version, host.cpus) == ("reachable", "29.0", 2)
    assert host.last_seen is not None
    event = Event.objects.get(id=saved.events[0])
    assert (event.kind, event.from_state, event.to_state) == ("reachable", "unknown", "reachable")


def test_it_is_silent_when_nothing_changed(host: Host) -> None:
    save_reachable(host.id, 1, engine(), "")
    revision = Host.objects.get().revision
    saved = save_reachable(host.id, 1, engine(), "")
    assert (saved.changed, saved.events) == ([], [])
    assert Host.objects.get().revision == revision


def test_it_counts_up_when_the_engine_was_updated(host: Host) -> None:
    save_reachable(host.id, 1, engine(), "")
    before = Host.objects.get()
    saved = save_reachable(host.id, 1, engine(version="29.1"), "")
    after = Host.objects.get()
    assert (saved.changed, saved.events) == ([host.id], [])
    assert after.revision == before.revision + 1
    assert after.state_since == before.state_since


def test_it_says_once_why_a_host_does_not_answer(host: Host) -> None:
    first = save_unreachable(host.id, 1, "refused", "Nothing listens.")
    again = save_unreachable(host.id, 1, "refused", "Nothing listens.")
    other = save_unreachable(host.id, 1, "timeout", "No answer.")
    host.refresh_from_db()
    assert (len(first.events), again.changed, other.events) == (1, [], [])
    assert (host.state, host.state_code) == ("unreachable", "timeout")
    assert Event.objects.get().detail == {"code": "refused", "message": "Nothing listens."}


def test_it_pins_the_first_ssh_host_key_only(host: Host) -> None:
    save_reachable(host.id, 1, engine(), "ssh-ed25519 FIRST")
    save_reachable(host.id, 1, engine(), "ssh-ed25519 SECOND")
    assert Host.objects.get().ssh_host_key == "ssh-ed25519 FIRST"


def test_it_never_wakes_a_disabled_host(host: Host) -> None:
    Host.objects.update(state=HostState.DISABLED)
    with pytest.raises(Host.DoesNotExist):
        save_reachable(host.id, 1, engine(), "")
    with pytest.raises(Host.DoesNotExist):
        save_unreachable(host.id, 1, "refused", "")
    save_last_seen({host.id: 1})
    assert Host.objects.get().state == HostState.DISABLED
    assert Host.objects.get().last_seen == host.last_seen


def test_it_tells_that_a_host_was_disabled(host: Host) -> None:
    assert save_let_go(host.id).events == []
    Host.objects.update(state=HostState.DISABLED)
    saved = save_let_go(host.id)
    assert Event.objects.get(id=saved.events[0]).kind == "disabled"


def test_it_writes_last_seen_of_many_in_one_statement(
    host: Host, other_host: Host, django_assert_num_queries: object
) -> None:
    before = timezone.now()
    Host.objects.update(lease_number=1)
    Host.objects.filter(id=other_host.id).update(state=HostState.UNREACHABLE)
    with django_assert_num_queries(1):  # type: ignore[operator]
        save_last_seen({host.id: 1, other_host.id: 2})
    assert Host.objects.get(id=host.id).last_seen > before  # type: ignore[operator]
    assert Host.objects.get(id=other_host.id).last_seen < before  # type: ignore[operator]


def test_it_leaves_last_seen_to_the_watcher_that_wrote_last(host: Host) -> None:
    Host.objects.update(lease_number=3)
    save_last_seen({host.id: 2})
    assert Host.objects.get().last_seen == host.last_seen


def test_it_says_nothing_of_a_host_that_another_watcher_took(host: Host) -> None:
    save_reachable(host.id, 3, engine(), "")
    before = Host.objects.get()
    with pytest.raises(LeaseLost):
        save_unreachable(host.id, 2, "refused", "Nothing listens.")
    with pytest.raises(LeaseLost):
        save_reachable(host.id, 2, engine(version="28.0"), "")
    after = Host.objects.get()
    assert (after.state, after.engine_version) == ("reachable", "29.0")
    assert (after.lease_number, after.revision) == (3, before.revision)


def test_it_sees_a_change_of_address_or_name_but_not_of_state(host: Host) -> None:
    before = read_hosts()[host.id]
    Host.objects.update(state=HostState.UNREACHABLE, engine_version="1")
    assert same_way(before, read_hosts()[host.id])
    Host.objects.update(tls_cert="other")
    assert not same_way(before, read_hosts()[host.id])


def test_it_cuts_what_an_engine_says_to_what_columns_hold(host: Host) -> None:
    save_reachable(host.id, 1, engine(name="n" * 900, os="o\0" * 900, cpus=-1, memory=-1), "")
    found = Host.objects.get()
    assert (len(found.engine_name), found.cpus, found.memory) == (255, 0, 0)
