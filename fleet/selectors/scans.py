"""The scan of one image: how it stands, and what it has found, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.utils.datastructures import MultiValueDict

from fleet.access import access_image, visible_images, visible_jobs, visible_scans
from fleet.actor import Actor
from fleet.jobs.states import RETRYABLE_STATES
from fleet.models import OPEN_STATES, FindingKind, Image, Job, Scan, ScanDocument
from fleet.operations.image_scan import SCAN_NAME
from fleet.scans.place import why_no_scans
from fleet.selectors.given import given_number, given_text
from fleet.selectors.paging import Numbered, page_of
from fleet.selectors.transfers import Transfer, transfer_of

VULNERABILITIES, SECRETS, MISCONFIGURATIONS, PACKAGES = SECTIONS = (
    "vulnerabilities", "secrets", "misconfigurations", "packages",
)  # fmt: skip
SIZE = 100


@dataclass(frozen=True)
class ScanQuery:
    """Which of the lists of a scan, what is looked for in it, and its page."""

    show: str = ""  # one of SECTIONS; "": what counts most
    q: str = ""
    page: int = 1
    size: int = SIZE

    @classmethod
    def parse(cls, sent: MultiValueDict[str, str]) -> ScanQuery:
        """Return what an address asks for; nonsense is as if it was not said."""
        show = sent.get("show", "")
        return cls(
            show=show if show in SECTIONS else "",
            q=given_text(sent.get("q", "")),
            page=max(1, given_number(sent.get("page", ""), digits=6) or 1),
        )

    def urlencode(self, **changes: Any) -> str:
        """Return it as a query string, at its first page unless told."""
        query = replace(self, **{"page": 1, **changes})
        told = {"show": query.show, "q": query.q, "page": query.page if query.page > 1 else ""}
        return urlencode({name: value for name, value in told.items() if value})


@dataclass(frozen=True)
class ScanState:
    """How an image's scan stands, for one viewer."""

    image: Image
    scan: Scan | None
    job: Job | None  # that scans it just now, if the viewer may see it
    failed: Job | None  # the last attempt, when it is newer than the scan and came to nothing
    why_not: str  # why nobody can scan just now, in words
    may_scan: bool
    has_document: bool

    @property
    def transfer(self) -> Transfer | None:
        """How much of the image has come to the worker."""
        return transfer_of(self.job) if self.job else None


@dataclass(frozen=True)
class ScanRows(Numbered):
    """One page of one list: rows of the models, in order."""

    query: ScanQuery
    rows: list[Any]
    total: int
    page: int
    pages: int
    counts: Mapping[str, int]  # of all lists, whatever is looked for


def scan_state(actor: Actor, pk: int) -> ScanState:
    """Return how the scan of an image stands. Raises Unknown."""
    image = access_image(actor, pk)
    scan = visible_scans(actor).filter(engine_id=image.engine_id).first()
    same = visible_images(actor).filter(engine_id=image.engine_id)
    ids = list(same.values_list("pk", flat=True))
    jobs = visible_jobs(actor).filter(target_kind="image", target_id__in=ids, operation=SCAN_NAME)
    ended = jobs.filter(state__in=RETRYABLE_STATES).order_by("-pk").first()
    newer = ended is not None and (scan is None or _is_newer(ended, scan))
    return ScanState(
        image=image,
        scan=scan,
        job=jobs.filter(state__in=OPEN_STATES).order_by("pk").first(),
        failed=ended if newer else None,
        why_not=why_no_scans(),
        may_scan=actor.access.may(SCAN_NAME, image.host),
        has_document=scan is not None and ScanDocument.objects.filter(scan=scan).exists(),
    )


def _is_newer(job: Job, scan: Scan) -> bool:
    return job.finished_at is not None and job.finished_at > scan.scanned_at


def scan_document(actor: Actor, pk: int) -> str | None:
    """Return the CycloneDX document of an image; None where there is none. Raises Unknown."""
    image = access_image(actor, pk)
    scans = visible_scans(actor).filter(engine_id=image.engine_id)
    found = ScanDocument.objects.filter(scan__in=scans).first()
    return found.text if found else None


def scan_rows(scan: Scan, query: ScanQuery) -> ScanRows:
    """Return one page of what a scan has found; the scan came through `scan_state`."""
    counts = {
        VULNERABILITIES: scan.vulnerabilities_count,
        SECRETS: scan.secrets_count,
        MISCONFIGURATIONS: scan.misconfigurations_count,
        PACKAGES: scan.packages_count,
    }
    show = query.show or next((name for name in SECTIONS if counts[name]), VULNERABILITIES)
    query = replace(query, show=show)
    rows = _rows(scan, query)
    total = rows.count() if query.q else counts[show]
    page, pages, part = page_of(total, query.size, query.page)
    return ScanRows(
        query=replace(query, page=page), rows=list(rows[part]), total=total, page=page,
        pages=pages, counts=counts,
    )  # fmt: skip


def _rows(scan: Scan, query: ScanQuery) -> QuerySet[Any]:
    words = query.q.lower().split()
    if query.show == VULNERABILITIES:
        rows = scan.vulnerabilities.select_related("advisory", "package").order_by(
            "-severity", "advisory__name", "package__key", "pk"
        )
        return rows.filter(_all_in(words, "advisory__name", "advisory__title", "package__key"))
    if query.show == PACKAGES:
        found = scan.packages.select_related("package").order_by("package__key", "pk")
        return found.filter(_all_in(words, "package__key", "package__version", "path"))
    kind = FindingKind.SECRET if query.show == SECRETS else FindingKind.MISCONFIGURATION
    findings = scan.findings.filter(kind=kind).order_by("-severity", "path", "line", "pk")
    return findings.filter(_all_in(words, "title", "rule", "path"))


def _all_in(words: Iterable[str], *fields: str) -> Q:
    """Return the filter for rows in which each word is somewhere."""
    found = Q()
    for word in words:
        anywhere = Q()
        for field in fields:
            anywhere |= Q(**{f"{field}__icontains": word})
        found &= anywhere
    return found


def scans_of(actor: Actor, engine_ids: Iterable[str]) -> dict[str, Scan]:
    """Return the scans of images that the viewer sees, by the images' ids; one query."""
    rows = visible_scans(actor).filter(engine_id__in=list(engine_ids))
    return {scan.engine_id: scan for scan in rows}
