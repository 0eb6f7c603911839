"""The static files with hashed names: made again only when one of them changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.management import call_command

MANIFEST = "staticfiles.json"


def prepare_static() -> bool:
    """Collect, hash and compress the static files. Return False when all is there already.

    Takes seconds, so what was collected is remembered beside it, last: a start that was broken
    off collects again. What the collection before had stays, for the pages that are still open.
    """
    root = Path(settings.STATIC_ROOT)
    stamp = Path(f"{root}.stamp")
    wanted = fingerprint()
    if (root / MANIFEST).exists() and stamp.exists() and stamp.read_text("utf-8") == wanted:
        return False
    stamp.unlink(missing_ok=True)
    before = manifest_names(root)
    call_command("collectstatic", interactive=False, verbosity=0)
    if isinstance(staticfiles_storage, ManifestFilesMixin):
        clear(root, before | manifest_names(root) | {MANIFEST})
    stamp.write_text(wanted, "utf-8")
    return True


def manifest_names(root: Path) -> set[str]:
    """Return the names of the collected files, with and without hashes; none if unreadable."""
    try:
        paths = json.loads((root / MANIFEST).read_text("utf-8"))["paths"]
    except (OSError, ValueError, KeyError):
        return set()
    return {*paths, *paths.values()}


def clear(root: Path, kept: set[str]) -> None:
    """Remove what is neither one of these files nor a compressed form of one."""
    for path in sorted(root.rglob("*"), reverse=True):  # a folder comes after what is in it
        name = path.relative_to(root).as_posix()
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif not {name, name.removesuffix(".gz"), name.removesuffix(".br")} & kept:
            path.unlink()


def fingerprint() -> str:
    """Return a hash of which files there are, how large and how old."""
    text = "\n".join(sorted(_files()))
    return hashlib.sha256(f"{settings.VERSION}\n{text}".encode()).hexdigest()


def _files() -> Iterator[str]:
    ignored = apps.get_app_config("staticfiles").ignore_patterns  # type: ignore[attr-defined]
    for finder in get_finders():
        for path, storage in finder.list(ignored):
            found = Path(storage.path(path)).stat()
            yield f"{path} {found.st_size} {found.st_mtime_ns}"
