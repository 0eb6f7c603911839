"""Images for pages and API: one list over all hosts, where the same image is one line.

A line is made of the rows that match, one for each host. What it is sorted by and what is counted
needs all of them: they are read as narrow tuples (10,000 in some milliseconds), whole rows only
for the lines of one page.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from fleet.access import visible_containers, visible_images
from fleet.actor import Actor
from fleet.models import Container, Host, Image, Scan
from fleet.selectors.image_query import DANGLING, OUTDATED, UNUSED, USED, ImageQuery
from fleet.selectors.paging import Numbered, page_of
from fleet.selectors.platforms import architecture, is_foreign
from fleet.selectors.updates import (
    Update,
    first_of,
    outdated_images,
    updates_of_images,
)

__all__ = [
    "ImageLine",
    "ImagePage",
    "ImageQuery",
    "Place",
    "Totals",
    "filter_images",
    "image_hosts",
    "image_page",
    "image_problems",
    "images_of_host",
    "line_places",
]

SECRETS = "container.secrets"
HOST_FIELDS = ("name", "arch", "state", "last_seen", "environment__name")
ROW_FIELDS = (
    "host_id", "engine_id", "name", "tags", "digests", "size", "dangling", "platform",
    "created_at", "revision",
)  # fmt: skip
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """An image on one host: `used` by any container, `containers` that the viewer may see."""

    image: Image
    host: Host
    used: bool
    containers: int

    @property
    def is_foreign(self) -> bool:
        """Whether it is for another architecture than its host has."""
        return is_foreign(self.image.platform or "", self.host.arch)


@dataclass(frozen=True)
class ImageLine:
    """The same image on all hosts that match, in order of their names; at least one."""

    engine_id: str
    places: list[Place]
    updates: tuple[Update, ...] = ()  # what registries said of its names, wherever it has them
    scan: Scan | None = None

    @property
    def first(self) -> Image:
        """The row whose page the line leads to."""
        return self.places[0].image

    @property
    def update(self) -> Update | None:
        """What counts most of it."""
        return first_of(self.updates)

    @cached_property
    def tags(self) -> list[str]:
        """All its names, wherever it has them."""
        return sorted({tag for place in self.places for tag in place.image.tags})

    @property
    def platform(self) -> str:
        """What it is made for; "" while no engine has told."""
        return next((place.image.platform for place in self.places if place.image.platform), "")

    @property
    def is_foreign(self) -> bool:
        """Whether any of its hosts has another architecture."""
        return any(place.is_foreign for place in self.places)

    @property
    def digest(self) -> str:
        """A name that a registry knows it by, for what has no tag."""
        digests = (name for place in self.places for name in place.image.digests)
        return next(digests, "")

    @property
    def size(self) -> int:
        """Bytes; engines do not all count alike."""
        return max(place.image.size for place in self.places)

    @property
    def containers(self) -> int:
        """How many containers use it that the viewer may see."""
        return sum(place.containers for place in self.places)

    @property
    def used(self) -> bool:
        """Whether any container uses it."""
        return any(place.used for place in self.places)


@dataclass(frozen=True)
class Totals:
    """What the list comes to: lines, images counted on each host, and their bytes there.

    What images of a host share is counted for each of them.
    """

    lines: int = 0
    places: int = 0
    size: int = 0
    unused_size: int = 0


@dataclass(frozen=True)
class ImagePage(Numbered):
    """One page of the list, with all that its table shows."""

    query: ImageQuery
    rows: list[ImageLine]
    hosts: dict[int, Host]  # whose images the actor may see
    states: Counter[str]  # lines in each state, whatever state is asked for, and of all ("")
    totals: Totals
    total: int
    page: int
    pages: int

    @property
    def mixed(self) -> bool:
        """Whether the hosts are of more than one architecture: then each image tells its own."""
        return len({architecture(host.arch) for host in self.hosts.values() if host.arch}) > 1


class Narrow(NamedTuple):
    """What is read of every row that matches."""

    engine_id: str
    host_id: int
    name: str
    size: int
    dangling: bool
    created_at: datetime | None = None  # read only where it is sorted by: times take longest


def filter_images(actor: Actor, query: ImageQuery) -> QuerySet[Image]:
    """Return the rows that the actor may see and that match, each with `used`."""
    rows = visible_images(actor).filter(query.condition(actor.access.reach(SECRETS)))
    rows = rows.annotate(used=_is_used())
    stale = outdated_images(image_hosts(actor)) if OUTDATED in query.state else {}
    return rows.filter(query.state_condition(Q(used=True), Q(pk__in=stale.values()))).order_by(
        "name", "host_id", "pk"
    )


def image_problems(actor: Actor, query: ImageQuery) -> list[str]:
    """Return what is wrong with the query, and which labels the actor may not look for."""
    hidden = () if actor.access.reach(SECRETS).everywhere else query.hidden_labels
    words = _("The value of the label “%(key)s” is hidden where you may not see such values: no"
              " image there is found by it.")  # fmt: skip
    return [*query.problems, *(words % {"key": key[:40]} for key in hidden)]


def image_hosts(actor: Actor) -> dict[int, Host]:
    """Return the hosts whose images the actor may see, by id and in order of their names."""
    reach = actor.access.reach("image.view")
    hosts = Host.objects.filter(reach.q()).select_related("environment").only(*HOST_FIELDS)
    return {host.pk: host for host in hosts}


def image_page(actor: Actor, query: ImageQuery) -> ImagePage:
    """Return one page by seven queries, ten where registries were asked.

    A page beyond the end becomes the last one.
    """
    hosts = image_hosts(actor)
    base = visible_images(actor).select_related(None)
    base = base.filter(query.condition(actor.access.reach(SECRETS))).order_by()
    used = used_pairs()
    fields = Narrow._fields if query.sort.endswith("created") else Narrow._fields[:-1]
    narrow = [Narrow(*row) for row in base.values_list(*fields) if row[1] in hosts]
    lines: dict[str, list[Narrow]] = defaultdict(list)
    stale = outdated_images(hosts) if OUTDATED in query.state else {}
    for row in narrow:
        key = (row.host_id, row.engine_id)
        if query.matches(key in used, row.dangling, key in stale):
            lines[row.engine_id].append(row)
    order = _sorted(lines, query.sort)
    page, pages, part = page_of(len(order), query.size, query.page)
    shown = order[part]
    return ImagePage(
        query=query,
        rows=_lines(actor, shown, lines, hosts, used),
        hosts=hosts,
        states=_states(narrow, used, stale),
        totals=_totals(lines, used),
        total=len(order),
        page=page,
        pages=pages,
    )


Used = set[tuple[int, str]]


def used_pairs() -> Used:
    """Return (host id, image id) of every image that a container uses, from an index alone.

    Whether an image is in use is a fact about the image: it does not depend on who asks.
    """
    return set(Container.objects.order_by().values_list("host_id", "image_id").distinct())


def _sorted(lines: dict[str, list[Narrow]], sort: str) -> list[str]:
    """Return the ids of lines in order; without a name they are the last."""

    def name(rows: list[Narrow]) -> tuple[bool, str]:
        named = [row.name for row in rows if row.name]
        return (not named, min(named, default="").lower())

    keys: dict[str, Any] = {
        "size": lambda rows: max(row.size for row in rows),
        "created": lambda rows: max(row.created_at or LONG_AGO for row in rows),
        "hosts": len,
    }
    ordered = sorted(lines, key=lambda line: (name(lines[line]), line))
    by = sort.removeprefix("-")
    if by in keys:
        # Sorts are stable: what is equal stays in order of names, whichever way.
        return sorted(ordered, key=lambda line: keys[by](lines[line]), reverse=sort[0] == "-")
    return ordered[::-1] if sort[0] == "-" else ordered


def _states(rows: Iterable[Narrow], used: Used, stale: Collection[tuple[int, str]]) -> Counter[str]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[""].add(row.engine_id)
        found[USED if (row.host_id, row.engine_id) in used else UNUSED].add(row.engine_id)
        if row.dangling:
            found[DANGLING].add(row.engine_id)
        if (row.host_id, row.engine_id) in stale:
            found[OUTDATED].add(row.engine_id)
    return Counter({state: len(ids) for state, ids in found.items()})


def _totals(lines: dict[str, list[Narrow]], used: Used) -> Totals:
    rows = [row for same in lines.values() for row in same]
    unused = (row.size for row in rows if (row.host_id, row.engine_id) not in used)
    return Totals(len(lines), len(rows), sum(row.size for row in rows), sum(unused))


def _lines(
    actor: Actor,
    shown: list[str],
    lines: dict[str, list[Narrow]],
    hosts: dict[int, Host],
    used: Used,
) -> list[ImageLine]:
    wanted = {(row.host_id, line) for line in shown for row in lines[line]}
    rows = visible_images(actor).select_related(None).filter(engine_id__in=shown).order_by()
    found = [row for row in rows.only(*ROW_FIELDS) if (row.host_id, row.engine_id) in wanted]
    places = line_places(actor, found, hosts, used)
    held = [line for line in shown if line in places]
    updates = updates_of_images([place.image for line in held for place in places[line]])
    scans = {scan.engine_id: scan for scan in Scan.objects.filter(engine_id__in=held)}
    return [
        ImageLine(line, places[line], updates_at(places[line], updates), scans.get(line))
        for line in held
    ]


def updates_at(places: list[Place], updates: dict[int, list[Update]]) -> tuple[Update, ...]:
    """Return what is known of a line's names, each once: what counts most of all its hosts."""
    by_name: dict[str, list[Update]] = defaultdict(list)
    for place in places:
        for update in updates.get(place.image.pk, []):
            by_name[update.reference].append(update)
    found = (first_of(same) for same in by_name.values())
    return tuple(one for one in found if one is not None)


