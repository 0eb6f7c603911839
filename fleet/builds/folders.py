"""Folders of builds on a worker's disk: made for one run, gone with it, swept when it died."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings

from fleet.builds.errors import ContextRefused
from fleet.builds.limits import RESERVE, Limits
from fleet.builds.tree import clear
from fleet.models import Job, JobState

NAME = re.compile(r"^run-(\d{1,18})-([0-9a-f]{32})\Z")
UPLOAD_SECONDS = 24 * 3600  # after which what is left of an upload is nobody's
log = structlog.get_logger(__name__)


@contextmanager
def run_folder(job: Job) -> Iterator[Path]:
    """A folder that only we can enter, for what a run needs; it is gone afterwards."""
    root = Path(settings.BUILD_DIR)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    claim = job.claim.hex if job.claim else "0" * 32
    folder = root / f"run-{job.pk}-{claim}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        clear(folder)


def limits_on(folder: Path) -> Limits:
    """Return how much a context may be: the setting, and never the last of the disk.

    Others write there, too, so whoever fills it looks again meanwhile. Raises ContextRefused when
    there is no room at all.
    """
    room = shutil.disk_usage(folder).free - RESERVE
    if room <= 0:
        raise ContextRefused("no_room")
    return Limits(size=min(settings.BUILD_CONTEXT_BYTES, room))


def sweep() -> int:
    """Remove what runs whose worker died have left on this machine; return how many."""
    removed = 0
    for place in _folders(Path(settings.BUILD_DIR)):
        found = NAME.match(place.name)
        if found and not _is_alive(int(found[1]), UUID(found[2])):
            clear(place)
            removed += 1
    _sweep_uploads()
    if removed:
        log.info("build_folders_swept", count=removed)
    return removed


def _is_alive(job_id: int, claim: UUID) -> bool:
    return Job.objects.filter(pk=job_id, claim=claim, state=JobState.RUNNING).exists()


def _sweep_uploads() -> None:
    old = time.time() - UPLOAD_SECONDS
    for place in _folders(Path(settings.FILE_UPLOAD_TEMP_DIR)):
        if place.is_file() and place.stat().st_mtime < old:
            place.unlink(missing_ok=True)


def _folders(root: Path) -> list[Path]:
    try:
        return list(root.iterdir())
    except FileNotFoundError:
        return []
