"""Uploaded archives: tar, tar.gz and zip, unpacked under limits.

The kind is told by the first bytes, never by the name. What an archive says of itself is not
believed: bytes are counted as they come out, lists of files are bounded before they are read.
"""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from fleet.builds.errors import ContextRefused
from fleet.builds.limits import Limits, Meter
from fleet.builds.tree import PIECE, Tree, clear

Kind = Literal["tar", "tar.gz", "zip"]

# One header of a tar may announce a name of gigabytes; nobody has such a name.
HEADER_BYTES = 64 * 1024
ENTRY_BYTES = 2048  # of a tar beside the bytes of a file: its header, and padding
# A zip's list of files is read whole, so it is bounded by its end record, which counts to 65,535.
ZIP_FILES = 65_534
ZIP_LIST_BYTES = 16 * 1024 * 1024
ZIP_END, ZIP64_PLACE = b"PK\x05\x06", b"PK\x06\x07"
ZIP_END_BYTES, ZIP_COMMENT_BYTES, ZIP64_PLACE_BYTES = 22, 65_535, 20
ZIP_LOCKED = 0x1
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Unpacked:
    """What came out of an archive: names of any kind, and bytes."""

    kind: Kind
    files: int
    size: int


def unpack(archive: Path, root: Path, limits: Limits | None = None) -> Unpacked:
    """Unpack an archive into the empty folder `root`. Raises ContextRefused; then it is empty."""
    limits = limits or Limits()
    tree = Tree(root, limits)
    try:
        with _readable():
            kind = kind_of(archive)
            if kind == "zip":
                _unpack_zip(archive, tree)
            else:
                _unpack_tar(archive, tree, limits, packed=kind == "tar.gz")
        if not tree.meter.files:
            raise ContextRefused("empty")
    except BaseException:
        for left in root.iterdir():
            clear(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        raise
    return Unpacked(kind, tree.meter.files, tree.meter.size)


def kind_of(archive: Path) -> Kind:
    """Return an archive's kind by its bytes. Raises ContextRefused."""
    with archive.open("rb") as data:
        start = data.read(512)
    if start.startswith(b"\x1f\x8b"):
        return "tar.gz"
    if start.startswith((b"PK\x03\x04", ZIP_END)):
        return "zip"
    if start[257:262] == b"ustar" or (len(start) == 512 and _is_old_tar(start)):
        return "tar"
    raise ContextRefused("not_an_archive")


def _is_old_tar(block: bytes) -> bool:
    """Return whether a block is a header, by its sum, or the end of an empty tar."""
    if not any(block):
        return True
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise ContextRefused("broken") from error
    # Numbers that cannot be, and headers of headers of headers.
    except (ValueError, OverflowError, NotImplementedError, RecursionError) as error:
        raise ContextRefused("bad_header") from error


# --- tar ---------------------------------------------------------------------------------------


class _Once:
    """A tar that is read once, from its start to its end: nothing of it has to be kept.

    Never much at once, so that headers cannot fill the memory, and never back, where a size that
    cannot be would lead.
    """

    def __init__(self, data: IO[bytes], meter: Meter) -> None:
        self._data, self._meter, self._at = data, meter, 0
        self.last = b""  # what was read last

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        if not 0 <= size <= HEADER_BYTES:
            raise ContextRefused("bad_header")
        self.last = self._data.read(size)
        self._at += len(self.last)
        self._meter.bytes(len(self.last))
        return self.last

    def seek(self, at: int) -> int:
        """Go on to a place, or to the end if that comes first."""
        if at < self._at:
            raise ContextRefused("bad_header")
        while self._at < at and self.read(min(PIECE, at - self._at)):
            pass
        return self._at

    def tell(self) -> int:
        """Return where it is."""
        return self._at


def _unpack_tar(archive: Path, tree: Tree, limits: Limits, *, packed: bool) -> None:
    most = limits.size + limits.files * ENTRY_BYTES if packed else archive.stat().st_size
    with gzip.open(archive) if packed else archive.open("rb") as data:
        once = _Once(cast(IO[bytes], data), Meter(Limits(size=most)))
        _entries(once, tree)
        while packed and once.read(PIECE):  # its sum is at its end
            pass


def _entries(once: _Once, tree: Tree) -> None:
    # It asks for no more of a file than these three.
    with tarfile.open(fileobj=cast(IO[bytes], once), mode="r:") as tar:
        while (entry := tar.next()) is not None:
            _put(tar, entry, tree)
            tar.members = []  # type: ignore[attr-defined] # it keeps every one it has seen
        # It takes a damaged header for the end: half a context would be built.
        if any(once.last):
            raise ContextRefused("broken")


def _put(tar: tarfile.TarFile, entry: tarfile.TarInfo, tree: Tree) -> None:
    name = entry.name
    if entry.issparse():
        raise ContextRefused("sparse", name=name)
    if entry.isdir():
        tree.folder(name)
    elif entry.issym():
        tree.symlink(name, entry.linkname)
    elif entry.islnk():
        tree.hard_link(name, entry.linkname)
    elif entry.isreg():
        _put_file(tar, entry, tree)
    else:
        raise ContextRefused("special", name=name)


def _put_file(tar: tarfile.TarFile, entry: tarfile.TarInfo, tree: Tree) -> None:
    data = tar.extractfile(entry)
    if data is None:
        raise ContextRefused("broken")
    before = tree.meter.size
    tree.file(entry.name, data, executable=bool(entry.mode & 0o100))
    if tree.meter.size - before != entry.size:
        raise ContextRefused("broken")


# --- zip ---------------------------------------------------------------------------------------


def _unpack_zip(archive: Path, tree: Tree) -> None:
    with archive.open("rb") as data:
        _check_list(data)
        with zipfile.ZipFile(data) as packed:
            for entry in packed.infolist():
                _put_zipped(packed, entry, tree)


def _check_list(data: IO[bytes]) -> None:
    """Refuse a zip whose list of files is too long to be read whole."""
    size = data.seek(0, io.SEEK_END)
    data.seek(max(0, size - ZIP_END_BYTES - ZIP_COMMENT_BYTES - ZIP64_PLACE_BYTES))
    tail = data.read()
    at = tail.rfind(ZIP_END)
    if at < 0 or at + ZIP_END_BYTES > len(tail):
        raise ContextRefused("broken")
    count = int.from_bytes(tail[at + 10 : at + 12], "little")
    list_bytes = int.from_bytes(tail[at + 12 : at + 16], "little")
    large = tail[max(0, at - ZIP64_PLACE_BYTES) : at].startswith(ZIP64_PLACE)
    if large or count > ZIP_FILES or list_bytes > ZIP_LIST_BYTES:
        raise ContextRefused("zip_too_many", limit=f"{ZIP_FILES:,}")


def _put_zipped(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, tree: Tree) -> None:
    name, mode = entry.filename, entry.external_attr >> 16
    if entry.flag_bits & ZIP_LOCKED:
        raise ContextRefused("encrypted", name=name)
    if entry.compress_type not in ZIP_METHODS:
        raise ContextRefused("packing", name=name)
    if entry.is_dir():
        tree.folder(name)
    elif stat.S_ISLNK(mode):
        tree.symlink(name, _target(packed, entry, tree))
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise ContextRefused("special", name=name)
    else:
        with packed.open(entry) as data:
            tree.file(name, data, executable=bool(mode & 0o100))


def _target(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, tree: Tree) -> str:
    limit = tree.meter.limits.path
    with packed.open(entry) as data:
        target = data.read(limit + 1)
    if len(target) > limit:
        raise ContextRefused("link_outside", name=entry.filename, to="…")
    return target.decode("utf-8", "surrogateescape")
