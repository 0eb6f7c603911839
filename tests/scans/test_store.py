"""What is kept of a scan: shared rows, a new scan in the old one's place, and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from fleet.models import (
    Advisory,
    Host,
    Image,
    Package,
    Scan,
    ScanDocument,
    ScanFinding,
    ScanPackage,
    ScanVulnerability,
    Severity,
)
from fleet.scans import report
from fleet.scans import store as stores
from fleet.scans.keeping import purge_scans
from fleet.scans.store import store
from fleet.scans.trivy import Scanned
from tests.conftest import make_image
from tests.scans.rows import BASH, HOLE, OPENSSL, SBOM, make_report, make_scan, recorded_scan

pytestmark = pytest.mark.django_db
ONE, TWO = (f"sha256:{number:064x}" for number in (1, 2))


def test_two_images_share_packages_and_advisories() -> None:
    first, second = make_scan(ONE), make_scan(TWO)
    assert (first.packages_count, first.critical, first.high) == (2, 1, 0)
    assert (first.secrets_count, first.misconfigurations_count) == (1, 1)
    assert Package.objects.count() == 2 and Advisory.objects.count() == 1
    assert ScanPackage.objects.count() == 4 and ScanVulnerability.objects.count() == 2
    assert second.document.text == SBOM
    row = ScanVulnerability.objects.filter(scan=second).get()
    assert (str(row.advisory), str(row.package)) == ("CVE-2024-0001", "openssl 3.0.11-1")
    assert (row.severity, row.fixed) == (Severity.CRITICAL, "3.0.13-1")


def test_a_new_scan_replaces_the_old() -> None:
    make_scan(ONE)
    newer = replace(HOLE, title="openssl: a hole, closed", fixed="3.0.14-1")
    again = make_scan(
        ONE, packages=(OPENSSL,), vulnerabilities=(newer,), secrets=(), misconfigurations=()
    )
    assert Scan.objects.get() == again
    assert [use.package.name for use in again.packages.all()] == ["openssl"]
    assert again.vulnerabilities.get().fixed == "3.0.14-1"
    assert Advisory.objects.get().title == "openssl: a hole, closed"
    assert not ScanFinding.objects.exists()


def test_one_package_in_many_places_is_one_row() -> None:
    paths = ["/a/package.json", "/b/package.json", "/c/package.json"]
    found = [report.Package("lodash", "4.17.20", "node-pkg", path) for path in paths]
    scan = make_scan(ONE, packages=tuple(found), vulnerabilities=())
    use = scan.packages.get()
    assert (use.path, use.more, scan.packages_count) == (paths[0], 2, 1)


def test_the_recorded_report_is_kept() -> None:
    scan = recorded_scan(ONE)
    assert (scan.critical, scan.high, scan.unknown) == (1, 1, 1)
    # Trivy told an epoch of the package, and none of its vulnerability.
    hole = scan.vulnerabilities.get(advisory__name="CVE-2023-38545")
    assert hole.package.version == "1:7.88.1-10"
    assert scan.packages.filter(package=hole.package).exists()


def test_without_a_database_there_are_no_counts_that_mean_something() -> None:
    scan = recorded_scan(ONE, "no_database")
    assert (scan.looked_for, scan.vulnerabilities_count) == (False, 0)


def test_what_is_too_long_is_cut_the_same_way_each_time() -> None:
    long = report.Package("x" * 500, "1" * 500, "k" * 500, "/p" * 200, ("l" * 500,))
    for _again in range(2):
        make_scan(ONE, packages=(long, BASH), vulnerabilities=())
    assert {len(row.name) for row in Package.objects.all()} == {200, 4}
    assert Package.objects.count() == 2


def test_a_bill_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    make_scan(ONE)
    monkeypatch.setattr(stores, "DOCUMENT_BYTES", 10)
    store(ONE, Scanned(make_report(), SBOM))
    assert not ScanDocument.objects.exists()


def test_scans_go_some_days_after_the_last_host_had_the_image(host: Host) -> None:
    make_image(host, ONE)
    make_scan(ONE)
    make_scan(TWO, packages=(BASH,), vulnerabilities=())
    assert purge_scans() == 0
    assert Scan.objects.get(engine_id=ONE).missing_since is None
    assert Scan.objects.get(engine_id=TWO).missing_since is not None
    long_ago = timezone.now() - timedelta(days=8)
    Scan.objects.filter(engine_id=TWO).update(missing_since=long_ago)
    image = make_image(host, TWO)  # it is back
    assert purge_scans() == 0
    image.delete()
    Image.objects.all().delete()
    assert purge_scans() == 0
    Scan.objects.filter(engine_id=ONE).update(missing_since=long_ago)
    assert purge_scans() == 1
    # Packages that the other one has stay.
    assert [package.name for package in Package.objects.all()] == ["bash"]
    assert not Advisory.objects.exists()
