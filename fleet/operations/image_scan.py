"""Looking into images: saved from their host to a worker, read there by Trivy."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fleet.builds.folders import run_folder, sweep
from fleet.builds.limits import RESERVE, words_of
from fleet.builds.tree import clear
from fleet.engine.errors import Aborted, EngineError
from fleet.engine.images import inspect_image
from fleet.engine.raw import Json, as_int, as_str
from fleet.engine.saving import save_image
from fleet.models import Container, Image, Looked, Scan
from fleet.operations.registry import Operation, register
from fleet.scans.blobs import Blobs
from fleet.scans.genuine import find_genuine
from fleet.scans.layout import write_layout
from fleet.scans.place import has_trivy, only_one, why_no_scans
from fleet.scans.store import store
from fleet.scans.trivy import SENTENCES, ScanFailed, scan

if TYPE_CHECKING:
    from fleet.jobs.work import Work

SCAN_NAME, MISSING_NAME = "image.scan", "image.scan_missing"
ROOM_STEP = 16 * 1024**2  # bytes between two looks at how much of the disk is left


def _scan_image(work: Work) -> None:
    _check_trivy()
    sweep()
    _scan_one(work, work.engine_id, work.job.target_name)


def _check_trivy() -> None:
    from fleet.jobs.work import Failed

    if not has_trivy():
        raise Failed(str(SENTENCES["no_trivy"]))


def _scan_one(work: Work, engine_id: str, name: str) -> None:
    """Save, scan and keep. Raises Failed in words, EngineError, or as `Report.check` does."""
    from fleet.jobs.work import Failed

    report = work.report
    said = inspect_image(work.engine, engine_id)

    def look() -> None:
        report.check()
        _check_room(place)  # Trivy unpacks large files there

    try:
        with run_folder(work.job) as folder:
            came = _save(work, engine_id, name, as_int(said.get("Size")), folder / "came")
            place = folder / "image"
            _lay_out(work, came, engine_id, _platform(said), place)
            waits = _("Another image is scanned on this worker just now; this one waits.")
            with only_one(report.check, lambda: report.line(waits)):
                report.line(_("Trivy looks into %(name)s.") % {"name": name})
                found = scan(place, settings.TRIVY_CACHE_DIR, look)
            report.check()
            _tell(work, store(engine_id, found))
            report.part(name, "done")
    except ScanFailed as error:
        raise Failed(str(error), error.raw) from None


def _lay_out(work: Work, came: Blobs, engine_id: str, platform: str, place: Path) -> None:
    """Give Trivy what the id names and nothing else: what is kept is for all hosts.

    Raises ScanFailed when the host gave another image than it said.
    """
    image = find_genuine(came, engine_id, platform, work.report.check)
    write_layout(place, image)
    clear(came.folder)
    if image.platforms > 1:
        said = _("The image is there for %(count)d platforms; the one for %(platform)s is scanned.")
        work.report.line(said % {"count": image.platforms, "platform": image.platform})


def _platform(said: Json) -> str:
    parts = (as_str(said.get(name)) for name in ("Os", "Architecture", "Variant"))
    return "/".join(part for part in parts if part)


def _save(work: Work, engine_id: str, name: str, size: int, folder: Path) -> Blobs:
    """Take the image apart into a folder, and never take the last of the disk."""
    done = looked = 0
    _check_room(folder.parent, size)
    came = Blobs(folder)
    with (
        closing(came),
        closing(save_image(work.engine, [engine_id])) as pieces,
        work.report.awaiting(packs=True),
    ):
        for piece in pieces:
            came.write(piece)
            done += len(piece)
            if done - looked >= ROOM_STEP:
                _check_room(folder)
                looked = done
            work.report.part(name, "downloading", done, max(size, done))
        came.done()
    work.report.part(name, "downloaded")
    said = _("Saved %(name)s, %(size)s.")
    work.report.line(said % {"name": name, "size": words_of(done)})
    return came


def _check_room(folder: Path, size: int = 0) -> None:
    from fleet.jobs.work import Failed

    free = shutil.disk_usage(folder).free
    if free - size < RESERVE:
        said = _("The worker's disk has no room for the image: %(free)s are free, of which"
                 " %(reserve)s stay free.")  # fmt: skip
        raise Failed(said % {"free": words_of(free), "reserve": words_of(RESERVE)})


def _tell(work: Work, kept: Scan) -> None:
    count, holes = kept.packages_count, kept.vulnerabilities_count
    said = ngettext("%(count)d package was found.", "%(count)d packages were found.", count)
    work.report.line(said % {"count": count})
    done = ngettext(
        "%(count)d vulnerability was found.", "%(count)d vulnerabilities were found.", holes
    )
    sentences = {
        Looked.DONE: done % {"count": holes},
        Looked.NO_DATABASE: _("Vulnerabilities were not looked for: no database is set."),
        Looked.DATABASE_FAILED: _(
            "Vulnerabilities were not looked for: the database did not come."
        ),
    }
    work.report.line(sentences[Looked(kept.looked)])


# --- All that have none ---------------------------------------------------------------------


def unscanned_on(host_id: int) -> list[Image]:
    """Return the images that containers of a host use and that were never scanned."""
    used = Container.objects.filter(host=host_id).values("image_id")
    scanned = Scan.objects.values("engine_id")
    rows = Image.objects.filter(host=host_id, engine_id__in=used)
    return list(rows.exclude(engine_id__in=scanned).order_by("name", "pk"))


def _scan_missing(work: Work) -> None:
    from fleet.jobs.work import Failed

    _check_trivy()
    sweep()
    images = unscanned_on(work.host.pk)
    if not images:
        work.report.line(_("Every image in use has been scanned."))
        return
    for image in images:
        work.report.part(str(image), "waiting", 0, image.size)
    bad = [image for image in images if not _try(work, image)]
    if bad:
        said = ngettext(
            "%(bad)d of %(all)d image could not be scanned; the lines above say why.",
            "%(bad)d of %(all)d images could not be scanned; the lines above say why.",
            len(images),
        )
        raise Failed(said % {"bad": len(bad), "all": len(images)})


def _try(work: Work, image: Image) -> bool:
    """Scan one of many; what is wrong with it must not keep the others from it."""
    from fleet.jobs.work import Failed

    if Scan.objects.filter(engine_id=image.engine_id).exists():
        work.report.part(str(image), "exists")  # on another host, in the meantime
        return True
    try:
        _scan_one(work, image.engine_id, str(image))
    except Aborted:
        raise
    except (EngineError, Failed) as error:
        told = {"name": str(image), "why": str(error)}
        work.report.line(_("%(name)s: %(why)s") % told, level="error")
        return False
    return True


SCAN = register(
    Operation(
        name=SCAN_NAME,
        target="image",
        verb=gettext_lazy("Scan"),
        doing=gettext_lazy("Scanning %(target)s"),
        done=gettext_lazy("Scanned %(target)s"),
        sentence=gettext_lazy(
            "Saves the image to a worker, where Trivy looks for packages, secrets,"
            " misconfigurations, and vulnerabilities if a database is set. Nothing changes on the"
            " host."
        ),
        icon="shield-lock",
        repeatable=True,
        queue="transfer",
        run=_scan_image,
        missing=why_no_scans,
    )
)
SCAN_MISSING = register(
    Operation(
        name=MISSING_NAME,
        target="host",
        verb=gettext_lazy("Scan images"),
        doing=gettext_lazy("Scanning images of %(target)s"),
        done=gettext_lazy("Scanned images of %(target)s"),
        sentence=gettext_lazy("Scans each image in use that was never scanned."),
        icon="shield-lock",
        repeatable=True,
        queue="transfer",
        needs=SCAN_NAME,
        run=_scan_missing,
        missing=why_no_scans,
    )
)
