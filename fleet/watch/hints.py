"""Telling everybody what was written, after the commit, and never waiting long for it."""

from __future__ import annotations

import asyncio
import contextlib

from fleet.publish import (
    ContainersChanged,
    EventsAdded,
    Hint,
    HostsChanged,
    ImagesChanged,
    publish_async,
)
from fleet.watch.writer import Saved

# A Redis that hangs must not keep us from following: hints may be lost, rows are the truth.
PATIENCE = 1.0


async def tell_containers(host_id: int, saved: Saved) -> None:
    """Hint at rows of containers and events that were written."""
    if saved.changed or saved.removed:
        await _send(ContainersChanged(host_id, saved.changed, saved.removed))
    await _tell_events(host_id, saved)


async def tell_images(host_id: int, saved: Saved) -> None:
    """Hint at rows of images that were written."""
    if saved.changed or saved.removed:
        await _send(ImagesChanged(host_id, saved.changed, saved.removed))


async def tell_host(host_id: int, saved: Saved) -> None:
    """Hint at a host's row and its events that were written."""
    if saved.changed:
        await _send(HostsChanged(saved.changed))
    await _tell_events(host_id, saved)


async def _tell_events(host_id: int, saved: Saved) -> None:
    if saved.events:
        await _send(EventsAdded(host_id, saved.events))


async def _send(hint: Hint) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await publish_async(hint)
