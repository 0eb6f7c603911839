"""The page on a container's last end, live: it says when there is a newer one."""

from __future__ import annotations

from datetime import datetime

from django.http import QueryDict
from django.template.loader import render_to_string

from dashboard.live.moments import ago_mark
from dashboard.live.topics.args import id_of
from dashboard.live.topics.base import Part, register
from dashboard.live.topics.container import ContainerPart
from fleet.access import access_container
from fleet.actor import Actor
from fleet.models import Container
from fleet.selectors.deaths import last_end

SAME = "0"  # nothing to say


@register
class ContainerDeath(ContainerPart):
    """`container-death`, with `args_of` and `end`, the time that the page shows."""

    name = "container-death"

    def parts(self, actor: Actor, args: QueryDict) -> dict[str, Part]:
        """Return the note. Raises Unknown."""
        row = access_container(actor, id_of(args))
        return {note_id(row): note_part(row, last_end(actor, row), args.get("end"))}


def end_arg(end: datetime | None) -> str:
    """Return how a page says which end it shows."""
    return end.isoformat("T", "milliseconds") if end else ""


def note_id(row: Container) -> str:
    """Return the id of the element that tells of a newer end."""
    return f"container-death-{row.pk}"


def note_part(row: Container, end: datetime | None, shown: str | None) -> Part:
    """Return a link to the newer end, or nothing to read."""
    rev = SAME if end is None or end_arg(end) == shown else end_arg(end)
    when = ago_mark(end) if rev != SAME else ""
    context = {"element_id": note_id(row), "when": when, "rev": rev, "row": row}
    return Part(rev, lambda: render_to_string("container/death_note.html", context))
