"""The order in which people read tags: the newest version first, numbers as numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PARTS = re.compile(r"\d{1,18}|[^\d]+|\d+")
_VERSION = re.compile(r"v?\d", re.ASCII)
LATEST = "latest"
Key = tuple[tuple[int, int, str], ...]


def by_version(tags: Iterable[str]) -> tuple[str, ...]:
    """`latest`, then versions from the newest to the oldest, then other names by the alphabet."""
    rows = list(tags)
    versions = sorted((t for t in rows if _VERSION.match(t)), key=_key, reverse=True)
    names = sorted((t for t in rows if t != LATEST and not _VERSION.match(t)), key=_key)
    return (*(t for t in rows if t == LATEST), *versions, *names)


def _key(tag: str) -> Key:
    """Numbers count as numbers; `1.2` comes before all of its series, `1.2.7` and `1.2-rc1`."""
    parts = _PARTS.findall(tag.removeprefix("v") if _VERSION.match(tag) else tag)
    found = [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
    return (*found, (0, 1, ""))
