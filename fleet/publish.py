"""Hints that something changed: the one sender on the channel layer.

A hint names rows, never their content: it may be lost, the database is the truth, and each
viewer's rights are checked when the row is read. All hints go to one group; every web
process listens to it once for all its pages.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, ClassVar

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction

GROUP = "hints"
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Hint:
    """Something changed."""

    kind: ClassVar[str]


@dataclass(frozen=True)
class ContainersChanged(Hint):
    """Rows of containers were written or (`removed`) deleted, on one host."""

    kind: ClassVar[str] = "containers"
    host: int
    ids: list[int]
    removed: list[int]


@dataclass(frozen=True)
class ImagesChanged(Hint):
    """Rows of images were written or (`removed`) deleted, on one host."""

    kind: ClassVar[str] = "images"
    host: int
    ids: list[int]
    removed: list[int]


@dataclass(frozen=True)
class UpdatesChanged(Hint):
    """A registry has another image, or other versions, of something that runs."""

    kind: ClassVar[str] = "updates"
    ids: list[int]


@dataclass(frozen=True)
class HostsChanged(Hint):
    """Hosts were added, changed or removed: state, facts, environment."""

    kind: ClassVar[str] = "hosts"
    ids: list[int]


@dataclass(frozen=True)
class EventsAdded(Hint):
    """Event rows were added for a host."""

    kind: ClassVar[str] = "events"
    host: int
    ids: list[int]


@dataclass(frozen=True)
class JobsChanged(Hint):
    """Jobs changed state, progress or got lines."""

    kind: ClassVar[str] = "jobs"
    ids: list[int]


@dataclass(frozen=True)
class RegistriesChanged(Hint):
    """Registries were added, changed, tested or removed."""

    kind: ClassVar[str] = "registries"
    ids: list[int]


@dataclass(frozen=True)
class BuildsChanged(Hint):
    """Definitions of builds were added, changed or removed; their runs are jobs."""

    kind: ClassVar[str] = "builds"
    ids: list[int]


@dataclass(frozen=True)
class ScansChanged(Hint):
    """Images were scanned."""

    kind: ClassVar[str] = "scans"
    ids: list[int]


@dataclass(frozen=True)
class AccessChanged(Hint):
    """Grants, teams, roles or users changed: open pages look at their rights again."""

    kind: ClassVar[str] = "access"


HINTS: dict[str, type[Hint]] = {
    hint.kind: hint
    for hint in (
        ContainersChanged,
        ImagesChanged,
        UpdatesChanged,
        HostsChanged,
        EventsAdded,
        JobsChanged,
        RegistriesChanged,
        BuildsChanged,
        ScansChanged,
        AccessChanged,
    )
}


def message_of(hint: Hint) -> dict[str, Any]:
    """Return what travels on the channel layer."""
    return {"type": "hint", "kind": hint.kind, **asdict(hint)}


def hint_of(message: dict[str, Any]) -> Hint:
    """Return the hint that `message_of` was given. Raises KeyError or TypeError."""
    fields = {key: value for key, value in message.items() if key not in {"type", "kind"}}
    return HINTS[message["kind"]](**fields)


@lru_cache(maxsize=1)
def _sender() -> asyncio.AbstractEventLoop:
    """Return a loop in a thread of its own: one that lives keeps one connection to Redis."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="publish", daemon=True).start()
    return loop


async def publish_async(hint: Hint) -> None:
    """Send a hint from a coroutine; a failure is logged, never raised."""
    try:
        await get_channel_layer().group_send(GROUP, message_of(hint))
    except Exception as error:  # noqa: BLE001 - a lost hint must never break the change itself
        log.warning("hint_lost", kind=hint.kind, error=str(error))


def publish(hint: Hint) -> None:
    """Send a hint from synchronous code, without waiting; after the commit, please."""
    if settings.IN_MEMORY:
        async_to_sync(publish_async)(hint)
    else:
        asyncio.run_coroutine_threadsafe(publish_async(hint), _sender())


def publish_on_commit(hint: Hint) -> None:
    """Send a hint once the surrounding transaction has committed."""
    transaction.on_commit(lambda: publish(hint))
