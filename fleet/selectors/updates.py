"""Whether there is something newer than what runs, from what registries said last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import NamedTuple

from django.db.models import Count, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext as _

from fleet.access import visible_containers
from fleet.actor import Actor
from fleet.models import Container, Host, Image, ImageUpdate
from fleet.registries.errors import PASSING
from fleet.registries.reference import parse_reference
from fleet.registries.versions import Newer
from fleet.updates.accounts import Accounts
from fleet.updates.names import tag_of

CURRENT, NEWER_IMAGE, NEWER_VERSION, UNKNOWN = (
    "current", "newer_image", "newer_version", "unknown",
)  # fmt: skip
ORDER = (NEWER_IMAGE, NEWER_VERSION, CURRENT, UNKNOWN)  # the first counts, of several names
CHUNK = 400
NOTHING = Newer()
# Of a failure that goes away by itself: what was known before is still told, with its age.
KEEPS = PASSING | {"reserved", "dns"}
# Of what runs, nothing else is read.
FIELDS = (
    "reference", "registry_id", "digest", "checked_at", "newer_patch", "newer_minor",
    "newer_major", "code", "message",
)  # fmt: skip


@dataclass(frozen=True)
class Update:
    """What is known of one name on one host; `newer` are versions, whatever the state is."""

    state: str  # one of ORDER
    reference: str  # as people write it
    why: str = ""  # it is not known, or what is told may be old
    newer: Newer = NOTHING
    checked_at: datetime | None = None
    pk: int = 0

    @property
    def there_is(self) -> bool:
        """Whether there is something newer."""
        return self.state in (NEWER_IMAGE, NEWER_VERSION)

    @property
    def version(self) -> str:
        """The newest version, in words of the registry."""
        return self.newer.newest


class Run(NamedTuple):
    """All that an update of a container depends on."""

    image: str
    image_id: str
    host: int


class Known(NamedTuple):
    """What is known of so many containers that run the same."""

    update: Update
    containers: int


class Updates:
    """What registries said of some references: one query, three where they have accounts."""

    def __init__(self, images: Iterable[str] | None = None) -> None:
        """Read what is known of these; of all that runs, without any."""
        self._rows: dict[tuple[str, int | None], ImageUpdate] = {}
        for rows in _rows_of(images):
            self._rows |= {(row.reference, row.registry_id): row for row in rows.only(*FIELDS)}
        self._names = {name for name, _registry in self._rows}
        with_account = any(registry is not None for _name, registry in self._rows)
        self._accounts = Accounts() if with_account else None
        self._judged: dict[tuple[object, ...], Update] = {}  # one image is on many hosts

    def __bool__(self) -> bool:
        return bool(self._rows)

    def of(
        self, host: Host, image: str, digests: Collection[str], image_id: str = ""
    ) -> Update | None:
        """Return what is known of a name on a host, whose image has these digests there.

        None for what nothing runs, or that has no tag.
        """
        tag = tag_of(image, image_id)
        if tag is None or tag.full not in self._names:
            return None
        registry = self._accounts.of(host.environment_id, tag) if self._accounts else None
        row = self._rows.get((tag.full, registry))
        if row is None:
            return None
        key = (row.pk, *digests)
        if key not in self._judged:
            self._judged[key] = judge(row, digests)
        return self._judged[key]


def _rows_of(images: Iterable[str] | None) -> Iterator[QuerySet[ImageUpdate]]:
    if images is None:
        yield ImageUpdate.objects.order_by()
        return
    names = sorted({tag.full for image in images if (tag := tag_of(image)) is not None})
    for start in range(0, len(names), CHUNK):
        yield ImageUpdate.objects.filter(reference__in=names[start : start + CHUNK])


def judge(row: ImageUpdate, digests: Collection[str]) -> Update:
    """Return what a registry's answer means for an image with these digests."""
    newer = Newer(row.newer_patch, row.newer_minor, row.newer_major)
    name = parse_reference(row.reference).familiar
    held = {digest.rpartition("@")[2] for digest in digests}
    state = CURRENT
    why = row.message
    if not row.checked_at:
        state, why = UNKNOWN, row.message or _("Its registry was not asked yet.")
    elif row.code and row.code not in KEEPS:
        state = UNKNOWN
    elif not held:
        state = UNKNOWN
        why = _("This image has no digest of a registry: it was built or loaded on its host.")
    elif row.digest not in held:
        state = NEWER_IMAGE
    elif newer.newest:
        state = NEWER_VERSION
    if state == UNKNOWN:
        newer = NOTHING
    return Update(state, name, why, newer, row.checked_at, row.pk)


