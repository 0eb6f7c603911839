"""Whose logs one view shows: a container, several, or all that a list's filter finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import DatabaseError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from fleet.access import Unknown, access_container, access_filter, visible_containers
from fleet.actor import Actor
from fleet.logs.target import LOGS, LogTarget, log, target_of
from fleet.models import Container, SavedFilter
from fleet.reach import access_of
from fleet.selectors.container_query import FILTERS, ContainerQuery
from fleet.selectors.containers import filter_containers
from fleet.selectors.given import given_number

MOST = 200  # containers in one view: each is a stream of its own at its engine


@dataclass(frozen=True)
class Source:
    """A container in a view. `key` stays the same when it is made again: its host and name."""

    container: int
    name: str
    host: str
    target: LogTarget

    @property
    def key(self) -> tuple[int, str]:
        """What makes it this one, whatever its id."""
        return self.target.host_id, self.name


@dataclass(frozen=True)
class Selection:
    """The containers of a view; `more` match and are too many.

    `saved` is the filter by whose number they were chosen; `lost` when it is no longer there.
    """

    sources: tuple[Source, ...]
    more: int = 0
    saved: SavedFilter | None = None
    lost: bool = False


def selected(actor: Actor, args: MultiValueDict[str, str]) -> Selection:
    """Return what `container=1&container=2`, `filter=3` (a saved one), the filter of a list, or
    `all=1` means now; of several the first of these counts.

    Raises Unknown for a container or saved filter that the actor does not see and for no selection
    at all, Refused for one whose log they may not read; a filter just leaves those out.
    """
    if numbers := args.getlist("container"):
        found = dict.fromkeys(given_number(text) or 0 for text in numbers[:MOST])
        rows = _chosen(actor, list(found))
        return Selection(tuple(map(source_of, rows)), max(0, len(numbers) - MOST))
    number = args.get("filter")
    saved = access_filter(actor, given_number(number) or 0) if number else None
    if saved is None and not any(args.get(name) for name in ("all", "q", *FILTERS)):
        raise Unknown(_("container"))
    query = ContainerQuery.from_text(saved.query) if saved else ContainerQuery.parse(args)
    allowed = filter_containers(actor, query).filter(actor.access.reach(LOGS).q("host"))
    rows = list(allowed[: MOST + 1])
    more = allowed.count() - MOST if len(rows) > MOST else 0
    return Selection(tuple(map(source_of, rows[:MOST])), more, saved)


def _chosen(actor: Actor, numbers: list[int]) -> list[Container]:
    """Return some containers in the order of their numbers, by one query. Raises as `selected`."""
    readable = visible_containers(actor).filter(actor.access.reach(LOGS).q("host"))
    found = readable.in_bulk(numbers)
    return [found.get(pk) or access_container(actor, pk, LOGS) for pk in numbers]


def source_of(row: Container) -> Source:
    """Return a row as what is read."""
    return Source(row.pk, row.name, row.host.name, target_of(row.host, row.engine_id))


def selected_now(
    actor: Actor, args: MultiValueDict[str, str], known: Iterable[Source]
) -> Selection | None:
    """Return what belongs into a view that is open: its rights, filter and rows as they are now.

    A container that was chosen itself and is gone is followed by the one of its name on its host;
    so are all of a saved filter that was deleted, or that may no longer be used: what somebody
    reads does not end because of that. None while the database does not answer: all stays as it is.
    """
    try:
        fresh = replace(actor, access=access_of(actor.user)) if actor.user else actor
        return _now(fresh, args, known)
    except DatabaseError as error:
        log.warning("selection_unread", error=str(error))
        return None


def _now(actor: Actor, args: MultiValueDict[str, str], known: Iterable[Source]) -> Selection:
    if "container" in args:
        return Selection(_by_name(actor, known))
    try:
        return selected(actor, args)
    except Unknown:
        if not args.get("filter"):
            raise
        return Selection(_by_name(actor, known), lost=True)


def _by_name(actor: Actor, known: Iterable[Source]) -> tuple[Source, ...]:
    names: dict[int, set[str]] = {}
    for source in known:
        names.setdefault(source.target.host_id, set()).add(source.name)
    found: list[Source] = []
    reach = actor.access.reach(LOGS).q("host")
    for host, of_host in names.items():
        rows = Container.objects.filter(reach, host=host, name__in=of_host)
        found += map(source_of, rows.select_related("host"))
    return tuple(found)
