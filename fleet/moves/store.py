"""Tars that were sent to us, kept in the data folder under names of ours until they are loaded."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fleet.builds.limits import words_of
from fleet.models import OPEN_STATES, Job
from fleet.moves.tar import BLOCK, EXTENDED, HELD_LIMIT, Header, told_size

LOAD = "image.load"
ID = re.compile(r"[0-9a-f]{32}")
RESERVE = 1024**3  # bytes of the disk that nobody may take
GRACE_SECONDS = 900  # in which who sent a file gets to ask for its jobs
LOOKS = 64 * 1024**2  # bytes between two looks at the disk
# gzip, bzip2, xz, zstd: what engines unpack themselves.
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
MOST_ENTRIES = 100_000  # as in a build's files; docker save writes a few for each layer
LISTS = {"manifest.json", "index.json", "repositories"}  # one of them tells of the images
SENTENCES: dict[str, Promise] = {
    "empty": _("The file is empty. Choose the tar that docker save made."),
    "no_tar": _("This is no tar file. Choose the tar that docker save made, or an OCI archive."),
    "no_images": _(
        "This tar has no images in it: neither manifest.json nor index.json. Make it with docker"
        " save; a container's export will not do."
    ),
    "entries": _(
        "This tar has more than %(entries)s files in it. Save the images in several tars."
    ),
    "short": _("The file ends too early. Send it once more."),
    "large": _(
        "The file is larger than %(limit)s. An administrator can raise QUAYSIDE_IMAGE_TAR_BYTES."
    ),
    "no_room": _("There is no room for it on the disk of Quayside. Ask an administrator."),
    "gone": _("The file is not kept any more. Send it again."),
}
log = structlog.get_logger(__name__)


class TarRefused(Exception):
    """A file that is not kept. `code` is what code compares; `str()` a sentence."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        limit = words_of(settings.IMAGE_TAR_BYTES)
        return str(SENTENCES[self.code]) % {"limit": limit, "entries": f"{MOST_ENTRIES:,}"}


@dataclass(frozen=True)
class Kept:
    """A file that is there."""

    archive: str
    size: int


def place_of(archive: str) -> Path:
    """Return where a file is. Raises TarRefused for what is no id of ours."""
    if not ID.fullmatch(archive):
        raise TarRefused("gone")
    return Path(settings.IMAGE_TAR_DIR) / archive


class Keeping:
    """Writes one file as it comes. `announced` is how large it is going to be, if that is known.

    Raises TarRefused as soon as it is clear that it will not do; then nothing stays.
    """

    def __init__(self, announced: int = 0) -> None:
        self.size, self._looked, self._head = 0, 0, b""
        self._place = _new_place()
        self._check_room(announced)
        self._file = self._place.open("xb")

    def write(self, piece: bytes) -> None:
        """Add some."""
        with self._or_drop():
            if len(self._head) < BLOCK:
                self._head += piece[: BLOCK - len(self._head)]
                if len(self._head) == BLOCK:
                    _check_head(self._head)
            self.size += len(piece)
            if self.size > settings.IMAGE_TAR_BYTES or self.size - self._looked > LOOKS:
                self._check_room(0)
            self._file.write(piece)

    def done(self) -> Kept:
        """All of it is there: look whether it can be what it should be."""
        with self._or_drop():
            self._file.close()
            check_tar(self._place)
        return Kept(self._place.name, self.size)

    def drop(self) -> None:
        """Forget it."""
        with suppress(OSError):  # it writes what is still in its buffer: the disk may be full
            self._file.close()
        self._place.unlink(missing_ok=True)

    @contextmanager
    def _or_drop(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.drop()
            raise TarRefused("no_room") from error
        except BaseException:
            self.drop()
            raise

    def _check_room(self, more: int) -> None:
        if self.size + more > settings.IMAGE_TAR_BYTES:
            raise TarRefused("large")
        self._looked = self.size
        if shutil.disk_usage(settings.IMAGE_TAR_DIR).free - more < RESERVE:
            raise TarRefused("no_room")


def keep(pieces: Iterable[bytes]) -> Kept:
    """Write a file as it comes. Raises TarRefused."""
    keeping = Keeping()
    try:
        for piece in pieces:
            keeping.write(piece)
    except BaseException:
        keeping.drop()
        raise
    return keeping.done()


def keep_file(path: str, pieces: Callable[[], Iterable[bytes]]) -> Kept:
    """Keep a file that is on the disk already: moved where that can be done, else copied."""
    source = Path(path)
    check_tar(source)
    place = _new_place()
    try:
        os.link(source, place)  # whoever wrote it removes his own name of it
    except OSError:
        return keep(pieces())
    return Kept(place.name, source.stat().st_size)


def _new_place() -> Path:
    root = Path(settings.IMAGE_TAR_DIR)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return root / secrets.token_hex(16)


def check_tar(place: Path) -> None:
    """Raise TarRefused for what no engine could load, as far as the heads of a tar tell."""
    size = place.stat().st_size
    with place.open("rb") as data:
        head = data.read(BLOCK)
        _check_head(head)
        if head.startswith(PACKED):
            return  # the engine will say: to look inside would take as long as to load it
        has_list, at = _walk(data, size)
    if at > size:
        raise TarRefused("short")
    if not has_list:
        raise TarRefused("no_images")


def _walk(data: BinaryIO, size: int) -> tuple[bool, int]:
    """Go from head to head; return whether one tells of images, and where the last one ends."""
    has_list, at, entries = False, 0, 0
    told: int | None = None
    while at < size:
        data.seek(at)
        block = data.read(BLOCK)
        if not block.strip(b"\0"):
            break
        try:
            header = Header(block)
        except ValueError:
            raise TarRefused("short" if len(block) < BLOCK else "no_tar") from None
        entries += 1
        if entries > MOST_ENTRIES:
            raise TarRefused("entries")
        has_list = has_list or header.name.removeprefix("./") in LISTS
        extended = header.kind in EXTENDED
        size_of = header.size if told is None or extended else told
        if header.kind == b"x":
            told = told_size(data.read(min(header.size, HELD_LIMIT)))
        elif not extended:
            told = None
        at += BLOCK + -(-size_of // BLOCK) * BLOCK
    return has_list, at


def _check_head(head: bytes) -> None:
    if not head:
        raise TarRefused("empty")
    if head.startswith(PACKED):
        return
    try:
        Header(head)
    except ValueError:
        raise TarRefused("no_tar") from None


# --- Until they are loaded -----------------------------------------------------------------


def release(archive: str, but: Job | None = None) -> None:
    """Remove a file unless a job is still to load it; `but` is the one that just did."""
    wanted = Job.objects.filter(
        operation=LOAD, state__in=OPEN_STATES, children_count=0, params__archive=archive
    )
    if but is not None:  # with this claim: a lost job that was queued again is not done yet
        wanted = wanted.exclude(pk=but.pk, claim=but.claim)
    if ID.fullmatch(archive) and not wanted.exists():
        place_of(archive).unlink(missing_ok=True)


def sweep() -> int:
    """Remove what no open job will load any more; return how many."""
    removed = 0
    old = time.time() - GRACE_SECONDS
    root = Path(settings.IMAGE_TAR_DIR)
    for place in root.iterdir() if root.is_dir() else ():
        if ID.fullmatch(place.name) and place.stat().st_mtime < old:
            release(place.name)
            removed += not place.exists()
    if removed:
        log.info("image_tars_swept", count=removed)
    return removed