def first_of(found: Iterable[Update | None]) -> Update | None:
    """Return the most important of several."""
    known = [update for update in found if update is not None]
    return min(known, key=lambda update: ORDER.index(update.state), default=None)


def updates_of_containers(rows: Collection[Container]) -> dict[int, Update]:
    """Return what is known of containers, each with its host, by id; two queries, or four."""
    updates = Updates({row.image for row in rows})
    if not updates:
        return {}
    ids: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        ids[row.host_id].add(row.image_id)
    # Just these pairs: an image that is on every host has many rows.
    wanted = reduce(or_, (Q(host=host, engine_id__in=held) for host, held in ids.items()))
    images = Image.objects.filter(wanted)
    digests = {(host, engine): held for host, engine, held in
               images.order_by().values_list("host_id", "engine_id", "digests")}  # fmt: skip
    found: dict[int, Update] = {}
    for row in rows:
        held = digests.get((row.host_id, row.image_id), [])
        update = updates.of(row.host, row.image, held, row.image_id)
        if update is not None:
            found[row.pk] = update
    return found


def updates_among(rows: QuerySet[Container], hosts: Mapping[int, Host]) -> dict[Run, Known]:
    """Return what is known of containers on these hosts; three queries, or five.

    Few combinations are left of 10,000, counted from an index alone where nothing is filtered.
    """
    updates = Updates()
    if not updates:
        return {}
    counted = rows.order_by().values_list("image", "image_id", "host_id")  # an index
    runs = [(Run(*run), number) for *run, number in counted.annotate(number=Count("pk"))]
    images = Image.objects.filter(engine_id__in={run.image_id for run, _number in runs})
    digests = {(host, engine): held for host, engine, held in
               images.order_by().values_list("host_id", "engine_id", "digests")}  # fmt: skip
    found: dict[Run, Known] = {}
    for run, number in runs:
        if run.host in hosts:
            held = digests.get((run.host, run.image_id), [])
            update = updates.of(hosts[run.host], run.image, held, run.image_id)
            if update is not None:
                found[run] = Known(update, number)
    return found


def run_of(row: Container) -> Run:
    """Return what a container runs."""
    return Run(row.image, row.image_id, row.host_id)


def that_run(rows: QuerySet[Container], runs: Iterable[Run]) -> QuerySet[Container]:
    """Return the containers that run one of these: few values to compare with for many rows."""
    texts = [f"{run.host} {run.image_id} {run.image}" for run in runs]
    host, space = Cast("host_id", TextField()), Value(" ")
    text = Concat(host, space, "image_id", space, "image", output_field=TextField())
    return rows.alias(runs=text).filter(runs__in=texts)


def update_of(row: Container) -> Update | None:
    """Return what is known of one container."""
    return updates_of_containers([row]).get(row.pk)


def updates_of_images(rows: Collection[Image]) -> dict[int, list[Update]]:
    """Return what is known of each name of images, each with its host, by id of the row."""
    updates = Updates({tag for row in rows for tag in row.tags})
    if not updates:
        return {}
    found = {row.pk: [updates.of(row.host, tag, row.digests) for tag in row.tags] for row in rows}
    return {pk: [one for one in held if one] for pk, held in found.items() if any(held)}


def outdated_images(hosts: dict[int, Host]) -> dict[tuple[int, str], int]:
    """Return ids of images of which there is something newer, by (host id, image id).

    Only names that run are known, so the rows of images that bear none are not looked at twice.
    """
    images = Image.objects.filter(host__in=hosts, dangling=False).order_by()
    rows = list(images.values_list("host_id", "engine_id", "pk", "tags", "digests"))
    updates = Updates({tag for _host, _id, _pk, tags, _digests in rows for tag in tags})
    if not updates:
        return {}
    return {
        (host, engine_id): pk
        for host, engine_id, pk, tags, digests in rows
        if any((one := updates.of(hosts[host], tag, digests)) and one.there_is for tag in tags)
    }


def visible_updates(actor: Actor) -> QuerySet[ImageUpdate]:
    """Return the rows of what runs on hosts whose images the actor may see, asked as there."""
    reach = actor.access.reach("image.view")
    if reach.everywhere:
        return ImageUpdate.objects.all()
    accounts = Accounts()
    containers = visible_containers(actor).filter(reach.q("host")).select_related(None).order_by()
    shown: dict[int | None, set[str]] = {}
    names = containers.values_list("image", "image_id", "host__environment_id").distinct()
    for image, image_id, environment in names:
        tag = tag_of(image, image_id)
        if tag is not None:
            shown.setdefault(accounts.of(environment, tag), set()).add(tag.full)
    seen = Q(pk__in=[])
    for registry, references in shown.items():
        seen |= Q(registry=registry, reference__in=sorted(references))
    return ImageUpdate.objects.filter(seen)
