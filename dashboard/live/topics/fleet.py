"""The Fleet page, live."""

from __future__ import annotations

from collections.abc import Hashable

from django.http import QueryDict

from dashboard.live.messages import CLAIM_LIMIT
from dashboard.live.topics.base import Snapshot, Topic, register
from dashboard.live.topics.hosts import part
from fleet.actor import Actor
from fleet.publish import ContainersChanged, EventsAdded, Hint, HostsChanged, JobsChanged
from fleet.selectors.fleet import FleetPage, fleet_page

TILES = "fleet-tiles"


@register
class Fleet(Topic):
    """`fleet`, with `environment=` as arguments."""

    name = "fleet"
    most = CLAIM_LIMIT  # it shows all hosts

    def key(self, actor: Actor) -> Hashable:
        """Running jobs may be one's own."""
        return (actor.access, actor.user.pk if actor.user else None)

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Everything at a glance: nearly everything matters."""
        return isinstance(hint, HostsChanged | ContainersChanged | EventsAdded | JobsChanged)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the page."""
        return fleet_snapshot(fleet_page(actor, args.get("environment", "")[:60]))


def fleet_snapshot(page: FleetPage) -> Snapshot:
    """Return what the page shows, by element ids."""
    tiles = {
        f"tile-{row.host.pk}": part(row.rev, "fleet/tile.html", {"row": row}) for row in page.hosts
    }
    revisions = {
        "troubles": page.troubles_rev,
        "counts": page.counts_rev,
        "jobs": page.jobs_rev,
        "events": page.events_rev,
    }
    around = {
        f"fleet-{name}": part(rev, f"fleet/{name}.html", {"page": page})
        for name, rev in revisions.items()
    }
    return Snapshot(parts={**around, **tiles}, lists={TILES: list(tiles)})
