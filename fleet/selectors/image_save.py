"""Which of chosen images go into one file: a file comes from one host."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from fleet.access import Refused, visible_images
from fleet.actor import Actor
from fleet.models import Host, Image
from fleet.moves.downloads import SAVE, why_too_many


@dataclass(frozen=True)
class Saving:
    """What one host has of the chosen images, and the names of those that it has not."""

    host: Host
    images: list[Image]
    missing: list[str]

    @property
    def size(self) -> int:
        """Bytes; what images share is in the file once, so it may be less."""
        return sum(image.size for image in self.images)


@dataclass(frozen=True)
class Savings:
    """The chosen images by their names, and the hosts that have any: the fullest first.

    `problem` says why there are none.
    """

    names: list[str]
    hosts: list[Saving]
    problem: str = ""


def savings_of(actor: Actor, pks: Collection[int]) -> Savings:
    """Return the hosts from which the actor may save the chosen images, wherever they are.

    Raises Refused for who may save none at all. Images that are gone by now are left out.
    """
    reach = actor.access.reach(SAVE)
    if not reach:
        raise Refused(SAVE)
    if problem := why_too_many(pks):
        return Savings([], [], problem)
    seen = visible_images(actor)
    chosen = {row.engine_id: str(row) for row in seen.filter(pk__in=pks)}
    found: dict[Host, list[Image]] = defaultdict(list)
    for row in seen.filter(reach.q("host"), engine_id__in=chosen).order_by("name", "pk"):
        found[row.host].append(row)
    hosts = [_saving(host, rows, chosen) for host, rows in found.items()]
    hosts.sort(key=lambda one: (-len(one.images), one.host.name))
    return Savings(sorted(chosen.values()), hosts)


def _saving(host: Host, rows: list[Image], chosen: dict[str, str]) -> Saving:
    there = {row.engine_id for row in rows}
    return Saving(host, rows, sorted(name for key, name in chosen.items() if key not in there))
