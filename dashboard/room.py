"""Room on the disks for large bodies that Django keeps, asked for before one is read.

Django writes a body to the temporary folder while it comes, and what is taken out of it once more
to the folder of uploads, all before any view is asked: nothing else would look at the disk.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections import Counter
from pathlib import Path

from django.conf import settings

from fleet.moves.store import LOOKS, RESERVE

ROOM = "quayside.room"
_lock = threading.Lock()
_promised: set[Room] = set()  # to bodies that are under way in this process


class Room:
    """What one body needs, of which `announced` bytes are going to come."""

    def __init__(self, announced: int) -> None:
        self.announced = announced
        self._came = self._looked = 0
        self._closed = False

    async def open(self) -> bool:
        """Return whether there is room; then it is promised until `close`."""
        return await asyncio.to_thread(self._promise)

    async def has(self, came: int) -> bool:
        """Return whether there is room for the rest, after `came` bytes; looks now and then."""
        self._came = came
        if came - self._looked <= LOOKS:
            return True
        self._looked = came
        return await self.open()

    def close(self) -> None:
        """The request has ended, and what was written is gone or in its place."""
        with _lock:
            self._closed = True
            _promised.discard(self)

    def needs(self) -> list[tuple[Path, int]]:
        """Return how many bytes are still to be written, and in which folder."""
        whole = max(self.announced, self._came)
        return [
            (Path(tempfile.gettempdir()), whole - self._came),
            (Path(settings.FILE_UPLOAD_TEMP_DIR), whole),
        ]

    def _promise(self) -> bool:
        with _lock:
            fits = _fit(_promised | {self})
            if fits and not self._closed:
                _promised.add(self)
            return fits


def _fit(rooms: set[Room]) -> bool:
    """Return whether there is room for all of them, on each of the disks."""
    needs, places = Counter[int](), dict[int, Path]()
    for room in rooms:
        for folder, size in room.needs():
            disk = folder.stat().st_dev
            needs[disk] += size
            places[disk] = folder
    kept = Path(settings.FILE_UPLOAD_TEMP_DIR).stat().st_dev  # the temporary one may be small
    return all(
        shutil.disk_usage(places[disk]).free - size >= (RESERVE if disk == kept else 0)
        for disk, size in needs.items()
    )
