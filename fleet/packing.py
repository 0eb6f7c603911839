"""What bytes go through on their way out."""

from __future__ import annotations

import zlib
from typing import Protocol

GZIP = 16 + zlib.MAX_WBITS


class Packer(Protocol):
    """What bytes go through on their way out."""

    def compress(self, data: bytes, /) -> bytes:
        """Return what is to be sent by now."""

    def flush(self) -> bytes:
        """Return the rest, once; then nothing."""


class Plain:
    """Packs nothing."""

    def compress(self, data: bytes, /) -> bytes:
        """Return it as it is."""
        return data

    def flush(self) -> bytes:
        """Return nothing."""
        return b""


def packer_for(packed: bool, level: int) -> Packer:
    """Return what makes one gzip file, or nothing else, of all that goes through it."""
    return zlib.compressobj(level, zlib.DEFLATED, GZIP) if packed else Plain()
