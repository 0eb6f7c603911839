"""Scans of a large fleet, and how long it takes to find something in them.

    python -m bench.scan_rows                  1,000 images × 300 packages, then 20 requests each
    python -m bench.scan_rows --images 200 --requests 0       just make rows

Works on the configured database (migrated); hosts are named `bench-…` and made anew each time.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
from datetime import timedelta
from typing import Any

from bench.rows import PREFIX, _request

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

HOSTS = 50
PACKAGES, HOLES = 300, 60  # of an image
KNOWN, ADVISORIES = 20_000, 4_000  # packages and vulnerabilities of all of them
PATHS = {
    "a CVE in half of all images": "/scans/?q=CVE-2024-00001",
    "a CVE in few images": "/scans/?q=CVE-2024-03999",
    "a CVE in none": "/scans/?q=CVE-2029-1",
    "a package in nearly all images": "/scans/?q=package-1",
    "a package and its version": "/scans/?q=package-300+1.",
    "a part of names": "/scans/?q=age-30",
    "how images in use stand": "/scans/",
}


def make_rows(images: int) -> None:
    """Make hosts, images, containers and scans, in place of those of an earlier run."""
    from django.utils import timezone

    from fleet.models import Advisory, Environment, Host, Package, Scan

    Host.objects.filter(name__startswith=PREFIX).delete()
    for model in (Scan, Package, Advisory):
        model.objects.all().delete()
    environment = Environment.objects.get_or_create(name=f"{PREFIX}production")[0]
    hosts = Host.objects.bulk_create(
        Host(
            name=f"{PREFIX}{number:03}",
            url=f"tcp://{PREFIX}{number:03}.example.org:2376",
            environment=environment,
            state="reachable",
            last_seen=timezone.now(),
        )
        for number in range(HOSTS)
    )
    _make_images(hosts, images)
    _make_scans(images)


def engine_id(number: int) -> str:
    """Return the id of an image."""
    return f"sha256:{number:064x}"


def _make_images(hosts: list[Any], count: int) -> None:
    from django.utils import timezone

    from fleet.models import Container, Image

    now, places = timezone.now(), []
    for number in range(count):
        places += [(hosts[(number + step) % HOSTS], number) for step in (0, 7)]
    Image.objects.bulk_create(
        (
            Image(
                host=host, engine_id=engine_id(number), name=f"shop/app-{number}:1",
                tags=[f"shop/app-{number}:1"], size=10**8, seen_at=now,
            )
            for host, number in places
        ),
        batch_size=500,
    )  # fmt: skip
    Container.objects.bulk_create(
        (
            Container(
                host=host, engine_id=f"{place:064x}", name=f"app-{place}", names=[f"app-{place}"],
                image=f"shop/app-{number}:1", image_id=engine_id(number), state="running",
                created_at=now - timedelta(days=1), seen_at=now,
            )
            for place, (host, number) in enumerate(places)
            if number % 2
        ),
        batch_size=500,
    )  # fmt: skip


def _make_scans(count: int) -> None:
    from django.utils import timezone

    from fleet.models import Advisory, Package, Scan, ScanPackage, ScanVulnerability

    chance = random.Random(7)
    packages = Package.objects.bulk_create(
        (
            Package(name=name, version=f"1.{n}", kind="debian", key=name)
            for n in range(KNOWN)
            for name in [f"package-{n}"]
        ),
        batch_size=500,
    )
    advisories = Advisory.objects.bulk_create(
        (Advisory(name=f"CVE-2024-{n:05}", title="A hole") for n in range(ADVISORIES)),
        batch_size=500,
    )
    for number in range(count):
        scan = Scan.objects.create(
            engine_id=engine_id(number), scanned_at=timezone.now(), looked="done",
            packages_count=PACKAGES, critical=number % 5, high=HOLES - number % 5,
        )  # fmt: skip
        # Every image has most of the first, as those of one distribution do.
        held = {*chance.sample(packages[:320], 280), *chance.sample(packages[320:], PACKAGES - 280)}
        ScanPackage.objects.bulk_create(
            (ScanPackage(scan=scan, package=one) for one in held), batch_size=500
        )
        common = chance.sample(advisories[:100], HOLES - 10)
        rare = chance.sample(advisories[100:], 10)
        owners = sorted(held, key=lambda one: one.pk)
        ScanVulnerability.objects.bulk_create(
            (
                ScanVulnerability(scan=scan, advisory=one, package=owner, severity=place % 5)
                for place, (one, owner) in enumerate(zip([*common, *rare], owners, strict=False))
            ),
            batch_size=500,
        )


def measure(requests: int) -> None:
    """Print the milliseconds of each page, as an administrator sees it."""
    from django.test import Client

    from fleet.models import Image, User

    user, _new = User.objects.get_or_create(username=f"{PREFIX}user", is_superuser=True)
    client = Client(headers={"host": "localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    image = Image.objects.order_by("pk").values_list("pk", flat=True)[0]
    paths = {**PATHS, "the packages of an image": f"/images/{image}/scan/?show=packages"}
    for name, path in paths.items():
        took = [_request(client, path) for _ in range(requests + 2)][2:]
        p95 = statistics.quantiles(took, n=20)[-1]
        print(f"{name:<32} p50 {statistics.median(took):6.1f} ms   p95 {p95:6.1f} ms")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=20, help="for each page; 0: none")
    wanted = parser.parse_args()
    import django

    django.setup()
    if wanted.images:
        make_rows(wanted.images)
    if wanted.requests:
        measure(wanted.requests)


if __name__ == "__main__":
    main()
