"""What the watcher's tests are made of: facts and events as engines give them, and fleets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pytest_django import DjangoDbBlocker

from fleet.engine.types import ContainerFacts, EngineEvent, parse_container, parse_event
from fleet.models import Host
from fleet.watch.database import Database
from fleet.watch.follow import Follower
from fleet.watch.session import Timing
from tests.databases import migrated_template
from tests.services import redis_server
from tests.watch.fleet import WatchedFleet, watched_fleet

__all__ = ["redis_server"]

T = TypeVar("T")
QUICK = Timing(connect=1, read=1, pulse=0.1, pulse_timeout=0.3, grace=0.2, relist=3600)
START = datetime(2026, 11, 1, 12, tzinfo=UTC)


def facts_of(number: int = 1, **changes: Any) -> ContainerFacts:
    """Return what an engine says of a running container; `changes` replace its fields."""
    raw = {
        "Id": f"{number:064x}",
        "Name": f"/web-{number}",
        "Created": "2026-11-01T11:00:00Z",
        "Config": {"Image": "lab/busybox:1", "Labels": {"team": "Blue"}},
        "State": {"Status": "running", "StartedAt": "2026-11-01T11:00:01Z"},
    }
    facts = parse_container(raw)
    values = {name: getattr(facts, name) for name in ContainerFacts.__dataclass_fields__}
    return ContainerFacts(**{**values, **changes})


def event_of(action: str, number: int = 1, *, seconds: float = 0, **more: Any) -> EngineEvent:
    """Return an event of a container, `seconds` after START; `more` are its attributes."""
    at = START + timedelta(seconds=seconds)
    raw = {
        "Type": more.pop("kind", "container"),
        "Action": action,
        "Actor": {
            "ID": more.pop("object_id", f"{number:064x}"),
            "Attributes": {"name": f"web-{number}", "image": "lab/busybox:1", **more},
        },
        "timeNano": round(at.timestamp() * 10**9),
    }
    return parse_event(raw)


@asynccontextmanager
async def following(
    row: Host,
    database: Database,
    timing: Timing = QUICK,
) -> AsyncIterator[Follower]:
    """A follower of a host, while the block lasts."""
    follower = Follower(row, 1, database, lambda: True, timing)
    task = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    """The watcher's database thread."""
    made = Database()
    yield made
    await made.close()


@pytest.fixture
def until(database: Database) -> Callable[..., Any]:
    """await until(condition, "what") in a coroutine, where the condition may use the ORM."""

    async def wait(condition: Callable[[], T], what: str, *, seconds: float = 20) -> T:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        # In the same thread as the watcher's writes: an in-memory SQLite is shared by threads,
        # but not used by two at once.
        while not (found := await database.run(condition)):
            assert loop.time() < end, f"not within {seconds} s: {what}"
            await asyncio.sleep(0.02)
        return found

    return wait


@pytest.fixture(scope="session")
def migrated(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """A migrated database that is only copied."""
    folder = tmp_path_factory.mktemp("databases")
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            name = stack.enter_context(migrated_template(folder))
        yield name
        with django_db_blocker.unblock():
            stack.close()


@pytest.fixture
def fleet(
    tmp_path: Path, migrated: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[WatchedFleet]:
    """A database and a Redis of their own, for watchers as real processes."""
    with django_db_blocker.unblock(), watched_fleet(tmp_path, migrated) as made:
        yield made
