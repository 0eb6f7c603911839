"""What copying an image would find at the other end, as far as the rows know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fleet.access import visible_images
from fleet.actor import Actor
from fleet.models import Host, Image


@dataclass(frozen=True)
class CopyNotes:
    """Hosts that have it already, and names that mean another image on some: (host, name)."""

    there: list[Host]
    moved: list[tuple[Host, str]]


def copy_notes(
    actor: Actor, image: Image, names: Iterable[str], hosts: Iterable[Host]
) -> CopyNotes:
    """Return what there is to say before an image is copied to these hosts."""
    wanted, by_id = set(names), {host.pk: host for host in hosts}
    rows = visible_images(actor).filter(host_id__in=by_id).only("host_id", "engine_id", "tags")
    there: list[Host] = []
    moved: list[tuple[Host, str]] = []
    for row in rows.select_related(None):
        host = by_id[row.host_id]
        if row.engine_id == image.engine_id:
            there.append(host)
        else:
            moved += [(host, name) for name in row.tags if name in wanted]
    return CopyNotes(
        sorted(there, key=lambda host: host.name),
        sorted(moved, key=lambda pair: (pair[1], pair[0].name)),
    )
