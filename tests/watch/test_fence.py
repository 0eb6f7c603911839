"""The fence before a host's rows: a write that waited longer than its lease changes nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import Error as DatabaseError
from django.db import connection, connections, transaction

from fleet.engine.fake import FakeEngine
from fleet.models import Container, Event, Host
from fleet.watch.database import Database
from fleet.watch.fence import LeaseLost, lock_host
from fleet.watch.follow import Follower
from fleet.watch.session import Timing
from fleet.watch.writer import Batch, save_batch, take_over
from tests.watch.conftest import START, facts_of

pytestmark = pytest.mark.django_db(transaction=True)
Until = Callable[..., Awaitable[Any]]


class Queue(Database):
    """Counts what waits for its turn."""

    waiting = 0

    async def run(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        self.waiting += 1
        try:
            return await super().run(work, *args, **kwargs)
        finally:
            self.waiting -= 1


def states() -> dict[str, str]:
    return dict(Container.objects.values_list("name", "state"))


def row_of(number: int, state: str) -> Callable[[], bool]:
    return lambda: states().get(f"web-{number}") == state


async def test_it_drops_a_write_that_waited_longer_than_its_lease(
    tmp_path: Path, host: Host, until: Until, database: Database
) -> None:
    host.url = f"unix://{tmp_path}/d.sock"
    queue, blocked = Queue(), threading.Event()
    async with FakeEngine(tmp_path / "d.sock") as fake:
        it = fake.state.add("web-1")
        follower = Follower(host, 1, queue, lambda: True, Timing(pulse=60))
        task = asyncio.create_task(follower.run())
        await until(row_of(1, "running"), "followed")
        holding = asyncio.create_task(queue.run(blocked.wait))
        fake.state.pause(it)
        async with asyncio.timeout(20):
            while queue.waiting < 2:
                await asyncio.sleep(0.01)
        # The lease is over by now, and the next watcher has seen something newer.
        newer = Batch([facts_of(state="exited", engine_id=it.id, name="web-1")])
        await database.run(take_over, host.id, 2)
        await database.run(save_batch, host.id, 2, host.name, newer)
        blocked.set()
        async with asyncio.timeout(20):
            await asyncio.gather(task, holding)  # it lets go of the host by itself
    assert await database.run(states) == {"web-1": "exited"}
    assert await database.run(lambda: Event.objects.filter(kind="pause").count()) == 0
    await queue.close()


def test_it_refuses_every_write_under_an_older_lease(host: Host) -> None:
    save_batch(host.id, 5, host.name, Batch([facts_of(1)]))
    event = Event(host=host, kind="die", at=START, object_kind="container", object_id="a")
    late = Batch([facts_of(1, state="exited"), facts_of(2)], [facts_of(1).engine_id], [event])
    with pytest.raises(LeaseLost):
        save_batch(host.id, 4, host.name, late)
    with pytest.raises(LeaseLost):
        take_over(host.id, 4)
    assert states() == {"web-1": "running"}
    assert Event.objects.count() == 0
    assert Host.objects.get().lease_number == 5


def test_it_shuts_out_the_watcher_before_when_it_takes_over(host: Host) -> None:
    save_batch(host.id, 1, host.name, Batch([facts_of(1)]))
    take_over(host.id, 2)
    with pytest.raises(LeaseLost):
        save_batch(host.id, 1, host.name, Batch(gone=[facts_of(1).engine_id]))
    save_batch(host.id, 2, host.name, Batch([facts_of(1, state="exited")]))
    assert states() == {"web-1": "exited"}


def test_it_tells_no_page_that_the_lease_changed_hands(host: Host) -> None:
    take_over(host.id, 2)
    assert Host.objects.get().revision == host.revision


def test_it_sees_a_later_lease_that_was_written_while_it_waited_for_the_row(host: Host) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer: it waits before its transaction begins.")
    raised: list[BaseException] = []

    def late() -> None:
        try:
            save_batch(host.id, 1, host.name, Batch([facts_of(1, state="exited")]))
        except LeaseLost as error:
            raised.append(error)
        finally:
            connections.close_all()

    with transaction.atomic():
        save_batch(host.id, 2, host.name, Batch([facts_of(1)]))
        thread = threading.Thread(target=late)
        thread.start()
        # Within a transaction it would show one picture for ever.
        forget = "SELECT pg_stat_clear_snapshot()"
        waiting = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        with connection.cursor() as cursor:
            for _ in range(1000):
                cursor.execute(forget)
                cursor.execute(waiting)
                if cursor.fetchone() != (0,):
                    break
                thread.join(0.01)
        assert thread.is_alive()
    thread.join()
    assert len(raised) == 1
    assert states() == {"web-1": "running"}


def test_a_watcher_that_froze_in_the_middle_of_a_write_keeps_nobody_waiting(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is on one machine, which freezes as a whole.")
    monkeypatch.setattr("fleet.watch.fence.IDLE_SECONDS", 0.3)
    frozen, thawed = threading.Event(), threading.Event()
    raised: list[BaseException] = []

    def freeze() -> None:
        try:
            with transaction.atomic():
                lock_host(host.id, 1)
                frozen.set()
                thawed.wait(20)
                Host.objects.filter(id=host.id).update(kernel="late")
        except DatabaseError as error:
            raised.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=freeze)
    thread.start()
    assert frozen.wait(20)
    save_batch(host.id, 2, host.name, Batch([facts_of(1)]))
    thawed.set()
    thread.join(20)
    assert len(raised) == 1
    assert (states(), Host.objects.get().kernel) == ({"web-1": "running"}, "")
