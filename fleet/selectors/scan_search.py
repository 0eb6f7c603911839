"""Where in the fleet is it: a vulnerability or a package, by image, host and running container.

What nobody may see is not found: images of hosts that the reader does not see count for nothing,
neither as a line nor in what is proposed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from fleet.access import visible_containers, visible_images, visible_scans
from fleet.actor import Actor
from fleet.engine.raw import ALIVE
from fleet.models import (
    Advisory,
    Container,
    Package,
    ScanPackage,
    ScanVulnerability,
)
from fleet.selectors.image import USER_FIELDS
from fleet.selectors.images import ImageLine, image_hosts, line_places, used_pairs
from fleet.selectors.paging import Numbered, page_of
from fleet.selectors.scans import ScanQuery

SIZE = 50
PROPOSED = 12
USERS_NAMED = 200  # on a page
CVE = re.compile(r"(CVE-\d{4}-\d{1,19}|GHSA(-\w{4}){3})", re.IGNORECASE | re.ASCII)


class Match(NamedTuple):
    """Why an image is found: a package in it, and of a vulnerability how bad and what ends it."""

    engine_id: str
    package: str
    version: str
    kind: str
    severity: int | None = None
    fixed: str = ""


@dataclass(frozen=True)
class Hit:
    """An image that has it, wherever the reader sees it, and who runs it."""

    line: ImageLine
    matches: list[Match]
    users: list[Container]  # the first that run, of those the reader sees

    @property
    def severity(self) -> int | None:
        """The worst of it."""
        return max((one.severity for one in self.matches if one.severity is not None), default=None)


@dataclass(frozen=True)
class Found(Numbered):
    """A page of what was found."""

    query: ScanQuery
    kind: str  # vulnerability, package, or "" for no question
    rows: list[Hit]
    total: int
    page: int
    pages: int
    hosts: int = 0  # on which they are
    running: int = 0  # images of them that a container uses
    advisory: Advisory | None = None
    proposed: list[str] = field(default_factory=list)  # packages of names that hold the word


def search_scans(actor: Actor, text: str, page: int = 1) -> Found:
    """Return the images with a vulnerability, or with a package (and a version's beginning).

    What looks like the name of a vulnerability, or is the name of one, is one.
    """
    found = search_vulnerability(actor, text, page)
    if found.rows or CVE.fullmatch(text):
        return found
    name, _space, version = text.partition(" ")
    return search_package(actor, name, version.strip(), page)


def search_vulnerability(actor: Actor, name: str, page: int = 1, size: int = SIZE) -> Found:
    """Return the images with a vulnerability."""
    advisory = Advisory.objects.filter(name__iexact=name).first()
    by_image = _by_image(_with_advisory(advisory) if advisory else [])
    query = ScanQuery(q=name, page=page, size=size)
    found = _found(actor, query, "vulnerability", by_image)
    return replace(found, advisory=advisory) if found.rows else found


def search_package(
    actor: Actor, name: str, version: str = "", page: int = 1, size: int = SIZE
) -> Found:
    """Return the images with a package, of any version or of those that begin so."""
    by_image = _by_image(_with_package(name, version))
    query = ScanQuery(q=f"{name} {version}".strip(), page=page, size=size)
    found = _found(actor, query, "package", by_image)
    return found if found.rows else replace(found, proposed=_proposed(actor, name))


def all_scanned(actor: Actor, page: int = 1, size: int = SIZE) -> Found:
    """Return all images that were scanned."""
    ids = visible_scans(actor).order_by().values_list("engine_id", flat=True)
    return _found(actor, ScanQuery(page=page, size=size), "", {one: [] for one in ids})


def _by_image(matches: Iterable[Match]) -> dict[str, list[Match]]:
    found: dict[str, list[Match]] = defaultdict(list)
    for match in matches:
        found[match.engine_id].append(match)
    return found


def _with_advisory(advisory: Advisory) -> list[Match]:
    rows = ScanVulnerability.objects.filter(advisory=advisory).order_by("package__key", "pk")
    names = ("package__name", "package__version", "package__kind", "severity", "fixed")
    return [Match(*row) for row in rows.values_list("scan__engine_id", *names)]


def _with_package(name: str, version: str) -> list[Match]:
    packages = Package.objects.filter(key=name.lower(), version__startswith=version)
    rows = ScanPackage.objects.filter(package__in=packages).order_by("package__version", "pk")
    names = ("package__name", "package__version", "package__kind")
    return [Match(*row) for row in rows.values_list("scan__engine_id", *names)]


def _proposed(actor: Actor, name: str) -> list[str]:
    """Return names that hold the word, of packages in images that the reader sees."""
    seen = Exists(ScanPackage.objects.filter(package=OuterRef("pk"), scan__in=visible_scans(actor)))
    rows: QuerySet[Package] = Package.objects.filter(key__contains=name.lower())
    named = rows.order_by("key").values_list("name", flat=True).distinct()
    return list(named.filter(seen)[:PROPOSED])


def _found(actor: Actor, query: ScanQuery, kind: str, by_image: dict[str, list[Match]]) -> Found:
    used = used_pairs() if by_image else set()
    places = _places(actor, by_image)
    order = sorted(places, key=lambda engine_id: _rank(places[engine_id], by_image, used))
    page, pages, part = page_of(len(order), query.size, query.page)
    held = {host for rows in places.values() for host, _engine_id, _name in rows}
    running = sum(any((row[0], row[1]) in used for row in rows) for rows in places.values())
    return Found(
        query=query, kind=kind, rows=_hits(actor, order[part], by_image, used),
        total=len(order), page=page, pages=pages, hosts=len(held), running=running,
    )  # fmt: skip


Row = tuple[int, str, str]  # host, engine id, name


def _places(actor: Actor, by_image: dict[str, list[Match]]) -> dict[str, list[Row]]:
    """Return where the reader sees these images, read as narrow rows."""
    if not by_image:
        return {}
    rows = visible_images(actor).select_related(None).order_by()
    found: dict[str, list[Row]] = defaultdict(list)
    ids = list(by_image)
    for start in range(0, len(ids), 500):
        some = rows.filter(engine_id__in=ids[start : start + 500])
        for row in some.values_list("host_id", "engine_id", "name"):
            found[row[1]].append(row)
    return found


def _rank(
    rows: list[Row], by_image: dict[str, list[Match]], used: set[tuple[int, str]]
) -> tuple[bool, int, str, str]:
    """What is in use comes first, then what is worst, then by name."""
    engine_id = rows[0][1]
    runs = any((host, engine_id) in used for host, _engine_id, _name in rows)
    worst = max((one.severity or 0 for one in by_image[engine_id]), default=0)
    name = min((row[2] for row in rows if row[2]), default="\uffff")
    return (not runs, -worst, name.lower(), engine_id)


def _hits(
    actor: Actor,
    shown: list[str],
    by_image: dict[str, list[Match]],
    used: set[tuple[int, str]],
) -> list[Hit]:
    if not shown:
        return []
    rows = visible_images(actor).select_related(None).filter(engine_id__in=shown)
    places = line_places(actor, rows, image_hosts(actor), used)
    users = _users(actor, shown)
    return [
        Hit(ImageLine(engine_id, places[engine_id]), by_image[engine_id], users[engine_id])
        for engine_id in shown
        if engine_id in places
    ]


def _users(actor: Actor, shown: Iterable[str]) -> dict[str, list[Container]]:
    """Return the containers that run and that the reader sees, by their images."""
    rows = visible_containers(actor).filter(image_id__in=list(shown), state__in=ALIVE)
    rows = rows.only(*USER_FIELDS, "image_id").order_by("host__name", "name", "pk")
    found: dict[str, list[Container]] = defaultdict(list)
    for row in rows[:USERS_NAMED]:
        found[row.image_id].append(row)
    return found
