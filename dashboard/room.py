"""Room on the disks for large bodies, asked for before one is read.

Django writes a body to the temporary folder while it comes, and what is taken out of it once more
to the folder of uploads, all before any view is asked: nothing else would look at the disk. An
image that is sent as a body itself (`dashboard.intake`) goes to its own folder alone.

What is promised to bodies that are under way counts for all web processes: each has a file with
what it still needs, locked by the kernel for as long as its process lives.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from django.conf import settings

from fleet.moves.store import LOOKS, RESERVE

ROOM = "quayside.room"
Need = tuple[Path, int]  # a folder, and how many bytes are still to be written in it


class Room:
    """What one body needs, of which `announced` bytes are going to come.

    `straight`: the one folder to which it is written as it comes; None: Django keeps it.
    """

    def __init__(self, announced: int, straight: Path | None = None) -> None:
        self.announced, self.straight = announced, straight
        self._came = self._looked = 0
        self._lock = threading.Lock()
        self._closed = False
        self._place = rooms() / f"{uuid4().hex}.json"
        self._file = -1

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
        with self._lock:
            self._closed = True
            if self._file >= 0:
                self._place.unlink(missing_ok=True)
                os.close(self._file)
            self._file = -1

    def needs(self) -> list[Need]:
        """Return how many bytes are still to be written, and in which folder."""
        whole = max(self.announced, self._came)
        if self.straight is not None:
            return [(self.straight, whole - self._came)]
        return [
            (Path(tempfile.gettempdir()), whole - self._came),
            (Path(settings.FILE_UPLOAD_TEMP_DIR), whole),
        ]

    def _promise(self) -> bool:
        with self._lock, _one_at_a_time():
            fits = _fit([*_promised(self._place), *self.needs()])
            if fits and not self._closed:
                self._write()
            return fits

    def _write(self) -> None:
        if self._file < 0:
            self._file = os.open(self._place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        text = json.dumps([(str(folder), size) for folder, size in self.needs()]).encode()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text, 0)


def rooms() -> Path:
    """Return the folder of what is promised, which all web processes share."""
    return Path(settings.FILE_UPLOAD_TEMP_DIR) / "rooms"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Nobody else promises anything meanwhile, in no process."""
    rooms().mkdir(mode=0o700, parents=True, exist_ok=True)
    with (rooms() / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _promised(but: Path) -> Iterator[Need]:
    """Yield what others need; what a process has left that died is removed."""
    for place in rooms().glob("*.json"):
        if place == but:
            continue
        try:
            with place.open() as file:
                if _is_free(file.fileno()):
                    place.unlink(missing_ok=True)
                else:
                    yield from ((Path(folder), size) for folder, size in json.load(file))
        except (OSError, ValueError):  # it has ended just now
            continue


def _is_free(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _fit(needed: Iterable[Need]) -> bool:
    """Return whether there is room for all of it, on each of the disks."""
    needs, places = Counter[int](), dict[int, Path]()
    for folder, size in needed:
        there = _there(folder)
        disk = there.stat().st_dev
        needs[disk] += size
        places[disk] = there
    # The temporary one may be small, and has nothing that stays.
    folders = map(Path, (settings.FILE_UPLOAD_TEMP_DIR, settings.IMAGE_TAR_DIR))
    kept = {_there(folder).stat().st_dev for folder in folders}
    return all(
        shutil.disk_usage(places[disk]).free - size >= (RESERVE if disk in kept else 0)
        for disk, size in needs.items()
    )


def _there(folder: Path) -> Path:
    """Return the folder, or the one above in which it is going to be made."""
    return next(place for place in (folder, *folder.parents) if place.exists())