def line_places(
    actor: Actor, rows: Iterable[Image], hosts: dict[int, Host], used: Used
) -> dict[str, list[Place]]:
    """Return the places of images by their ids, in order of the hosts' names; one query."""
    rows = list(rows)
    ids = {row.engine_id for row in rows}
    seen = visible_containers(actor).select_related(None).filter(image_id__in=ids).order_by()
    counted = seen.values_list("host_id", "image_id").annotate(number=Count("pk"))
    counts = {(host, image): number for host, image, number in counted}
    rank = {pk: number for number, pk in enumerate(hosts)}
    places: dict[str, list[Place]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: rank.get(row.host_id, 0)):
        if row.host_id in hosts:
            row.host = hosts[row.host_id]
            key = (row.host_id, row.engine_id)
            places[row.engine_id].append(Place(row, row.host, key in used, counts.get(key, 0)))
    return places


def images_of_host(actor: Actor, host: Host) -> Totals | None:
    """Return what a host has; None for who may not see it. One query."""
    if not actor.access.may("image.view", host):
        return None
    rows = host.images.annotate(used=_is_used()).order_by()
    unused = Sum("size", filter=Q(used=False))
    found = rows.aggregate(number=Count("pk"), all=Sum("size"), unused=unused)
    return Totals(found["number"], found["number"], found["all"] or 0, found["unused"] or 0)


def _is_used() -> Exists:
    """Return whether a container on its host uses an image."""
    users = Container.objects.filter(image_id=OuterRef("engine_id"), host=OuterRef("host"))
    return Exists(users)
