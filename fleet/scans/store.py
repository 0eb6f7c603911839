"""Keeping what a scan has found, in one transaction; a new scan of an image replaces the old."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from fleet.locks import lock
from fleet.models import (
    Advisory,
    FindingKind,
    Package,
    Scan,
    ScanDocument,
    ScanFinding,
    ScanPackage,
    ScanVulnerability,
    Severity,
)
from fleet.models.scans import NAME_LIMIT, VERSION_LIMIT
from fleet.publish import ScansChanged, publish_on_commit
from fleet.scans import report
from fleet.scans.report import ScanReport
from fleet.scans.trivy import Scanned

DOCUMENT_BYTES = 64 * 1024 * 1024  # of a bill of materials; a larger one is not kept
KIND_LIMIT = 40
BATCH = 500
USES = "uses of packages"  # who writes uses holds this lock, who removes what has none, too
Key = tuple[str, str, str]  # name, version, kind of a package
Item = TypeVar("Item")


def store(engine_id: str, scanned: Scanned) -> Scan:
    """Keep what was found in an image, in the place of what was known of it."""
    found = scanned.report
    with transaction.atomic():
        lock(USES, shared=True)
        lock(f"scan {engine_id}")
        scan, _new = Scan.objects.update_or_create(engine_id=engine_id, defaults=_facts(found))
        for rows in (scan.packages, scan.vulnerabilities, scan.findings):
            rows.all().delete()
        packages = _packages(found)
        _write_packages(scan, found, packages)
        _write_vulnerabilities(scan, found, packages)
        ScanFinding.objects.bulk_create(_findings(scan, found), batch_size=BATCH)
        _write_document(scan, scanned.sbom)
        publish_on_commit(ScansChanged([scan.pk]))
    return scan


def _facts(found: ScanReport) -> dict[str, object]:
    once = {(one.id, one.package, one.version, one.kind): one for one in found.vulnerabilities}
    counts = Counter(one.severity.lower() for one in once.values())
    return {
        "scanned_at": timezone.now(),
        "scanner": found.scanner[:100],
        "system": found.system[:200],
        "looked": found.looked,
        "cut": found.cut,
        "packages_count": len({_key(one) for one in found.packages}),
        **{name: counts[name] for name in ("critical", "high", "medium", "low", "unknown")},
        "secrets_count": len(found.secrets),
        "misconfigurations_count": len(found.misconfigurations),
        "missing_since": None,
    }


# --- Packages ------------------------------------------------------------------------------


def _key(one: report.Package) -> Key:
    return _cut(one.name, one.version, one.kind)


def _cut(name: str, version: str, kind: str) -> Key:
    return name[:NAME_LIMIT], version[:VERSION_LIMIT], kind[:KIND_LIMIT]


def _owner(one: report.Vulnerability, installed: dict[Key, Key]) -> Key:
    """Return the package that has it; of an epoch only the package itself may tell."""
    key = _cut(one.package, one.version, one.kind)
    return installed.get(key, key)


def _by_plain_version(keys: Iterable[Key]) -> dict[Key, Key]:
    found: dict[Key, Key] = {}
    for key in keys:
        name, version, kind = key
        found.setdefault((name, version.partition(":")[2] or version, kind), key)
        found[key] = key
    return found


def _packages(found: ScanReport) -> dict[Key, int]:
    """Return the ids of all packages of the report, with rows for those that had none."""
    installed = _by_plain_version(map(_key, found.packages))
    wanted = set(installed.values()) | {_owner(one, installed) for one in found.vulnerabilities}
    # In one order: two scans at the same time must not wait for each other crosswise.
    rows = [
        Package(name=name, version=version, kind=kind, key=name.lower()[:NAME_LIMIT])
        for name, version, kind in sorted(wanted)
    ]
    Package.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
    ids: dict[Key, int] = {}
    for names in _parts(sorted({name for name, _version, _kind in wanted})):
        known = Package.objects.filter(name__in=names).order_by()
        for pk, *key in known.values_list("pk", "name", "version", "kind"):
            ids[key[0], key[1], key[2]] = pk
    return ids


def _write_packages(scan: Scan, found: ScanReport, ids: dict[Key, int]) -> None:
    rows: dict[int, ScanPackage] = {}
    for one in found.packages:
        pk = ids[_key(one)]
        if pk in rows:
            rows[pk].more += 1
            continue
        licences = ", ".join(one.licences)[:NAME_LIMIT]
        rows[pk] = ScanPackage(scan=scan, package_id=pk, path=one.path, licences=licences)
    ScanPackage.objects.bulk_create(rows.values(), batch_size=BATCH)


# --- What is wrong -------------------------------------------------------------------------


def _write_vulnerabilities(scan: Scan, found: ScanReport, ids: dict[Key, int]) -> None:
    installed = _by_plain_version(map(_key, found.packages))
    advisories = _advisories(found.vulnerabilities)
    rows: dict[tuple[int, int], ScanVulnerability] = {}
    for one in found.vulnerabilities:
        owner, advisory = ids[_owner(one, installed)], advisories[one.id[:NAME_LIMIT]]
        severity = Severity[one.severity]
        row = ScanVulnerability(
            scan=scan, advisory_id=advisory, package_id=owner, severity=severity,
            fixed=one.fixed[:NAME_LIMIT],
        )  # fmt: skip
        rows.setdefault((advisory, owner), row)
    ScanVulnerability.objects.bulk_create(rows.values(), batch_size=BATCH)


def _advisories(found: Iterable[report.Vulnerability]) -> dict[str, int]:
    """Return the ids of advisories by their names; the newest words about them count."""
    wanted = {one.id[:NAME_LIMIT]: one for one in found}
    rows = [
        Advisory(name=name, title=wanted[name].title, url=wanted[name].url)
        for name in sorted(wanted)
    ]
    Advisory.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["title", "url"],
    )
    ids: dict[str, int] = {}
    for names in _parts(sorted(wanted)):
        ids |= dict(Advisory.objects.filter(name__in=names).values_list("name", "pk"))
    return ids


def _findings(scan: Scan, found: ScanReport) -> Iterator[ScanFinding]:
    for one in found.secrets:
        yield ScanFinding(
            scan=scan, kind=FindingKind.SECRET, severity=Severity[one.severity],
            rule=one.rule[:NAME_LIMIT], title=one.title, path=one.path,
            line=min(max(0, one.line), 2**31 - 1),
        )  # fmt: skip
    for wrong in found.misconfigurations:
        yield ScanFinding(
            scan=scan, kind=FindingKind.MISCONFIGURATION, severity=Severity[wrong.severity],
            rule=wrong.id[:NAME_LIMIT], title=wrong.title, message=wrong.message,
            resolution=wrong.resolution, url=wrong.url, path=wrong.path,
            line=min(max(0, wrong.line), 2**31 - 1),
        )  # fmt: skip


def _write_document(scan: Scan, sbom: str) -> None:
    data = sbom.encode()
    if not data or len(data) > DOCUMENT_BYTES:
        ScanDocument.objects.filter(scan=scan).delete()
        return
    kept = {"data": zlib.compress(data, 6)}
    ScanDocument.objects.update_or_create(scan=scan, defaults=kept)


def _parts(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while part := list(islice(rest, BATCH)):
        yield part
