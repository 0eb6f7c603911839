"""A folder that is filled by an archive's entries, none of which may touch anything outside.

Names are checked by their letters and again on the disk: nothing is ever written through a link.
The sources are the known holes of this kind (CVE-2007-4559 and its family).
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from fleet.builds.errors import ContextRefused
from fleet.builds.limits import RESERVE, Limits, Meter

PIECE = 64 * 1024
LOOKS = 16 * 1024**2  # bytes between two looks at how much of the disk is left
ENTRY_BYTES = 4096  # that a name takes on the disk, about
NAME_BYTES = 255  # of one part, as file systems have it


class Tree:
    """The folder `root`, which must be there and belong to nobody else."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self.root = root
        self.meter = Meter(limits)
        self._limits = limits
        self._unlooked = 0

    def folder(self, name: str) -> None:
        """Make a folder, with those above it."""
        self._entry()
        with _on_disk(name):
            self._folders(self._parts(name), name)

    def file(self, name: str, data: IO[bytes], *, executable: bool = False) -> None:
        """Write a file; one of that name is replaced, as tar does it."""
        self._entry()
        with _on_disk(name):
            place = self._place(name)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(place, flags, 0o755 if executable else 0o644), "wb") as target:
                while piece := data.read(PIECE):
                    self.meter.bytes(len(piece))
                    self._look(len(piece))
                    target.write(piece)

    def symlink(self, name: str, to: str) -> None:
        """Make a symbolic link whose target lies inside."""
        self._entry()
        parts = self._parts(name)
        if not _stays_inside(parts[:-1], to):
            raise ContextRefused("link_outside", name=name, to=to)
        with _on_disk(name):
            self._place(name).symlink_to(to)

    def hard_link(self, name: str, to: str) -> None:
        """Make one more name of a file that is there already, as a copy."""
        source = self.root.joinpath(*self._parts(to))
        if not self._is_plain(source, to):
            raise ContextRefused("link_missing", name=name)
        executable = bool(source.stat().st_mode & 0o100)
        with source.open("rb") as data:
            if source == self.root.joinpath(*self._parts(name)):
                return
            self.file(name, data, executable=executable)

    def _entry(self) -> None:
        self.meter.entry()
        self._look(ENTRY_BYTES)

    def _look(self, more: int) -> None:
        """Refuse now and then to take the last of the disk: others write there meanwhile."""
        self._unlooked += more
        if self._unlooked < LOOKS:
            return
        self._unlooked = 0
        if shutil.disk_usage(self.root).free < RESERVE:
            raise ContextRefused("no_room")

    def _parts(self, name: str) -> tuple[str, ...]:
        """Return a name's parts. Raises ContextRefused for one that leads anywhere else."""
        if "\x00" in name or not _can_be_written(name):
            raise ContextRefused("bad_name", name=name)
        if name.startswith("/") or (len(name) > 1 and name[1] == ":" and name[0].isalpha()):
            raise ContextRefused("absolute", name=name)
        if len(os.fsencode(name)) > self._limits.path:
            raise ContextRefused("long_name", name=name, limit=self._limits.path)
        parts = PurePosixPath(name).parts
        if ".." in parts or ".." in name.split("\\"):
            raise ContextRefused("outside", name=name)
        if any(len(os.fsencode(part)) > NAME_BYTES for part in parts):
            raise ContextRefused("long_name", name=name, limit=NAME_BYTES)
        return parts

    def _place(self, name: str) -> Path:
        """Return where a file or link goes, its folders made and what was there taken away."""
        parts = self._parts(name)
        if not parts:
            raise ContextRefused("bad_name", name=name)
        place = self._folders(parts[:-1], name) / parts[-1]
        mode = _mode(place)
        if stat.S_ISDIR(mode):
            raise ContextRefused("twice", name=name)
        if mode:
            place.unlink()
        return place

    def _folders(self, parts: tuple[str, ...], name: str) -> Path:
        place = self.root
        for part in parts:
            place /= part
            mode = _mode(place)
            if stat.S_ISLNK(mode):
                raise ContextRefused("through_link", name=name)
            if mode and not stat.S_ISDIR(mode):
                raise ContextRefused("twice", name=name)
            if not mode:
                place.mkdir(mode=0o755)
        return place

    def _is_plain(self, place: Path, name: str) -> bool:
        self._check_no_link_above(place, name)
        return stat.S_ISREG(_mode(place))

    def _check_no_link_above(self, place: Path, name: str) -> None:
        for above in place.relative_to(self.root).parents:
            if stat.S_ISLNK(_mode(self.root / above)):
                raise ContextRefused("through_link", name=name)


def _mode(place: Path) -> int:
    """Return what is at a place, without following it; 0: nothing."""
    try:
        return place.lstat().st_mode
    except FileNotFoundError:
        return 0


def _can_be_written(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def _stays_inside(folder: tuple[str, ...], to: str) -> bool:
    """Return whether a link in a folder leads to a place inside, by its letters alone."""
    if not to or to.startswith("/") or "\x00" in to or not _can_be_written(to):
        return False
    depth = len(folder)
    for part in PurePosixPath(to).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return False
    return True


@contextmanager
def _on_disk(name: str) -> Iterator[None]:
    """Say in words why the disk does not take a file."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ContextRefused("no_room") from error
        if error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
            raise ContextRefused("bad_name", name=name) from error
        raise


def clear(root: Path) -> None:
    """Remove a folder with all in it."""
    shutil.rmtree(root, ignore_errors=True)
