"""Scans: what is in an image, the same wherever the image is.

Packages and advisories are rows that all images share: a thousand images of one distribution have
the same few hundred packages, and a search reads each of them once.
"""

from __future__ import annotations

import zlib

from django.db import models
from django.utils.translation import gettext_lazy as _

NAME_LIMIT = 200  # of what an index holds, in characters
VERSION_LIMIT = 100
TEXT_LIMIT = 500


class Severity(models.IntegerChoices):
    """How bad something is; the greater the worse."""

    UNKNOWN = 0, _("unknown")
    LOW = 1, _("low")
    MEDIUM = 2, _("medium")
    HIGH = 3, _("high")
    CRITICAL = 4, _("critical")


class Looked(models.TextChoices):
    """Whether vulnerabilities were looked for: only then do none of them mean anything."""

    DONE = "done", _("looked for")
    NO_DATABASE = "no_database", _("not looked for: no database is set")
    DATABASE_FAILED = "database_failed", _("not looked for: the database did not come")


class Scan(models.Model):
    """What the newest scan of an image has found; `engine_id` as the engines' images have it."""

    engine_id = models.CharField(max_length=80, unique=True)  # sha256:…
    scanned_at = models.DateTimeField()
    scanner = models.CharField(max_length=100, blank=True)  # trivy 0.76.0
    system = models.CharField(max_length=200, blank=True)  # debian 12.5
    looked = models.CharField(max_length=20, choices=Looked.choices)
    cut = models.BooleanField(default=False)  # more was found than is kept
    packages_count = models.PositiveIntegerField(default=0)
    # Vulnerabilities by how bad they are.
    critical = models.PositiveIntegerField(default=0)
    high = models.PositiveIntegerField(default=0)
    medium = models.PositiveIntegerField(default=0)
    low = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    secrets_count = models.PositiveIntegerField(default=0)
    misconfigurations_count = models.PositiveIntegerField(default=0)
    # Since when no host has the image; it goes some days later.
    missing_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-scanned_at"]

    def __str__(self) -> str:
        return self.engine_id

    @property
    def looked_for(self) -> bool:
        """Whether vulnerabilities were looked for."""
        return self.looked == Looked.DONE

    @property
    def vulnerabilities_count(self) -> int:
        """How many vulnerabilities it has, of any severity."""
        return self.critical + self.high + self.medium + self.low + self.unknown


class ScanDocument(models.Model):
    """The bill of materials of a scan: a CycloneDX document, compressed."""

    scan = models.OneToOneField(Scan, on_delete=models.CASCADE, related_name="document")
    data = models.BinaryField()

    def __str__(self) -> str:
        return str(self.scan)

    @property
    def text(self) -> str:
        """The JSON of it."""
        return zlib.decompress(bytes(self.data)).decode()


class Package(models.Model):
    """Something installed in images: `kind` is debian, alpine, node-pkg, python-pkg …"""

    name = models.CharField(max_length=NAME_LIMIT)
    version = models.CharField(max_length=VERSION_LIMIT, blank=True)
    kind = models.CharField(max_length=40, blank=True)
    key = models.CharField(max_length=NAME_LIMIT, db_index=True)  # the name in lower case

    class Meta:
        ordering = ["key", "version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version", "kind"], name="package_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


class ScanPackage(models.Model):
    """A package in an image; `path` is the first of its places, where it has one."""

    # Found by the constraint.
    scan = models.ForeignKey(
        Scan, on_delete=models.CASCADE, related_name="packages", db_index=False
    )
    package = models.ForeignKey(Package, on_delete=models.CASCADE, related_name="uses")
    path = models.CharField(max_length=TEXT_LIMIT, blank=True)
    more = models.PositiveIntegerField(default=0)  # other places
    licences = models.CharField(max_length=NAME_LIMIT, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scan", "package"], name="package_once_a_scan")
        ]

    def __str__(self) -> str:
        return str(self.package)


class Advisory(models.Model):
    """A known vulnerability, as the database of all scans calls it: CVE-2023-38545."""

    name = models.CharField(max_length=NAME_LIMIT, unique=True)
    title = models.CharField(max_length=TEXT_LIMIT, blank=True)
    url = models.CharField(max_length=TEXT_LIMIT, blank=True)

    def __str__(self) -> str:
        return self.name


class ScanVulnerability(models.Model):
    """A vulnerability of a package in an image; `fixed` is the version without it, if any."""

    scan = models.ForeignKey(
        Scan, on_delete=models.CASCADE, related_name="vulnerabilities", db_index=False
    )
    advisory = models.ForeignKey(Advisory, on_delete=models.CASCADE, related_name="uses")
    package = models.ForeignKey(Package, on_delete=models.CASCADE, related_name="vulnerabilities")
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    fixed = models.CharField(max_length=NAME_LIMIT, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scan", "advisory", "package"], name="vulnerability_once_a_scan"
            )
        ]

    def __str__(self) -> str:
        return str(self.advisory)


class FindingKind(models.TextChoices):
    """What a finding is that is no vulnerability."""

    SECRET = "secret", _("secret")
    MISCONFIGURATION = "misconfiguration", _("misconfiguration")


class ScanFinding(models.Model):
    """A secret, by its place alone, or something about the image that is better done otherwise."""

    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=20, choices=FindingKind.choices)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    rule = models.CharField(max_length=NAME_LIMIT, blank=True)
    title = models.CharField(max_length=TEXT_LIMIT, blank=True)
    path = models.CharField(max_length=TEXT_LIMIT, blank=True)  # "": the image's own description
    line = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=TEXT_LIMIT, blank=True)
    resolution = models.TextField(blank=True)
    url = models.CharField(max_length=TEXT_LIMIT, blank=True)

    def __str__(self) -> str:
        return self.title or self.rule
