"""Following the images of one host: a list when its connection begins, and after what changes them.

One call tells nearly all that rows hold, so an event is only a reason to list again. Bursts of
events (a pull, a prune of a hundred) are answered by one list each two seconds. What a list does
not tell, each image's platform, is asked for once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable

import structlog

from fleet.engine.aio import AsyncEngine
from fleet.engine.errors import EngineError, NotFound
from fleet.engine.images import ImageSummary, image_platforms, list_images
from fleet.engine.types import EngineEvent
from fleet.watch.database import Database
from fleet.watch.image_rows import ImageBatch, images_not_in, without_platform

log = structlog.get_logger(__name__)

CHUNK = 100  # images in one transaction: other hosts write in between
GATHER = 0.1  # what comes in a burst is answered by one list
ASKED = 50  # images whose platform is asked for after one list; the others after the next
ASK_PAUSE = 0.02  # between two of these calls: other hosts are followed by the same thread
AGAIN_SECONDS = 60.0  # after a list that failed
RETRY_SECONDS = 900.0  # after a platform that was not told: others' come first
IN_A_ROW = 3  # platforms not told, after which the engine is left alone for a while
QUIET = frozenset({"save", "mount", "unmount"})


def changes_images(event: EngineEvent) -> bool:
    """Tell whether there may be other images after an event, or other names of them.

    A commit without a name says so of its container alone.
    """
    if event.kind == "image":
        return event.action not in QUIET
    return event.kind == "container" and event.action == "commit"


class ImageWatch:
    """Keeps the rows of one host's images true over one connection."""

    def __init__(
        self,
        host_id: int,
        engine: AsyncEngine,
        database: Database,
        save: Callable[[ImageBatch], Awaitable[object]],
        *,
        pause: float,
        relist: float,
    ) -> None:
        self.host_id, self.engine, self.database, self._save = host_id, engine, database, save
        self.pause, self.relist = pause, relist
        self._nudge = asyncio.Event()
        self._retry_at: dict[str, float] = {}  # images whose platform was not told

    def hear(self, event: EngineEvent) -> None:
        """List soon if an event is a reason to."""
        if changes_images(event):
            self._nudge.set()

    async def run(self) -> None:
        """Follow for ever. Raises whatever the database does.

        An engine that does not tell its images in time is not away for that: the pulse decides.
        """
        while True:
            self._nudge.clear()
            listed_at = time.monotonic()
            wait = self.relist * random.uniform(0.9, 1.1)  # noqa: S311 - not all hosts at once
            try:
                await self._write(await list_images(self.engine))
                if not await self._ask_platforms():
                    wait = min(wait, AGAIN_SECONDS)
            except EngineError as error:
                log.warning("images_unreadable", host=self.host_id, code=error.code,
                            said=error.raw[:200])  # fmt: skip
                wait = min(wait, AGAIN_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._nudge.wait()
            await asyncio.sleep(max(GATHER, listed_at + self.pause - time.monotonic()))

    async def _ask_platforms(self) -> bool:
        """Ask for some platforms; news about images come first.

        An image that its engine cannot read is asked for again later, and holds up no other.
        Return False when several failed in a row: the engine is what fails.
        """
        now, failed = time.monotonic(), 0
        self._retry_at = {ident: at for ident, at in self._retry_at.items() if at > now}
        ids = await self.database.run(without_platform, self.host_id, ASKED, set(self._retry_at))
        found: dict[str, str] = {}
        for ident in ids:
            if self._nudge.is_set() or failed == IN_A_ROW:
                break
            platform = await self._platform(ident)
            if platform is None:
                failed += 1
                self._retry_at[ident] = time.monotonic() + RETRY_SECONDS
            else:
                failed, found[ident] = 0, platform
            await asyncio.sleep(ASK_PAUSE)
        if found:
            await self._save(ImageBatch(platforms=found))
        if len(ids) == ASKED and failed < IN_A_ROW:
            self._nudge.set()
        return failed < IN_A_ROW

    async def _platform(self, ident: str) -> str | None:
        """Return what the engine tells of an image, or None when it fails to."""
        try:
            return ", ".join(await image_platforms(self.engine, ident))
        except NotFound:
            return ""  # removed just now, or there in the list alone
        except EngineError as error:
            log.warning("platform_unreadable", host=self.host_id, image=ident, code=error.code,
                        said=error.raw[:200])  # fmt: skip
            return None

    async def _write(self, found: list[ImageSummary]) -> None:
        ids = {one.engine_id for one in found}
        gone = await self.database.run(images_not_in, self.host_id, ids)
        for at in range(0, len(gone), CHUNK):
            await self._save(ImageBatch(gone=gone[at : at + CHUNK]))
        for at in range(0, len(found), CHUNK):
            await self._save(ImageBatch(found[at : at + CHUNK]))
