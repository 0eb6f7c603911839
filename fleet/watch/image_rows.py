"""What the watcher writes of images: rows that differ, and those that are gone.

All functions are synchronous and run in the watcher's database thread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from django.db import transaction
from django.utils import timezone

from fleet.engine.images import ImageSummary
from fleet.models import Image
from fleet.watch.fence import lock_host
from fleet.watch.rows import LABEL_LIMIT, Values, clean, clean_all, is_masked
from fleet.watch.writer import Saved

FIELDS = ("name", "tags", "digests", "size", "labels", "dangling", "created_at", "search")
NAME_LIMIT = 512
PLATFORM_LIMIT = 255
SEARCH_LIMIT = 4096
SIZE_LIMIT = 2**62


@dataclass(frozen=True)
class ImageBatch:
    """A part of what was found: images as they are, ids that are gone, platforms by ids."""

    images: Sequence[ImageSummary] = ()
    gone: Sequence[str] = ()
    platforms: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.images or self.gone or self.platforms)


def save_images(host_id: int, lease: int, host_name: str, batch: ImageBatch) -> Saved:
    """Write what differs, delete what is gone; all or nothing.

    Raises Host.DoesNotExist when somebody removed the host meanwhile, LeaseLost when it is no
    longer ours.
    """
    with transaction.atomic():
        lock_host(host_id, lease)
        changed = _save(host_id, host_name, batch.images)
        changed += _save_platforms(host_id, batch.platforms)
        return Saved(changed, removed=_delete(host_id, batch.gone))


def images_not_in(host_id: int, engine_ids: set[str]) -> list[str]:
    """Return the ids of the host's images that are not among `engine_ids`."""
    known = Image.objects.filter(host_id=host_id).order_by().values_list("engine_id", flat=True)
    return [engine_id for engine_id in known if engine_id not in engine_ids]


def without_platform(host_id: int, most: int, but: Collection[str] = ()) -> list[str]:
    """Return the ids of the host's images whose engine has not told their platform yet."""
    rows = Image.objects.filter(host_id=host_id, platform=None).order_by("pk")
    ids = rows.values_list("engine_id", flat=True)
    return list(islice((ident for ident in ids if ident not in but), most))


def _save_platforms(host_id: int, platforms: Mapping[str, str]) -> list[int]:
    rows = list(Image.objects.filter(host_id=host_id, engine_id__in=list(platforms)))
    for row in rows:
        row.platform = clean(platforms[row.engine_id])[:PLATFORM_LIMIT]
        row.revision += 1
    Image.objects.bulk_update(rows, ["platform", "revision"])
    return [row.pk for row in rows]


def _save(host_id: int, host_name: str, images: Sequence[ImageSummary]) -> list[int]:
    if not images:
        return []
    now = timezone.now()
    ids = [one.engine_id for one in images]
    known = {row.engine_id: row for row in Image.objects.filter(host_id=host_id, engine_id__in=ids)}
    rows = []
    for one in images:
        values, old = image_values(one, host_name), known.get(one.engine_id)
        if old is None or any(getattr(old, name) != values[name] for name in FIELDS):
            row = Image(host_id=host_id, engine_id=one.engine_id, seen_at=now, **values)
            row.revision = old.revision + 1 if old else 1
            rows.append(row)
    saved = Image.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["host", "engine_id"],
        update_fields=[*FIELDS, "seen_at", "revision"],
    )
    return [row.pk for row in saved]


def _delete(host_id: int, engine_ids: Iterable[str]) -> list[int]:
    if not engine_ids:
        return []
    rows = Image.objects.filter(host_id=host_id, engine_id__in=list(engine_ids))
    ids = list(rows.values_list("id", flat=True))
    Image.objects.filter(id__in=ids).delete()
    return ids


def image_values(image: ImageSummary, host_name: str) -> Values:
    """Return the value of every column in `FIELDS`, freed of what a database refuses."""
    values: Values = {
        "name": (image.tags[0] if image.tags else "")[:NAME_LIMIT],
        "tags": list(image.tags),
        "digests": list(image.digests),
        "size": min(image.size, SIZE_LIMIT),
        "labels": dict(image.labels),
        "dangling": not image.tags,
        "created_at": image.created_at,
        "search": search_text(image, host_name),
    }
    return {name: clean_all(value) for name, value in values.items()}


def search_text(image: ImageSummary, host_name: str) -> str:
    """Return what the search looks through: lower case, the names first, at most 4 KB.

    The id is there whole: whoever has more letters of it than a page shows finds it, too.
    """
    words = [*image.tags, image.engine_id, host_name, *image.digests]
    words += [
        f"{key}={value}"
        for key, value in sorted(image.labels.items())
        if len(key) + len(value) < LABEL_LIMIT and not is_masked(key, value)
    ]
    return " ".join(dict.fromkeys(word for word in words if word)).lower()[:SEARCH_LIMIT]
