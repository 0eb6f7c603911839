"""Watchers as processes, over a real Redis: sharing, dying, and a table that changes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from fleet.engine.fake import FakeEngine, fake_in_thread, in_fake
from fleet.models import Host, HostState
from fleet.watch.lag import lags_of
from fleet.watch.roster import watchers
from tests import waiting
from tests.watch.fleet import ALIAS, PATIENCE, WatchedFleet

TAKEOVER_SECONDS = 15
eventually = partial(waiting.eventually, seconds=PATIENCE)


@pytest.fixture
def fakes(tmp_path: Path) -> Iterator[list[FakeEngine]]:
    """Four engines."""
    with ExitStack() as stack:
        names = [f"h{number}" for number in range(1, 5)]
        yield [stack.enter_context(fake_in_thread(tmp_path / f"{n}.sock", name=n)) for n in names]


@pytest.fixture
def four(fleet: WatchedFleet, fakes: list[FakeEngine]) -> WatchedFleet:
    """A fleet of these four hosts."""
    for fake in fakes:
        fleet.add_host(fake.state.name, fake.url)
    return fleet


def all_reachable(fleet: WatchedFleet) -> bool:
    states = Host.objects.using(ALIAS).values_list("state", flat=True)
    return set(states) == {HostState.REACHABLE}


def shares(fleet: WatchedFleet) -> list[int]:
    """Return how many hosts each live watcher holds."""
    with fleet.client() as client:
        owners = [
            client.get(f"quayside:lease:host:{host.pk}") for host in Host.objects.using(ALIAS)
        ]
    return sorted(owners.count(owner) for owner in set(owners) if owner)


def add(fake: FakeEngine, name: str) -> None:
    in_fake(fake, lambda: fake.state.add(name))


def pause(fake: FakeEngine, name: str) -> None:
    in_fake(fake, lambda: fake.state.pause(fake.state.find(name)))


def test_it_shares_hosts_and_takes_over_from_a_killed_watcher(
    four: WatchedFleet, fakes: list[FakeEngine]
) -> None:
    first = four.start_watcher()
    eventually(lambda: shares(four) == [4], "one watcher with all hosts")
    four.start_watcher()
    eventually(lambda: shares(four) == [2, 2], "both with half of them")
    first.kill()
    first.wait()
    for fake in fakes:
        add(fake, f"late-{fake.state.name}")
    for fake in fakes:
        four.wait_for(name=f"late-{fake.state.name}", seconds=TAKEOVER_SECONDS)
    eventually(lambda: shares(four) == [4], "the other with all hosts")
    # Every event once, also those of the hosts that changed hands.
    eventually(lambda: len(four.kinds(object_kind="container")) >= 8, "all to be told")
    assert sorted(four.kinds(object_kind="container")) == ["create"] * 4 + ["start"] * 4


def test_it_lets_go_of_what_was_taken_while_it_was_frozen(
    four: WatchedFleet, fakes: list[FakeEngine]
) -> None:
    if connections[ALIAS].vendor != "postgresql":
        pytest.skip("What freezes in the middle of a write locks all of SQLite.")
    first = four.start_watcher()
    eventually(lambda: all_reachable(four), "all reachable")
    first.send_signal(signal.SIGSTOP)
    four.start_watcher()
    for fake in fakes:
        add(fake, "late")
    for fake in fakes:
        four.wait_for(name="late", host__name=fake.state.name, state="running")
    first.send_signal(signal.SIGCONT)
    eventually(lambda: shares(four) == [2, 2], "both with half of them")
    for fake in fakes:
        pause(fake, "late")
        four.wait_for(name="late", host__name=fake.state.name, state="paused")
    eventually(lambda: four.kinds(kind="pause") == ["pause"] * 4, "all to be told")
    told = sorted(four.kinds(object_kind="container"))
    assert told == ["create"] * 4 + ["pause"] * 4 + ["start"] * 4
    assert "Unclosed" not in four.log()


def test_it_hands_over_at_once_when_told_to_stop(
    four: WatchedFleet, fakes: list[FakeEngine]
) -> None:
    first = four.start_watcher(QUAYSIDE_LEASE_SECONDS="60")
    eventually(lambda: shares(four) == [4], "leases")
    first.send_signal(signal.SIGTERM)
    assert first.wait(10) == 0
    assert shares(four) == []
    four.start_watcher()
    add(fakes[0], "late")
    four.wait_for(name="late")


def test_it_follows_what_people_change(four: WatchedFleet, fakes: list[FakeEngine]) -> None:
    four.start_watcher()
    eventually(lambda: all_reachable(four), "all reachable")
    rows = Host.objects.using(ALIAS)

    rows.filter(name="h1").update(state=HostState.DISABLED)
    eventually(lambda: "disabled" in four.kinds(object_kind="host"), "let go")
    eventually(lambda: in_fake(fakes[0], lambda: fakes[0].connections) == 0, "disconnected")
    add(fakes[0], "unseen")

    rows.filter(name="h2").update(url=fakes[0].url, state=HostState.UNKNOWN)
    four.wait_for(name="unseen", host__name="h2")

    rows.get(name="h3").delete(using=ALIAS)
    eventually(lambda: in_fake(fakes[2], lambda: fakes[2].connections) == 0, "h3 left alone")

    rows.filter(name="h1").update(state=HostState.UNKNOWN)
    four.wait_for(name="unseen", host__name="h1")
    assert four.host("h1").state == HostState.REACHABLE

    # Switched off and on again before anybody looked.
    rows.filter(name="h4").update(state=HostState.UNKNOWN)
    four.wait_for_state("h4", HostState.REACHABLE)
    assert "Unclosed" not in four.log()


def test_it_follows_a_new_host(fleet: WatchedFleet, fakes: list[FakeEngine]) -> None:
    fleet.start_watcher()
    eventually(lambda: "watcher_started" in fleet.log(), "a watcher")
    add(fakes[0], "one")
    fleet.add_host("new", fakes[0].url)
    assert fleet.wait_for(name="one").host.name == "new"


def test_it_survives_without_redis_and_lets_go_when_its_lease_is_over(
    four: WatchedFleet, fakes: list[FakeEngine]
) -> None:
    watcher = four.start_watcher()
    eventually(lambda: all_reachable(four), "all reachable")
    four.stop_redis()
    eventually(lambda: "redis_away" in four.log(), "it noticed")
    eventually(lambda: in_fake(fakes[0], lambda: fakes[0].connections) == 0, "let go")
    add(fakes[0], "meanwhile")
    four.start_redis()
    four.wait_for(name="meanwhile")
    assert watcher.poll() is None
    add(fakes[0], "after")
    four.wait_for(name="after")


def test_it_writes_when_it_saw_a_host_last(four: WatchedFleet) -> None:
    four.start_watcher()
    eventually(lambda: all_reachable(four), "all reachable")
    now = timezone.now()
    rows = Host.objects.using(ALIAS).filter(last_seen__gt=now)
    eventually(lambda: rows.count() == 4, "newer times")
    assert set(rows.values_list("revision", flat=True)) == {1}


def test_it_shows_itself_in_the_roster(four: WatchedFleet, settings: Settings) -> None:
    settings.IN_MEMORY, settings.REDIS_URL = False, four.redis_url
    process = four.start_watcher()
    eventually(lambda: [one.hosts for one in watchers()] == [4], "its entry")
    (entry,) = watchers()
    assert entry.pid == process.pid
    assert entry.version
    ids = [four.host(f"h{number}").pk for number in range(1, 5)]
    eventually(lambda: lags_of(ids).keys() == set(ids), "how far they are behind", seconds=20)
    process.kill()
    process.wait()
    eventually(lambda: watchers() == [], "no entry")


def test_it_is_not_slowed_by_dead_hosts(four: WatchedFleet, fakes: list[FakeEngine]) -> None:
    for fake in fakes[1:]:
        fake.faults.hang = True
    four.start_watcher()
    four.wait_for_state("h1", HostState.REACHABLE)
    for number in range(20):
        add(fakes[0], f"c-{number}")
        four.wait_for(name=f"c-{number}", state="running", seconds=3)
    assert four.host("h2").state != HostState.REACHABLE
