"""Where in the fleet something is: who finds what, and what nobody is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.access import visible_scans
from fleet.actor import Actor, actor_for
from fleet.models import Host, Image, User
from fleet.scans.report import Package
from fleet.selectors.scan_compare import compare_packages
from fleet.selectors.scan_search import (
    all_scanned,
    search_package,
    search_scans,
    search_vulnerability,
)
from fleet.selectors.scan_survey import survey_scans
from fleet.selectors.scans import ScanQuery, scan_rows, scans_of
from tests.conftest import make_container, make_image
from tests.scans.rows import BASH, HOLE, OPENSSL, make_scan

ONE, TWO, THREE = (f"sha256:{number:064x}" for number in (1, 2, 3))
SECRET_PACKAGE = Package("secret-product", "1.0", "npm")


@pytest.fixture(autouse=True)
def fleet(host: Host, other_host: Host) -> None:
    """ONE on both hosts and running on both; TWO only in production, in use; THREE unscanned."""
    make_image(host, ONE, tags=["shop/web:1"])
    make_image(other_host, ONE, tags=["shop/web:1"])
    make_image(other_host, TWO, tags=["bank/core:1"])
    make_image(host, THREE, tags=["shop/new:1"])
    for number, (place, image) in enumerate(
        ((host, ONE), (other_host, ONE), (other_host, TWO), (host, THREE))
    ):
        make_container(place, f"c-{number}", image_id=image)
    make_container(host, "c-stopped", image_id=ONE, state="exited")
    make_scan(ONE)
    worse = replace(HOLE, id="CVE-2024-9999", package="secret-product", version="1.0", kind="npm")
    make_scan(TWO, packages=(OPENSSL, SECRET_PACKAGE), vulnerabilities=(HOLE, worse))


@pytest.mark.parametrize("text", ["CVE-2024-0001", "cve-2024-0001", "openssl", "OpenSSL 3.0"])
def test_who_sees_the_fleet_finds_all_of_it(actor: Actor, text: str) -> None:
    found = search_scans(actor, text)
    assert (found.total, found.hosts, found.running) == (2, 2, 2)
    hits = {hit.line.engine_id: hit for hit in found.rows}
    assert [place.host.name for place in hits[ONE].line.places] == ["prod-1", "stage-1"]
    assert [user.name for user in hits[ONE].users] == ["c-1", "c-0"]  # only what runs
    (match,) = hits[ONE].matches
    assert (match.package, match.version) == ("openssl", "3.0.11-1")
    if "2024" in text:
        assert (hits[ONE].severity, match.fixed) == (4, "3.0.13-1")
        assert found.advisory and found.advisory.title == "openssl: a hole"


def test_of_hosts_that_nobody_shows_nothing_is_told(viewer: User) -> None:
    actor = actor_for(viewer)
    assert list(scans_of(actor, [ONE, TWO, THREE])) == [ONE]
    found = search_scans(actor, "CVE-2024-0001")
    assert (found.total, found.hosts) == (1, 1)
    (hit,) = found.rows
    assert [place.host.name for place in hit.line.places] == ["stage-1"]
    assert [user.name for user in hit.users] == ["c-0"]
    # Neither by name, nor by a part of it, nor by what a vulnerability is called.
    for text in ("secret-product", "secret", "CVE-2024-9999"):
        hidden = search_scans(actor, text)
        assert (hidden.total, hidden.rows, hidden.proposed, hidden.advisory) == (0, [], [], None)
    assert [scan.engine_id for scan in visible_scans(actor)] == [ONE]
    assert all_scanned(actor).total == 1
    assert survey_scans(actor).total == 2


def test_a_stranger_finds_nothing(stranger: User) -> None:
    actor = actor_for(stranger)
    assert search_scans(actor, "openssl").total == all_scanned(actor).total == 0
    survey = survey_scans(actor)
    assert (survey.total, survey.hosts) == (0, [])


def test_part_of_a_name_is_proposed(actor: Actor) -> None:
    found = search_scans(actor, "ssl")
    assert (found.kind, found.total, found.proposed) == ("package", 0, ["openssl"])
    assert search_package(actor, "openssl", "3.1").total == 0
    assert search_vulnerability(actor, "CVE-1999-0001").total == 0


def test_what_is_in_use_comes_first(actor: Actor, host: Host) -> None:
    unused = f"sha256:{9:064x}"
    make_image(host, unused, tags=["a/first-by-name:1"])
    make_scan(unused)
    ids = [hit.line.engine_id for hit in search_scans(actor, "openssl").rows]
    assert ids == [TWO, ONE, unused]
    pages = [search_package(actor, "openssl", page=page, size=2) for page in (1, 2)]
    assert [hit.line.engine_id for found in pages for hit in found.rows] == ids
    assert pages[0].total == 3


def test_the_survey_names_the_worst_and_those_never_scanned(
    actor: Actor, viewer: User, operator: User
) -> None:
    survey = survey_scans(actor)
    assert (survey.total, survey.scanned, survey.looked_for, survey.missing) == (3, 2, 2, 1)
    assert [row.name for row in survey.worst] == ["bank/core:1", "shop/web:1"]
    assert [row.name for row in survey.never] == ["shop/new:1"]
    assert [host.name for host in survey.hosts] == ["stage-1"]
    assert survey_scans(actor_for(operator)).hosts == survey.hosts
    assert survey_scans(actor_for(viewer)).hosts == []  # sees it, may not scan
    make_scan(ONE, looked="no_database", vulnerabilities=())
    assert survey_scans(actor).looked_for == 1


def test_lists_of_a_scan_are_searched_and_paged() -> None:
    packages = tuple(Package(f"lib-{n:03}", "1.0", "debian") for n in range(250))
    scan = make_scan(ONE, packages=packages, vulnerabilities=(), secrets=())
    first = scan_rows(scan, ScanQuery())  # what there is comes first
    assert first.query.show == "misconfigurations"
    third = scan_rows(scan, ScanQuery(show="packages", page=3))
    assert (third.total, third.pages, third.first, third.last) == (250, 3, 201, 250)
    assert scan_rows(scan, ScanQuery(show="packages", page=99)).page == 3
    some = scan_rows(scan, ScanQuery(show="packages", q="LIB-00 1.0"))
    assert some.total == 10 and some.counts["packages"] == 250


def test_packages_of_two_images_are_compared(actor: Actor, host: Host) -> None:
    newer = replace(OPENSSL, version="3.0.13-1")
    make_scan(TWO, packages=(BASH, newer, SECRET_PACKAGE), vulnerabilities=())
    left = Image.objects.get(host=host, engine_id=ONE)
    right = Image.objects.get(engine_id=TWO)
    found = compare_packages(actor, left, right)
    assert [(one.name, one.left, one.right) for one in found.rows] == [
        ("openssl", "3.0.11-1", "3.0.13-1"),
        ("secret-product", "", "1.0"),
    ]
    assert (found.same, found.more) == (1, 0)
    unscanned = Image.objects.get(engine_id=THREE)
    assert compare_packages(actor, left, unscanned).unscanned == [unscanned]
