"""What a scan has found, read out of Trivy's report; never more than people and pages can take.

Of a secret only where it is and what it is are kept: the lines around it hold others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

ARTIFACT = "image.tar"  # what Trivy is told to read
PACKAGES_LIMIT = 20_000
FINDINGS_LIMIT = 5_000
TEXT_LIMIT = 500
LONG_TEXT_LIMIT = 2000
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
# done: looked for; no_database: nobody said where one is; database_failed: it did not come.
Looked = Literal["done", "no_database", "database_failed"]


@dataclass(frozen=True)
class Package:
    """Something installed: `kind` is debian, alpine, node-pkg, python-pkg …"""

    name: str
    version: str
    kind: str
    path: str = ""
    licences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vulnerability:
    """A known hole of a package; `fixed` is the version without it, "" where there is none."""

    id: str
    severity: str
    package: str
    version: str
    fixed: str
    title: str
    url: str
    kind: str = ""  # of the package


@dataclass(frozen=True)
class Secret:
    """Something that looks like a credential, by its rule and place; never itself."""

    rule: str
    severity: str
    title: str
    path: str
    line: int


@dataclass(frozen=True)
class Misconfiguration:
    """Something that is better done otherwise, in the image's making or (`path`) a file in it."""

    id: str
    severity: str
    title: str
    message: str
    resolution: str
    url: str
    path: str = ""
    line: int = 0


@dataclass(frozen=True)
class ScanReport:
    """All of it. No vulnerabilities mean something only when `looked` is done."""

    image_id: str
    system: str  # debian 12.5; "" where nothing says so
    packages: tuple[Package, ...]
    secrets: tuple[Secret, ...]
    misconfigurations: tuple[Misconfiguration, ...]
    vulnerabilities: tuple[Vulnerability, ...]
    looked: Looked
    scanner: str  # trivy 0.76.0
    cut: bool  # more was found than is kept


def read_report(said: Any, looked: Looked) -> ScanReport:
    """Return what a report of Trivy's says (its JSON, schema 2); what is odd is left out."""
    report, metadata = _dict(said), _dict(_dict(said).get("Metadata"))
    system = _dict(metadata.get("OS"))
    family = _text(system.get("Family"))
    results = [_dict(result) for result in _list(report.get("Results"))]
    packages = list(_packages(results))
    secrets = list(_secrets(results))
    problems = list(_misconfigurations(results))
    holes = sorted(set(_vulnerabilities(results)), key=_order) if looked == "done" else []
    found = (secrets, problems, holes)
    return ScanReport(
        image_id=_text(metadata.get("ImageID")),
        system="" if family == "none" else f"{family} {_text(system.get('Name'))}".strip(),
        packages=tuple(packages[:PACKAGES_LIMIT]),
        secrets=tuple(secrets[:FINDINGS_LIMIT]),
        misconfigurations=tuple(problems[:FINDINGS_LIMIT]),
        vulnerabilities=tuple(holes[:FINDINGS_LIMIT]),
        looked=looked,
        scanner=f"trivy {_text(_dict(report.get('Trivy')).get('Version'))}".strip(),
        cut=len(packages) > PACKAGES_LIMIT or any(len(one) > FINDINGS_LIMIT for one in found),
    )


def _packages(results: list[dict[str, Any]]) -> Iterator[Package]:
    seen = set()
    for result in results:
        for said in map(_dict, _list(result.get("Packages"))):
            licences = tuple(_text(one) for one in _list(said.get("Licenses"))[:5])
            found = Package(
                name=_text(said.get("Name")),
                version=_version(said),
                kind=_text(result.get("Type")),
                path=_text(said.get("FilePath")),
                licences=licences,
            )
            if found.name and found not in seen:
                seen.add(found)
                yield found


def _version(said: dict[str, Any]) -> str:
    """Return a version as its system writes it: epoch, version, release."""
    version, release = _text(said.get("Version")), _text(said.get("Release"))
    epoch = said.get("Epoch")
    start = f"{epoch}:" if isinstance(epoch, int) and epoch else ""
    return f"{start}{version}-{release}" if release else f"{start}{version}"


def _secrets(results: list[dict[str, Any]]) -> Iterator[Secret]:
    for result in results:
        for said in map(_dict, _list(result.get("Secrets"))):
            yield Secret(
                rule=_text(said.get("RuleID")),
                severity=_severity(said),
                title=_text(said.get("Title")),
                path=_place(result),
                line=_line(said),
            )


def _line(said: dict[str, Any]) -> int:
    line = said.get("StartLine")
    return line if isinstance(line, int) else 0


def _place(result: dict[str, Any]) -> str:
    """Return the file; what was found in the image's own description has none."""
    target = _text(result.get("Target"))
    return target if target.startswith("/") else ""


def _misconfigurations(results: list[dict[str, Any]]) -> Iterator[Misconfiguration]:
    for result in results:
        for said in map(_dict, _list(result.get("Misconfigurations"))):
            if said.get("Status", "FAIL") != "FAIL":
                continue
            path = _file_of(result)
            yield Misconfiguration(
                id=_text(said.get("ID")),
                severity=_severity(said),
                title=_text(said.get("Title")),
                message=_text(said.get("Message")),
                resolution=_text(said.get("Resolution"), LONG_TEXT_LIMIT),
                url=_url(said),
                path=path,
                line=_line(_dict(said.get("CauseMetadata"))) if path else 0,
            )


def _file_of(result: dict[str, Any]) -> str:
    """Return the file, which is told without its first stroke; "" for how the image was made."""
    target = _text(result.get("Target"))
    return "" if target in ("", ARTIFACT) else f"/{target.lstrip('/')}"


def _vulnerabilities(results: list[dict[str, Any]]) -> Iterator[Vulnerability]:
    for result in results:
        for said in map(_dict, _list(result.get("Vulnerabilities"))):
            if ident := _text(said.get("VulnerabilityID")):
                yield Vulnerability(
                    id=ident,
                    severity=_severity(said),
                    package=_text(said.get("PkgName")),
                    version=_text(said.get("InstalledVersion")),
                    fixed=_text(said.get("FixedVersion")),
                    title=_text(said.get("Title")),
                    url=_url(said),
                    kind=_text(result.get("Type")),
                )


def _order(hole: Vulnerability) -> tuple[int, str, str]:
    return SEVERITIES.index(hole.severity), hole.id, hole.package


def _severity(said: dict[str, Any]) -> str:
    severity = _text(said.get("Severity"))
    return severity if severity in SEVERITIES else "UNKNOWN"


def _url(said: dict[str, Any]) -> str:
    url = _text(said.get("PrimaryURL"))
    return url if url.startswith("https://") else ""


def _text(value: Any, limit: int = TEXT_LIMIT) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value[:limit])


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
