"""The static files with hashed names: made again only when one of them changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

UNUSED = ["redoc*"]  # django-ninja's second API page


def prepare_static() -> bool:
    """Collect, hash and compress the static files. Return False when all is there already.

    Takes seconds, so what was collected is remembered beside it, last: a start that was broken
    off collects again.
    """
    stamp = Path(f"{settings.STATIC_ROOT}.stamp")
    wanted = fingerprint()
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if manifest.exists() and stamp.exists() and stamp.read_text("utf-8") == wanted:
        return False
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=UNUSED)
    stamp.write_text(wanted, "utf-8")
    return True


def fingerprint() -> str:
    """Return a hash of which files there are, how large and how old."""
    text = "\n".join(sorted(_files()))
    return hashlib.sha256(f"{settings.VERSION}\n{text}".encode()).hexdigest()


def _files() -> Iterator[str]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            yield f"{path} {found.st_size} {found.st_mtime_ns}"
