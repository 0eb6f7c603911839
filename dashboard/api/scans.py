"""Scans: what is in an image, and where in the fleet something is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.filters import Text
from dashboard.api.image_acts import router as image_router
from dashboard.api.images import PlaceOut
from dashboard.api.jobs import accepted
from dashboard.api.pulls import PullAccepted, SkippedHostOut, hosts_of
from dashboard.scan_words import COUNTED
from fleet.access import Unknown
from fleet.models import Scan, Severity
from fleet.operations.errors import Invalid
from fleet.operations.image_scan import MISSING_NAME
from fleet.operations.many_hosts import MANY, ask_on_hosts
from fleet.selectors.scan_search import (
    Found,
    Hit,
    all_scanned,
    search_package,
    search_vulnerability,
)
from fleet.selectors.scans import (
    MISCONFIGURATIONS,
    PACKAGES,
    SECRETS,
    VULNERABILITIES,
    ScanQuery,
    scan_document,
    scan_rows,
    scan_state,
    scans_of,
)

router = Router(tags=["scans"])
LOOKED_TEXT = (
    "done: vulnerabilities were looked for; no_database, database_failed: they were not, and the"
    " counts say nothing"
)
SHOW_TEXT = f"one of {VULNERABILITIES}, {SECRETS}, {MISCONFIGURATIONS}, {PACKAGES}"


class ScanOut(Schema):
    """What a scan has found in all.

    `counts` are vulnerabilities by severity; null when they were not looked for.
    """

    engine_id: str
    scanned_at: datetime
    scanner: str
    system: str
    looked: Annotated[str, Field(description=LOOKED_TEXT)]
    cut: bool
    counts: dict[str, int] | None
    secrets: int
    misconfigurations: int
    packages: int

    @staticmethod
    def of(scan: Scan) -> dict[str, Any]:
        """Return what is shown of a scan."""
        counts = {name: getattr(scan, name) for name in COUNTED}
        said = {
            "counts": counts if scan.looked_for else None,
            "secrets": scan.secrets_count,
            "misconfigurations": scan.misconfigurations_count,
            "packages": scan.packages_count,
        }
        names = ("engine_id", "scanned_at", "scanner", "system", "looked", "cut")
        return said | {name: getattr(scan, name) for name in names}


class ScanItemOut(Schema):
    """One thing that was found; which fields are filled depends on what it is.

    Of a secret only its place is known; `path` is empty for the image's own description.
    """

    name: str
    title: str = ""
    severity: str = ""
    package: str = ""
    version: str = ""
    kind: str = ""
    fixed: str = ""
    path: str = ""
    line: int = 0
    message: str = ""
    resolution: str = ""
    licences: str = ""
    url: str = ""


class ImageScanOut(ScanOut):
    """A scan with one page of one of its lists."""

    show: str
    items: list[ScanItemOut]
    count: int


class ScanFilter(Schema):
    """Which list, what is looked for in it, and which page of 100."""

    show: Annotated[Text, Field(max_length=20, description=SHOW_TEXT)] = ""
    q: Annotated[Text, Field(max_length=200)] = ""
    page: Annotated[int, Field(ge=1, le=999_999)] = 1


@image_router.get(
    "/{int:image_id}/scan", response=ImageScanOut, summary="Show what a scan found in an image"
)
def get_scan(request: HttpRequest, image_id: int, wanted: Query[ScanFilter]) -> Any:
    """Return the newest scan, which is the same for all hosts; 404 when there is none."""
    state = scan_state(caller(request), image_id)
    if state.scan is None:
        raise Unknown(_("scan"))
    show = wanted.show if wanted.show in _ITEMS else ""
    if show != wanted.show:
        raise Invalid({"show": [_("Choose one of %(names)s.") % {"names": ", ".join(_ITEMS)}]})
    rows = scan_rows(state.scan, ScanQuery(show=show, q=wanted.q.strip(), page=wanted.page))
    item = _ITEMS[rows.query.show]
    return ScanOut.of(state.scan) | {
        "show": rows.query.show, "items": [item(row) for row in rows.rows], "count": rows.total,
    }  # fmt: skip


def _vulnerability(row: Any) -> dict[str, Any]:
    return {
        "name": row.advisory.name, "title": row.advisory.title, "url": row.advisory.url,
        "severity": Severity(row.severity).name.lower(), "fixed": row.fixed, **_package_of(row),
    }  # fmt: skip


def _package(row: Any) -> dict[str, Any]:
    return {
        "name": row.package.name, "path": row.path, "licences": row.licences, **_package_of(row),
    }  # fmt: skip


def _package_of(row: Any) -> dict[str, Any]:
    package = row.package
    return {"package": package.name, "version": package.version, "kind": package.kind}


def _finding(row: Any) -> dict[str, Any]:
    names = ("title", "path", "line", "message", "resolution", "url")
    said = {name: getattr(row, name) for name in names}
    return said | {"name": row.rule, "severity": Severity(row.severity).name.lower()}


_ITEMS = {
    VULNERABILITIES: _vulnerability,
    SECRETS: _finding,
    MISCONFIGURATIONS: _finding,
    PACKAGES: _package,
}


@image_router.get(
    "/{int:image_id}/sbom", response=dict[str, Any], summary="Get an image's bill of materials"
)
def get_sbom(request: HttpRequest, image_id: int) -> HttpResponse:
    """Return the CycloneDX document of the newest scan; 404 when there is none."""
    text = scan_document(caller(request), image_id)
    if text is None:
        raise Unknown(_("bill of materials"))
    return HttpResponse(text, content_type="application/vnd.cyclonedx+json")


# --- The fleet -----------------------------------------------------------------------------


class MatchOut(Schema):
    """Why an image is found: a package in it; `severity` and `fixed` of a vulnerability."""

    package: str
    version: str
    kind: str
    severity: str
    fixed: str


class RunningOut(Schema):
    """A container of the image that runs, and where."""

    id: int
    name: str
    host: str
    host_id: int


class HitOut(ScanOut):
    """A scanned image: what in it was asked for, on which hosts it is, what runs it.

    Only hosts and containers that the caller may see; `running` names the first of them.
    """

    tags: list[str]
    used: bool
    matches: list[MatchOut]
    hosts: list[PlaceOut]
    running: list[RunningOut]

    @staticmethod
    def of_hit(hit: Hit, scan: Scan) -> dict[str, Any]:
        """Return what is shown of it."""
        running = [
            {"id": one.pk, "name": one.name, "host": one.host.name, "host_id": one.host.pk}
            for one in hit.users
        ]
        return ScanOut.of(scan) | {
            "tags": hit.line.tags,
            "used": hit.line.used,
            "matches": [_match(one) for one in hit.matches],
            "hosts": [PlaceOut.of(place) for place in hit.line.places],
            "running": running,
        }


def _match(one: Any) -> dict[str, Any]:
    said = {name: getattr(one, name) for name in ("package", "version", "kind", "fixed")}
    named = Severity(one.severity).name.lower() if one.severity is not None else ""
    return said | {"severity": named}


class HitsOut(Schema):
    """A page of 50 of them, those in use first; `count` of all."""

    items: list[HitOut]
    count: int


CVE_TEXT = "the name of a vulnerability, such as CVE-2024-3094"
PACKAGE_TEXT = "the whole name of a package, such as openssl"


class SearchFilter(Schema):
    """What to look for; nothing: all that was scanned."""

    cve: Annotated[Text, Field(max_length=200, description=CVE_TEXT)] = ""
    package: Annotated[Text, Field(max_length=200, description=PACKAGE_TEXT)] = ""
    version: Annotated[Text, Field(max_length=100, description="how its version begins")] = ""
    page: Annotated[int, Field(ge=1, le=999_999)] = 1


@router.get("", response=HitsOut, summary="Find images by what scans found in them")
def list_scans(request: HttpRequest, wanted: Query[SearchFilter]) -> Any:
    """Return where in the fleet a vulnerability or a package is, as far as images were scanned."""
    if wanted.cve and wanted.package:
        raise Invalid({"cve": [_("Ask for a vulnerability or for a package, not for both.")]})
    found = _search(request, wanted)
    scans = scans_of(caller(request), [hit.line.engine_id for hit in found.rows])
    items = [
        HitOut.of_hit(hit, scans[hit.line.engine_id])
        for hit in found.rows
        if hit.line.engine_id in scans
    ]
    return {"items": items, "count": found.total}


def _search(request: HttpRequest, wanted: SearchFilter) -> Found:
    actor = caller(request)
    if wanted.cve:
        return search_vulnerability(actor, wanted.cve.strip(), wanted.page)
    if wanted.package:
        return search_package(actor, wanted.package.strip(), wanted.version.strip(), wanted.page)
    return all_scanned(actor, wanted.page)


class MissingIn(Schema, extra="forbid"):
    """On which hosts."""

    hosts: Annotated[
        list[Annotated[int, Field(ge=1, lt=2**63)]],
        Field(max_length=MANY, description="ids of hosts"),
    ]


@router.post("", response={202: PullAccepted}, summary="Scan images in use that never were")
def scan_missing(request: HttpRequest, data: MissingIn) -> JsonResponse:
    """Make a job that scans each image in use on these hosts which was never scanned."""
    actor = caller(request)
    hosts = hosts_of(actor, set(data.hosts))
    asked = ask_on_hosts(MISSING_NAME, actor=actor, hosts=hosts, params={})
    skipped = [SkippedHostOut.of(row) for row in asked.skipped]
    return accepted(asked.job, joined=asked.joined, skipped=skipped)
