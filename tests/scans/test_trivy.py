"""Scans by the real Trivy: packages, secrets and misconfiguration; it asks nobody anything."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from fleet.scans.trivy import ScanFailed, scan
from tests.programs import program
from tests.scans.saved import DPKG, LODASH, OS_RELEASE, saved_image

KEY = "AKIAIOSFODNN7EXAMPL0"
OTHER = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEa"
FILES = {
    "etc/os-release": OS_RELEASE,
    "etc/debian_version": "12.5\n",
    "var/lib/dpkg/status": DPKG,
    "app/node_modules/lodash/package.json": LODASH,
    "app/Dockerfile": "FROM debian:12\nUSER root\n",
    "app/creds": f'# mine\naws_access_key_id = {KEY}\naws_secret_access_key = "{OTHER}"\n',
}
TRIVY = program("trivy")
trivy = pytest.mark.skipif(not TRIVY, reason="There is no Trivy here.")


@pytest.fixture(autouse=True)
def found(settings: Settings) -> None:
    """Trivy is the one that came with the tests."""
    settings.TRIVY = TRIVY


def stand_in(folder: Path, script: str) -> str:
    """Return a program in Trivy's place."""
    place = folder / "trivy"
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    return str(place)


@trivy
def test_an_image_is_scanned(tmp_path: Path) -> None:
    image = tmp_path / "x.tar"
    ident = saved_image(image, FILES, env=(f"AWS_ACCESS_KEY_ID={KEY}",))
    found = scan(image, tmp_path / "cache")
    report = found.report
    assert (report.image_id, report.system) == (ident, "debian 12.5")
    assert report.looked == "no_database"
    assert report.scanner.startswith("trivy 0.")
    names = {(one.name, one.version, one.kind) for one in report.packages}
    assert names == {("bash", "5.2.15-2+b8", "debian"), ("lodash", "4.17.20", "node-pkg")}
    assert {(one.path, one.line) for one in report.secrets if one.path} == {("/app/creds", 2)}
    assert "" in {one.path for one in report.secrets}  # the one in its environment
    places = {(one.path, one.line) for one in report.misconfigurations if "root" in one.title}
    assert {("", 0), ("/app/Dockerfile", 2)} <= places  # how it was made, and a file in a layer
    assert report.vulnerabilities == ()
    assert KEY not in repr(report)
    assert OTHER not in repr(report)
    sbom = json.loads(found.sbom)
    assert sbom["bomFormat"] == "CycloneDX"
    assert {"bash", "lodash"} <= {part["name"] for part in sbom["components"]}
    assert str(tmp_path) not in found.sbom


@trivy
def test_a_database_that_does_not_come_is_told(tmp_path: Path, settings: Settings) -> None:
    settings.TRIVY_DB_REPOSITORY = "127.0.0.1:1/none/trivy-db:2"
    saved_image(tmp_path / "x.tar", FILES)
    report = scan(tmp_path / "x.tar", tmp_path / "cache").report
    assert report.looked == "database_failed"
    assert report.packages


@trivy
def test_what_is_no_image_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"nonsense")
    with pytest.raises(ScanFailed) as failed:
        scan(tmp_path / "x.tar", tmp_path / "cache")
    assert failed.value.code == "failed"
    assert failed.value.raw
    assert list((tmp_path / "cache").glob("**/*.json")) == []


def test_without_trivy_there_is_no_scan(tmp_path: Path, settings: Settings) -> None:
    settings.TRIVY = "/nowhere/trivy"
    with pytest.raises(ScanFailed) as failed:
        scan(tmp_path / "x.tar", tmp_path / "cache")
    assert failed.value.code == "no_trivy"
    assert "QUAYSIDE_TRIVY" in str(failed.value)


def test_it_is_ended_when_nobody_wants_it(tmp_path: Path, settings: Settings) -> None:
    settings.TRIVY = stand_in(tmp_path, "exec sleep 1000")
    saved_image(tmp_path / "x.tar", FILES)

    class Stopped(Exception):
        pass

    def look() -> None:
        raise Stopped

    began = time.monotonic()
    with pytest.raises(Stopped):
        scan(tmp_path / "x.tar", tmp_path / "cache", look)
    assert time.monotonic() - began < 60


def test_nonsense_is_told(tmp_path: Path, settings: Settings) -> None:
    write = 'for word; do case $word in --output=*) echo "{" > "${word#--output=}";; esac; done'
    settings.TRIVY = stand_in(tmp_path, write)
    saved_image(tmp_path / "x.tar", FILES)
    with pytest.raises(ScanFailed) as failed:
        scan(tmp_path / "x.tar", tmp_path / "cache")
    assert failed.value.code == "failed"
