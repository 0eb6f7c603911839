"""How long scans are kept: as long as a host has the image, and some days."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from fleet.locks import lock
from fleet.models import Advisory, Image, Package, Scan, ScanPackage, ScanVulnerability
from fleet.scans.store import USES

CHUNK = 500


def purge_scans() -> int:
    """Remove scans of images that no host has had for SCAN_DAYS; return how many.

    Since when is noted here: this runs once an hour.
    """
    now = timezone.now()
    there = Exists(Image.objects.filter(engine_id=OuterRef("engine_id")))
    Scan.objects.filter(there, missing_since__isnull=False).update(missing_since=None)
    Scan.objects.filter(~there, missing_since__isnull=True).update(missing_since=now)
    old = Scan.objects.filter(missing_since__lt=now - timedelta(days=settings.SCAN_DAYS))
    removed = 0
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        Scan.objects.filter(pk__in=ids).delete()
        removed += len(ids)
    if removed:
        _purge_shared()
    return removed


def _purge_shared() -> None:
    """Remove packages and advisories that no scan names any more."""
    used = Exists(ScanPackage.objects.filter(package=OuterRef("pk")))
    wrong = Exists(ScanVulnerability.objects.filter(package=OuterRef("pk")))
    named = Exists(ScanVulnerability.objects.filter(advisory=OuterRef("pk")))
    with transaction.atomic():
        lock(USES)
        Package.objects.filter(~used, ~wrong).delete()
        Advisory.objects.filter(~named).delete()
