"""What the list of images is asked for: filters, order and page, read from a query string."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from django.db.models import Q

from fleet.selectors.query_parts import NOTHING, ListQuery, any_of

USED, UNUSED, DANGLING, OUTDATED = "used", "unused", "dangling", "outdated"
STATES = (USED, UNUSED, DANGLING, OUTDATED)


@dataclass(frozen=True)
class ImageQuery(ListQuery):
    """One list of images."""

    FILTERS: ClassVar = ("host", "environment", "label", "state")
    SORTS: ClassVar = ("name", "size", "created", "hosts")
    KNOWN: ClassVar = {"state": STATES}

    state: tuple[str, ...] = ()

    def matches(self, used: bool, dangling: bool, outdated: bool = False) -> bool:
        """Return whether an image on a host has one of the states that are asked for."""
        held = {USED if used else UNUSED, *([DANGLING] if dangling else ())}
        held |= {OUTDATED} if outdated else set()
        return not self.state or not held.isdisjoint(self.state)

    def state_condition(self, used: Q, outdated: Q = NOTHING) -> Q:
        """Return the same as a filter; `used` is for images that a container uses,
        `outdated` for those of which a registry has something newer."""
        conditions = {USED: used, UNUSED: ~used, DANGLING: Q(dangling=True), OUTDATED: outdated}
        asked = [conditions.get(value, NOTHING) for value in self.state]
        return any_of(asked)
