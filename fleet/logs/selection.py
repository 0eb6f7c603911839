"""Whose logs one view shows: a container, several, or all that a list's filter finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import DatabaseError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from fleet.access import Unknown, access_container, access_of
from fleet.actor import Actor
from fleet.logs.target import LOGS, LogTarget, log, target_of
from fleet.models import Container
from fleet.selectors.container_query import FILTERS
from fleet.selectors.containers import filter_containers

MOST = 50  # containers in one view: each is a stream of its own at its engine


@dataclass(frozen=True)
class Source:
    """A container in a view. `key` stays the same when it is made anew: its host and name."""

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
    """The containers of a view; `more` match and are too many."""

    sources: tuple[Source, ...]
    more: int = 0


def selected(actor: Actor, args: MultiValueDict[str, str]) -> Selection:
    """Return what `container=1&container=2`, the filter of a list, or `all=1` means now.

    Raises Unknown for a container that the actor does not see and for no selection at all, Refused
    for one whose log they may not read; a filter just leaves those out.
    """
    if numbers := args.getlist("container"):
        found = dict.fromkeys(_number(text) for text in numbers[:MOST])
        rows = [access_container(actor, pk, LOGS) for pk in found]
        return Selection(tuple(map(source_of, rows)), max(0, len(numbers) - MOST))
    if not any(args.get(name) for name in ("all", "q", *FILTERS)):
        raise Unknown(_("container"))
    allowed = filter_containers(actor, args).filter(actor.access.reach(LOGS).q("host"))
    rows = list(allowed[: MOST + 1])
    more = allowed.count() - MOST if len(rows) > MOST else 0
    return Selection(tuple(map(source_of, rows[:MOST])), more)


def source_of(row: Container) -> Source:
    """Return a row as what is read."""
    return Source(row.pk, row.name, row.host.name, target_of(row.host, row.engine_id))


def selected_now(
    actor: Actor, args: MultiValueDict[str, str], known: Iterable[Source]
) -> list[Source] | None:
    """Return what belongs into a view that is open: its rights, filter and rows as they are now.

    A container that was chosen itself and is gone is followed by the one of its name on its host.
    None while the database does not answer: all stays as it is.
    """
    try:
        fresh = replace(actor, access=access_of(actor.user)) if actor.user else actor
        return _now(fresh, args, known)
    except DatabaseError as error:
        log.warning("selection_unread", error=str(error))
        return None


def _now(actor: Actor, args: MultiValueDict[str, str], known: Iterable[Source]) -> list[Source]:
    if "container" not in args:
        return list(selected(actor, args).sources)
    names: dict[int, set[str]] = {}
    for source in known:
        names.setdefault(source.target.host_id, set()).add(source.name)
    found: list[Source] = []
    reach = actor.access.reach(LOGS).q("host")
    for host, of_host in names.items():
        rows = Container.objects.filter(reach, host=host, name__in=of_host)
        found += map(source_of, rows.select_related("host"))
    return found


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
