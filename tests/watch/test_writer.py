"""Batches: what is written, what is left alone, and in how many statements."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fleet.models import Container, Event, Host
from fleet.watch.writer import Batch, rows_not_in, save_batch, take_over
from tests.watch.conftest import START, facts_of


def event_row(host: Host, kind: str = "start", **fields: object) -> Event:
    values = {"at": START, "object_kind": "container", "object_id": "a", **fields}
    return Event(host=host, kind=kind, **values)


def test_it_writes_containers_and_events_together(host: Host) -> None:
    saved = save_batch(
        host.id, 1, host.name, Batch([facts_of(1), facts_of(2)], (), [event_row(host)])
    )
    assert sorted(saved.changed) == sorted(Container.objects.values_list("id", flat=True))
    assert saved.events == [Event.objects.get().id]
    assert saved.removed == []


def test_it_writes_only_what_differs(host: Host) -> None:
    save_batch(host.id, 1, host.name, Batch([facts_of(1), facts_of(2)]))
    saved = save_batch(host.id, 1, host.name, Batch([facts_of(1), facts_of(2, state="exited")]))
    first, second = Container.objects.order_by("name")
    assert saved.changed == [second.id]
    assert (first.revision, second.revision, second.state) == (1, 2, "exited")


def test_it_keeps_the_id_of_a_row(host: Host) -> None:
    (first,) = save_batch(host.id, 1, host.name, Batch([facts_of()])).changed
    (second,) = save_batch(host.id, 1, host.name, Batch([facts_of(name="other")])).changed
    assert first == second == Container.objects.get(name="other").id


def test_it_deletes_what_is_gone_and_nothing_else(host: Host, other_host: Host) -> None:
    one = facts_of()
    save_batch(other_host.id, 1, other_host.name, Batch([one]))
    (mine,) = save_batch(host.id, 1, host.name, Batch([one])).changed
    saved = save_batch(host.id, 1, host.name, Batch(gone=[one.engine_id, "f" * 64]))
    assert saved.removed == [mine]
    assert Container.objects.get().host == other_host


@pytest.mark.parametrize("count", [1, 50])
def test_it_needs_as_many_statements_for_fifty_as_for_one(host: Host, count: int) -> None:
    batch = Batch([facts_of(number) for number in range(count)], (), [event_row(host)])
    with CaptureQueriesContext(
        connection,
    ) as queries:
        save_batch(host.id, 1, host.name, batch)
    # The savepoint of the transaction counts twice; SQLite takes at most 999 values at a time.
    assert len(queries) <= 8


def test_it_writes_nothing_for_a_host_that_was_removed(host: Host) -> None:
    host_id = host.id
    host.delete()
    with pytest.raises(Host.DoesNotExist):
        save_batch(host_id, 1, "gone", Batch([facts_of()]))
    assert Container.objects.count() == 0


def test_it_writes_all_of_a_batch_or_nothing(host: Host) -> None:
    broken = event_row(host, at=None)
    with pytest.raises(Exception, match=r"(?i)null"):
        save_batch(host.id, 1, host.name, Batch([facts_of()], (), [broken]))
    assert Container.objects.count() == 0


def test_it_finds_rows_that_a_list_does_not_show(host: Host, other_host: Host) -> None:
    save_batch(host.id, 1, host.name, Batch([facts_of(1), facts_of(2)]))
    save_batch(other_host.id, 1, other_host.name, Batch([facts_of(3)]))
    assert rows_not_in(host.id, {facts_of(1).engine_id}) == {facts_of(2).engine_id: "web-2"}


def test_it_reads_a_story_that_has_not_begun(host: Host) -> None:
    Host.objects.update(last_seen=None)
    past = take_over(host.id, 1)
    assert (past.story.told, past.since) == ({}, None)


def test_it_asks_for_events_since_it_last_saw_a_quiet_host(host: Host) -> None:
    assert host.last_seen is not None
    assert take_over(host.id, 1).since == (host.last_seen - timedelta(seconds=10)).timestamp()


def test_it_reads_where_a_story_stopped(host: Host) -> None:
    save_batch(host.id, 1, host.name, Batch([facts_of(state="paused", health="healthy")]))
    event_row(host, "start").save()
    event_row(host, "die", at=START - timedelta(minutes=1)).save()
    # Our own clock may be ahead of the engine's: these say nothing about its events.
    event_row(host, "seen", at=timezone.now()).save()
    event_row(host, "reachable", object_kind="host", at=timezone.now()).save()
    past = take_over(host.id, 1)
    told = past.story.told[facts_of().engine_id]
    assert (told.state, told.health) == ("paused", "healthy")
    assert past.since == (START - timedelta(seconds=1)).timestamp()
    assert past.story.recorded == {(START, "start", "a")}
