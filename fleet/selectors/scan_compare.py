"""Packages of two images beside each other, as far as both were scanned."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from fleet.access import visible_scans
from fleet.actor import Actor
from fleet.models import Image, ScanPackage

SHOWN = 500  # packages of each list; the rest is a number


@dataclass(frozen=True)
class Changed:
    """A package whose versions are not the same; "" where there is none."""

    name: str
    kind: str
    left: str
    right: str


@dataclass(frozen=True)
class PackageDifference:
    """What differs in packages. `unscanned` says which of the two has no scan."""

    unscanned: list[Image] = field(default_factory=list)
    added: list[Changed] = field(default_factory=list)
    removed: list[Changed] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    same: int = 0

    @property
    def rows(self) -> list[Changed]:
        """All that differs: changed ones, then those of only one side."""
        return [*self.changed, *self.removed, *self.added]

    @property
    def shown(self) -> list[Changed]:
        """The first of them."""
        return self.rows[:SHOWN]

    @property
    def more(self) -> int:
        """How many are not shown."""
        return max(0, len(self.rows) - SHOWN)


Versions = dict[tuple[str, str], set[str]]


def compare_packages(actor: Actor, left: Image, right: Image) -> PackageDifference:
    """Return which packages differ between two images that the actor sees."""
    ids = [left.engine_id, right.engine_id]
    scans = {scan.engine_id: scan.pk for scan in visible_scans(actor).filter(engine_id__in=ids)}
    missing = [image for image in (left, right) if image.engine_id not in scans]
    if missing:
        return PackageDifference(unscanned=missing)
    ours, theirs = (_versions(scans[engine_id]) for engine_id in ids)
    added: list[Changed] = []
    removed: list[Changed] = []
    changed: list[Changed] = []
    same = 0
    for name, kind in sorted(ours.keys() | theirs.keys(), key=lambda key: (key[0].lower(), key)):
        one, other = ours.get((name, kind), set()), theirs.get((name, kind), set())
        if one == other:
            same += 1
            continue
        row = Changed(name, kind, ", ".join(sorted(one)), ", ".join(sorted(other)))
        (changed if one and other else removed if one else added).append(row)
    return PackageDifference(added=added, removed=removed, changed=changed, same=same)


def _versions(scan: int) -> Versions:
    rows = ScanPackage.objects.filter(scan=scan).order_by()
    found: Versions = defaultdict(set)
    for name, kind, version in rows.values_list(
        "package__name", "package__kind", "package__version"
    ):
        found[name, kind].add(version)
    return found
