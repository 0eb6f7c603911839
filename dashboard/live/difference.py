"""What a page has, and what it lacks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from dashboard.live.html import draw
from dashboard.live.topics.base import Snapshot


@dataclass(eq=False, slots=True)
class Known:
    """What a page shows: revisions by element id, and each list's order.

    Compared by identity: pages that got the same snapshot share one object, so that the
    difference to the next one is made once for all of them.
    """

    revs: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot) -> Known:
        """Return what a page shows once it got the snapshot."""
        revs = {part_id: part.rev for part_id, part in snapshot.parts.items()}
        return cls(revs, snapshot.lists)

    def same_as(self, other: Known) -> bool:
        """Return whether there is nothing to send between the two."""
        return self.revs == other.revs and self.lists == other.lists


def lacking(known: Known, snapshot: Snapshot) -> tuple[list[str], dict[str, list[str]]]:
    """Return the ids of parts to send, and the lists whose members or order changed."""
    parts = [
        part_id for part_id, part in snapshot.parts.items() if known.revs.get(part_id) != part.rev
    ]
    lists = {
        list_id: order
        for list_id, order in snapshot.lists.items()
        if known.lists.get(list_id) != order
    }
    return parts, lists


def update_text(topic: str, args: str, known: Known, snapshot: Snapshot, site: str) -> str | None:
    """Return the message that takes a page from `known` to the snapshot; None if it is there.

    `args` goes back with it: a page that has asked for something else meanwhile ignores it.
    """
    parts, lists = lacking(known, snapshot)
    if not parts and not lists:
        return None
    message = {
        "type": "update",
        "topic": topic,
        "args": args,
        "set": draw(snapshot, parts, site),
        "lists": lists,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
