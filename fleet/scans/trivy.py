"""Running Trivy over a saved image. It asks nobody anything, but for the database that is set."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fleet.programs import (
    Finished,
    ProgramSlow,
    find_program,
    plain_environment,
    run_program,
)
from fleet.scans.report import ARTIFACT, ScanReport, read_report

SECONDS = 900.0
REPORT_BYTES = 200 * 1024 * 1024
SENTENCES: dict[str, Promise] = {
    "no_trivy": _("There is no Trivy on the worker. Ask an administrator to install it, or to say"
                  " by QUAYSIDE_TRIVY where it is."),
    "slow": _("The scan took longer than %(minutes)d minutes and was ended."),
    "failed": _("Trivy could not read the image: its last words say why."),
    "not_genuine": _("The host gave another image than the one that was asked for."),
    "not_whole": _("The host has not all of the image, so that it cannot be compared with its ID."
                   " Pull it again."),
    "too_large_unpacked": _("The image's layers are larger than can be looked into."),
    "too_large": _("Trivy found more than can be kept of one image."),
}  # fmt: skip


class ScanFailed(Exception):
    """Why there is no report, as a sentence; `raw` is what Trivy said."""

    def __init__(self, code: str, raw: str = "") -> None:
        self.code, self.raw = code, raw
        super().__init__(code)

    def __str__(self) -> str:
        return str(SENTENCES[self.code]) % {"minutes": SECONDS // 60}


@dataclass(frozen=True)
class Scanned:
    """A report, and the same as a CycloneDX document (its JSON)."""

    report: ScanReport
    sbom: str


def scan(image: Path, cache: Path, look: Callable[[], None] = lambda: None) -> Scanned:
    """Scan an image: a folder as the OCI lays it out, or a tar. Raises ScanFailed.

    `cache` is a folder that stays, for the database; `look` is called while Trivy runs, and what
    it raises ends the scan.
    """
    program = find_program("trivy", settings.TRIVY)
    if not program:
        raise ScanFailed("no_trivy")
    # Beside the image: /tmp is often memory, and Trivy unpacks there.
    with tempfile.TemporaryDirectory(prefix="scan-", dir=image.resolve().parent) as name:
        return _Scan(program, image, cache, Path(name), look).run()


class _Scan:
    def __init__(
        self, program: str, image: Path, cache: Path, folder: Path, look: Callable[[], None]
    ) -> None:
        self.program, self.image, self.cache = program, image, cache
        self.folder, self.look = folder, look
        self.made = folder / "report.json"

    def run(self) -> Scanned:
        # Its report repeats the file's name as it was given.
        (self.folder / ARTIFACT).symlink_to(self.image.resolve())
        mirror = settings.TRIVY_DB_REPOSITORY
        if mirror:
            done = self._scan("vuln,secret,misconfig", f"--db-repository={mirror}")
            if not done.code:
                return Scanned(read_report(self._said(), "done"), self._sbom())
        done = self._scan("secret,misconfig", "--skip-db-update")
        if done.code:
            raise ScanFailed("failed", done.said)
        looked = read_report(self._said(), "database_failed" if mirror else "no_database")
        return Scanned(looked, self._sbom())

    def _scan(self, scanners: str, *more: str) -> Finished:
        self.made.unlink(missing_ok=True)
        return self._call(
            "image", f"--input={ARTIFACT}", "--format=json", f"--output={self.made}",
            f"--scanners={scanners}", "--image-config-scanners=misconfig,secret",
            "--list-all-pkgs", "--offline-scan", "--skip-java-db-update", "--skip-check-update",
            # What it remembers of layers would grow for ever.
            "--no-progress", "--cache-backend=memory", *more,
        )  # fmt: skip

    def _sbom(self) -> str:
        done = self._call("convert", "--format=cyclonedx", str(self.made))
        if done.code:
            raise ScanFailed("failed", done.said)
        return done.text(REPORT_BYTES)

    def _call(self, *arguments: str) -> Finished:
        common = ["--quiet", "--disable-telemetry", "--skip-version-check"]
        argv = [self.program, f"--cache-dir={self.cache}", *arguments[:1], *common, *arguments[1:]]
        if arguments[0] == "convert":
            argv = [self.program, f"--cache-dir={self.cache}", "--quiet", *arguments]
        try:
            return run_program(
                argv,
                self.folder,
                environment=plain_environment(self.folder),
                seconds=SECONDS,
                look=self.look,
            )
        except ProgramSlow:
            raise ScanFailed("slow") from None
        except OSError as error:
            raise ScanFailed("no_trivy", str(error)) from error

    def _said(self) -> Any:
        if self.made.stat().st_size > REPORT_BYTES:
            raise ScanFailed("too_large")
        try:
            return json.loads(self.made.read_bytes())
        except ValueError as error:
            raise ScanFailed("failed", str(error)) from error
