"""Uploaded archives, kept in the data folder under names of ours."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from fleet.builds.archives import kind_of
from fleet.builds.errors import ContextRefused
from fleet.builds.limits import RESERVE, words_of

ID = re.compile(r"^[0-9a-f]{32}\Z")


def place_of(archive: str) -> Path:
    """Return where an archive is. Raises ContextRefused for what is no id of ours."""
    if not ID.match(archive):
        raise ContextRefused("archive_missing")
    return Path(settings.BUILD_ARCHIVE_DIR) / archive


def keep(pieces: Iterable[bytes]) -> tuple[str, int]:
    """Write an archive as it comes; return its id and size. Raises ContextRefused."""
    root = Path(settings.BUILD_ARCHIVE_DIR)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    archive, size = secrets.token_hex(16), 0
    place = root / archive
    try:
        with place.open("xb") as target:
            for piece in pieces:
                size += len(piece)
                _check(size, root)
                target.write(piece)
        kind_of(place)
    except BaseException as error:
        place.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ContextRefused("no_room") from error
        raise
    return archive, size


def forget(archive: str) -> None:
    """Remove an archive, if it is there."""
    if archive:
        place_of(archive).unlink(missing_ok=True)


def _check(size: int, root: Path) -> None:
    limit = settings.BUILD_CONTEXT_BYTES
    if size > limit:
        raise ContextRefused("archive_large", limit=words_of(limit))
    now_and_then = size % (16 * 1024**2) < 64 * 1024
    if now_and_then and shutil.disk_usage(root).free < RESERVE:
        raise ContextRefused("no_room")
