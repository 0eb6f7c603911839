"""A saved image as it comes: each file of its tar under a name of ours, with its digest.

Names, links and lists in the tar are the host's, and two readers may read them differently; what
a file holds is known by its digest alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from fleet.moves.store import PACKED
from fleet.moves.tar import BLOCK, EXTENDED, HELD_LIMIT, Header, told_size
from fleet.scans.trivy import ScanFailed

MOST_ENTRIES = 10_000  # docker save writes four for each layer, of which 127 can be
HEAD_BYTES = max(map(len, PACKED))
AFTER_BYTES = 1024 * 1024  # that may follow the end: writers fill up their last record


@dataclass(frozen=True)
class Blob:
    """A file that came: where it is, and what is in it."""

    place: Path
    digest: str
    size: int
    head: bytes

    @property
    def packed(self) -> bool:
        """Whether it has to be unpacked before it can be read."""
        return self.head.startswith(PACKED)


class Blobs:
    """Takes a tar apart while it comes, into a folder that must not be there yet."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.known: dict[str, Blob] = {}
        self._entries = self._after = 0
        self._ended = False
        self._block = bytearray()
        self._held = bytearray()  # extended headers, which may tell a file's size
        self._writing: _Writing | _Holding | None = None
        self._left = self._padding = 0  # bytes of what is being written, and behind it

    def write(self, piece: bytes) -> None:
        """Add some. Raises ScanFailed for what is no tar, or too many files."""
        view = memoryview(piece)
        while view:
            if self._ended:
                self._after += len(view)
                if self._after > AFTER_BYTES:
                    raise _bad("more after the end")
                return
            view = view[self._take(view) :]

    def done(self) -> None:
        """All of it is there. Raises ScanFailed when a file is not whole."""
        if self._writing is not None or self._block:
            raise _bad("ends too early")

    def close(self) -> None:
        """Nothing more comes."""
        if isinstance(self._writing, _Writing):
            self._writing.file.close()

    def _take(self, view: memoryview) -> int:
        """Use some of what came; return how much."""
        if self._writing is not None and self._left:
            part = view[: self._left]
            self._writing.add(part)
            self._left -= len(part)
            if not self._left:
                self._file_ends()
        elif self._padding:
            part = view[: self._padding]
            self._padding -= len(part)
        else:
            part = view[: BLOCK - len(self._block)]
            self._block += part
            if len(self._block) == BLOCK:
                block = bytes(self._block)
                self._block.clear()
                self._begin(block)
        return len(part)

    def _begin(self, block: bytes) -> None:
        """An entry begins, or the empty blocks at the end."""
        if not any(block):
            self._ended = True
            return
        try:
            header = Header(block)
        except ValueError as error:
            raise _bad(str(error)) from error
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            raise _bad("too many files")
        extended = header.kind in EXTENDED
        told = None if extended else told_size(bytes(self._held))
        self._left = header.size if told is None else told
        self._padding = -self._left % BLOCK
        if not extended:
            self._held.clear()
        elif len(self._held) + self._left > HELD_LIMIT:
            raise _bad("too much in a header")
        if self._left:
            place = self.folder / str(self._entries)
            self._writing = _Holding(self._held) if extended else _Writing(place)

    def _file_ends(self) -> None:
        if isinstance(self._writing, _Writing):
            blob = self._writing.ended()
            self.known[blob.digest] = blob
        self._writing = None


class _Holding:
    """Keeps an extended header until its entry comes."""

    def __init__(self, held: bytearray) -> None:
        self._held = held

    def add(self, part: memoryview) -> None:
        self._held += part


class _Writing:
    """Writes one file."""

    def __init__(self, place: Path) -> None:
        self.file: BinaryIO = place.open("xb")
        self._place, self._digest, self._size, self._head = place, sha256(), 0, b""

    def add(self, part: memoryview) -> None:
        self._head += bytes(part[: HEAD_BYTES - len(self._head)])
        self._digest.update(part)
        self._size += len(part)
        self.file.write(part)

    def ended(self) -> Blob:
        self.file.close()
        digest = f"sha256:{self._digest.hexdigest()}"
        return Blob(self._place, digest, self._size, self._head)


def _bad(why: str) -> ScanFailed:
    return ScanFailed("not_genuine", f"The tar: {why}.")
