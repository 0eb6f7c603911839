"""A tar as it passes, in pieces of any size: nothing of it is kept."""

from __future__ import annotations

import re
from collections.abc import Callable

BLOCK = 512
HELD_LIMIT = 1024 * 1024  # bytes of extended headers before one entry
EXTENDED = b"xLK"  # kinds of entries that tell more of the next one
WITHOUT_DATA = b"123456"  # links, devices, folders
LARGEST = 2**63 - 1  # what Go, which engines are written in, takes as a size
_OCTAL = re.compile(rb"[0-7]*")
_PAX_SIZE = re.compile(rb"(?:^|\n)\d+ size=(\d{1,18})\n")


class Header:
    """The first block of an entry. Raises ValueError for what is none."""

    def __init__(self, block: bytes) -> None:
        kept = _number(block[148:156])
        if sum(block) - sum(block[148:156]) + 8 * 32 != kept:
            raise ValueError("no header of a tar")
        name, prefix = _text(block[:100]), _text(block[345:500])
        is_ustar = block[257:263] == b"ustar\0"
        self.name = f"{prefix}/{name}" if is_ustar and prefix else name
        self.kind = block[156:157]
        self.size = 0 if self.kind in WITHOUT_DATA else _number(block[124:136])

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file."""
        return self.kind in (b"0", b"\0")


class Sieve:
    """Lets a tar pass but for the files whose names `drop` picks.

    What it does not understand passes as it is from there on, for the reader to judge.
    """

    def __init__(self, drop: Callable[[str], bool]) -> None:
        self._drop = drop
        self._block = bytearray()
        self._left = 0  # bytes of the entry that are still to come, its padding too
        self._to: bytearray | None = None  # where they go; None: nowhere
        self._held = bytearray()  # extended headers that wait for what they are about
        self._blind = False
        self.left_out = 0

    def feed(self, piece: bytes) -> bytes:
        """Return what passes of the next piece."""
        out = bytearray()
        view = memoryview(piece)
        if self._to is not None and self._to is not self._held:
            self._to = out
        while view:
            if self._blind:
                out += view
                break
            if self._left:
                part = view[: self._left]
                self._left -= len(part)
                if self._to is None:
                    self.left_out += len(part)
                else:
                    self._to += part
            else:
                part = view[: BLOCK - len(self._block)]
                self._block += part
                if len(self._block) == BLOCK:
                    self._begin(out)
            view = view[len(part) :]
        return bytes(out)

    def flush(self) -> bytes:
        """Return what was still held back when the tar ended."""
        rest = bytes(self._held + self._block)
        self._held.clear()
        self._block.clear()
        return rest

    def _begin(self, out: bytearray) -> None:
        """An entry begins, or the two empty blocks at the end."""
        block = bytes(self._block)
        self._block.clear()
        try:
            header = Header(block)
        except ValueError:
            self._give_up(out, block)
            return
        if header.kind in EXTENDED and header.kind:
            if len(self._held) + header.size > HELD_LIMIT:
                self._give_up(out, block)
                return
            self._held += block
            self._to, self._left = self._held, _padded(header.size)
            return
        told = told_size(bytes(self._held))
        size = header.size if told is None else told
        dropped = header.is_file and not self._held and self._drop(header.name)
        if dropped:
            self.left_out += BLOCK
        else:
            out += self._held + block
        self._held.clear()
        self._to, self._left = None if dropped else out, _padded(size)

    def _give_up(self, out: bytearray, block: bytes) -> None:
        out += self._held + block
        self._held.clear()
        self._blind = True


def told_size(headers: bytes) -> int | None:
    """Return the size of the next entry if extended headers tell it: from 8 GiB on they do."""
    told = _PAX_SIZE.search(headers)
    return int(told[1]) if told else None


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")


def _number(field: bytes) -> int:
    """Return an octal number, or one in base 256 as GNU writes large ones.

    Raises ValueError for all else that `int` would take: with a size below zero a reader goes back
    to where it was, for ever.
    """
    text = field.strip(b" \0")
    if field[:1] and field[0] & 0xC0 == 0x80:  # 0x40 besides is the sign
        found = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    elif _OCTAL.fullmatch(text):
        found = int(text or b"0", 8)
    else:
        raise ValueError("no number of a tar")
    if found > LARGEST:
        raise ValueError("no size of anything")
    return found
