"""How much a context may be."""

from __future__ import annotations

from dataclasses import dataclass

from fleet.builds.errors import ContextRefused

GIGABYTE = 1024**3
RESERVE = 512 * 1024**2  # bytes of the disk that no build may take


@dataclass(frozen=True)
class Limits:
    """Upper bounds of what is unpacked: bytes of all files together, and names of any kind."""

    size: int = 2 * GIGABYTE
    files: int = 100_000
    path: int = 1024  # bytes of one whole name


class Meter:
    """Counts what comes out of an archive; raises ContextRefused beyond the limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.size = 0
        self.files = 0

    def entry(self) -> None:
        """One more name."""
        self.files += 1
        if self.files > self.limits.files:
            raise ContextRefused("too_many", limit=f"{self.limits.files:,}")

    def bytes(self, count: int) -> None:
        """So many more bytes, before they are written."""
        self.size += count
        if self.size > self.limits.size:
            raise ContextRefused("too_large", limit=words_of(self.limits.size))


def words_of(size: int) -> str:
    """Return a number of bytes as people read it: `2 GB`."""
    for unit, name in ((GIGABYTE, "GB"), (1024**2, "MB"), (1024, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} B"
