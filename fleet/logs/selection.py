"""Whose logs one view shows: a container, several, or all that a list's filter finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import DatabaseError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from fleet.access import Refused, Unknown, access_filter, visible_containers, visible_hosts
from fleet.actor import Actor
from fleet.logs.marks import Mark
from fleet.logs.target import LOGS, LogTarget, log, target_of
from fleet.models import Container, SavedFilter
from fleet.reach import access_of
from fleet.selectors.container_query import FILTERS, ContainerQuery
from fleet.selectors.containers import filter_containers
from fleet.selectors.given import given_number, given_text

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

    Containers that are gone are left out; those that a page has read (`was`) are told as removed.
    Raises Unknown when the actor sees none of them, nor the saved filter, and for no selection at
    all, Refused for a container whose log they may not read; a filter just leaves those out.
    """
    if numbers := args.getlist("container"):
        chosen = dict.fromkeys(given_number(text) or 0 for text in numbers[:MOST])
        return Selection(_chosen(actor, list(chosen), args), max(0, len(numbers) - MOST))
    number = args.get("filter")
    saved = access_filter(actor, given_number(number) or 0) if number else None
    if saved is None and not any(args.get(name) for name in ("all", "q", *FILTERS)):
        raise Unknown(_("container"))
    query = ContainerQuery.from_text(saved.query) if saved else ContainerQuery.parse(args)
    allowed = filter_containers(actor, query).filter(actor.access.reach(LOGS).q("host"))
    rows = list(allowed[: MOST + 1])
    more = allowed.count() - MOST if len(rows) > MOST else 0
    return Selection(tuple(map(source_of, rows[:MOST])), more, saved)


def _chosen(actor: Actor, numbers: list[int], args: MultiValueDict[str, str]) -> tuple[Source, ...]:
    """Return some containers in the order of their numbers, by one query. Raises as `selected`."""
    seen = visible_containers(actor)
    rows = seen.filter(actor.access.reach(LOGS).q("host")).in_bulk(numbers)
    found = {pk: source_of(row) for pk, row in rows.items()}
    if missing := [pk for pk in numbers if pk not in found]:
        if row := seen.filter(pk__in=missing).first():
            raise Refused(LOGS, row)
        found |= _removed(actor, missing, args)
    if not found:
        raise Unknown(_("container"))
    return tuple(found[pk] for pk in numbers if pk in found)


def _removed(actor: Actor, missing: list[int], args: MultiValueDict[str, str]) -> dict[int, Source]:
    """Return those that a page has read before, and whose rows are gone.

    That they were of the host that the page names is believed only where the actor may read all
    logs: who has lost the right to one learns no more than of one that never was.
    """
    was = was_of(args)
    known = {pk: was[pk] for pk in missing if pk in was}
    if not known:
        return {}
    logs, seen = actor.access.reach(LOGS), actor.access.reach("container.view")
    hosts = (
        visible_hosts(actor).filter(logs.q(), seen.q()).in_bulk({one for one, _ in known.values()})
    )
    everywhere = logs.everywhere and seen.everywhere
    found: dict[int, Source] = {}
    for pk, (host, name) in known.items():
        if host in hosts:
            found[pk] = Source(pk, name, hosts[host].name, _ended(host, "removed"))
        elif everywhere:
            found[pk] = Source(pk, name, "", _ended(host, "host_gone"))
    return found


def _ended(host: int, code: str) -> LogTarget:
    return LogTarget(host, "", None, Mark(code))


def was_of(args: MultiValueDict[str, str]) -> dict[int, tuple[int, str]]:
    """Return what a page knows of its containers: host and name by number, `was=12,3,web-1` each.

    With that one is followed that was made again while the page had no connection.
    """
    found: dict[int, tuple[int, str]] = {}
    for text in args.getlist("was")[:MOST]:
        container, _comma, rest = text.partition(",")
        host, _comma, name = rest.partition(",")
        found[given_number(container) or 0] = given_number(host) or 0, given_text(name)
    return found


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
