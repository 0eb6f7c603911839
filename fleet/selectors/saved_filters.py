"""Saved filters for menus and lists: one's own, what others share, and the one that is open."""

from __future__ import annotations

from dataclasses import dataclass

from fleet.access import visible_filters
from fleet.actor import Actor
from fleet.models import SavedFilter

SHOWN = 30  # shared ones of others in a menu; the page has all


@dataclass(frozen=True)
class FilterChoices:
    """What a menu offers. `current` is the one whose filter is set."""

    own: list[SavedFilter]
    shared: list[SavedFilter]  # by others
    current: SavedFilter | None
    more: int = 0  # shared ones that are left out


def filter_choices(actor: Actor, text: str = "", *, chosen: int = 0) -> FilterChoices:
    """Return what the actor may choose from, by one query.

    `text` is the filter that is set (`ContainerQuery.filter_text`), `chosen` the number of the
    saved one that it came from, if one is named. Of several that find the same, one's own counts.
    """
    rows = sorted(visible_filters(actor), key=lambda row: (row.name.casefold(), row.pk))
    me = actor.user.pk if actor.user and not actor.narrowed else 0
    own = [row for row in rows if row.owner_id == me]
    shared = [row for row in rows if row.owner_id != me]
    same = [row for row in (*own, *shared) if (row.pk == chosen if chosen else row.query == text)]
    current = same[0] if same and (text or chosen) else None
    return FilterChoices(own, shared[:SHOWN], current, max(0, len(shared) - SHOWN))
