"""Scans as rows, of reports made by hand or recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fleet.models import Scan
from fleet.scans.report import (
    Looked,
    Misconfiguration,
    Package,
    ScanReport,
    Secret,
    Vulnerability,
    read_report,
)
from fleet.scans.store import store
from fleet.scans.trivy import Scanned

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
SBOM = '{"bomFormat": "CycloneDX", "components": []}'
OPENSSL = Package("openssl", "3.0.11-1", "debian")
BASH = Package("bash", "5.2.15-2", "debian", licences=("GPL-3.0-or-later",))
HOLE = Vulnerability(
    id="CVE-2024-0001", severity="CRITICAL", package="openssl", version="3.0.11-1",
    fixed="3.0.13-1", title="openssl: a hole", url="https://avd.example.org/1", kind="debian",
)  # fmt: skip
SECRET = Secret("aws-access-key-id", "CRITICAL", "AWS Access Key ID", "/app/creds", 2)
PROBLEM = Misconfiguration(
    "DS-0002", "HIGH", "Image user should not be 'root'", "Last USER is root", "Add a USER", ""
)


def make_report(**fields: Any) -> ScanReport:
    """Make a report: two packages, a vulnerability of one, a secret and a misconfiguration."""
    said: dict[str, Any] = {
        "image_id": "", "system": "debian 12.5", "packages": (BASH, OPENSSL),
        "secrets": (SECRET,), "misconfigurations": (PROBLEM,), "vulnerabilities": (HOLE,),
        "looked": "done", "scanner": "trivy 0.76.0", "cut": False,
    }  # fmt: skip
    return ScanReport(**said | fields)


def make_scan(engine_id: str, **fields: Any) -> Scan:
    """Keep such a report as the scan of an image."""
    return store(engine_id, Scanned(make_report(**fields), SBOM))


def recorded_scan(engine_id: str, looked: Looked = "done") -> Scan:
    """Keep the recorded report as the scan of an image."""
    return store(engine_id, Scanned(read_report(RECORDED, looked), SBOM))
