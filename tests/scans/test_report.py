"""Reports of Trivy are read; those with vulnerabilities were recorded, shortened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleet.scans import report as reports
from fleet.scans.report import Looked, Vulnerability, read_report

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())


def test_vulnerabilities_are_read_the_worst_first() -> None:
    found = read_report(RECORDED, "done")
    assert [(one.id, one.severity) for one in found.vulnerabilities] == [
        ("CVE-2023-38545", "CRITICAL"),
        ("CVE-2021-23337", "HIGH"),
        ("CVE-2011-3389", "UNKNOWN"),
    ]
    assert found.vulnerabilities[0] == Vulnerability(
        id="CVE-2023-38545",
        severity="CRITICAL",
        package="libcurl4",
        version="7.88.1-10",
        fixed="7.88.1-10+deb12u4",
        title="curl: heap based buffer overflow in the SOCKS5 proxy handshake",
        url="https://avd.aquasec.com/nvd/cve-2023-38545",
        kind="debian",
    )
    assert found.vulnerabilities[2].url == ""  # no javascript: for a link
    assert found.packages[0].version == "1:7.88.1-10"


def test_a_misconfiguration_is_of_the_image_or_of_a_file_in_it() -> None:
    wrong = {"ID": "DS-0002", "CauseMetadata": {"StartLine": 3}}
    results = [{"Target": name, "Misconfigurations": [wrong]} for name in ("image.tar", "a/b.yml")]
    found = read_report({"Results": results}, "done").misconfigurations
    assert [(one.path, one.line) for one in found] == [("", 0), ("/a/b.yml", 3)]


@pytest.mark.parametrize("looked", ["no_database", "database_failed"])
def test_where_nobody_looked_none_are_told(looked: Looked) -> None:
    found = read_report(RECORDED, looked)
    assert (found.vulnerabilities, found.looked) == ((), looked)


@pytest.mark.parametrize(
    "said",
    [
        None, [], "x", {}, {"Results": None}, {"Results": [None, 7, {}]},
        {"Results": [{"Packages": [{"Name": 7}], "Secrets": [{}], "Vulnerabilities": [[]]}]},
        {"Metadata": {"OS": "debian"}, "Trivy": []},
    ],
)  # fmt: skip
def test_odd_reports_do_no_harm(said: object) -> None:
    assert read_report(said, "done").packages == ()


def test_what_is_too_much_is_cut_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not read_report(RECORDED, "done").cut
    monkeypatch.setattr(reports, "FINDINGS_LIMIT", 2)
    found = read_report(RECORDED, "done")
    assert len(found.vulnerabilities) == 2
    assert found.cut


def test_texts_are_plain_and_bounded() -> None:
    said = {"Results": [{"Packages": [{"Name": "a\x00\x1b[31m" + "b" * 1000, "Version": "1"}]}]}
    (package,) = read_report(said, "done").packages
    assert package.name.isprintable()
    assert len(package.name) == 500
