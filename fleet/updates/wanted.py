"""A row for everything that runs under a name with a tag."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from fleet.models import Container, ContainerState, ImageUpdate
from fleet.registries.reference import Reference
from fleet.updates.accounts import Accounts
from fleet.updates.names import tag_of

MOST = 10_000  # references; what is beyond is not asked for
KEPT = timedelta(days=7)  # after nothing ran it any more
SEEN = timedelta(hours=6)  # so often it is written down that something still runs
CHUNK = 400
Key = tuple[str, int | None]


def wanted() -> dict[Key, Reference]:
    """Return what running containers need to be known, by reference and account."""
    accounts = Accounts()
    running = Container.objects.filter(state=ContainerState.RUNNING).order_by()
    names = running.values_list("image", "image_id", "host__environment_id").distinct()
    found: dict[Key, Reference] = {}
    for image, image_id, environment in names:
        reference = tag_of(image, image_id)
        if reference is not None and len(found) < MOST:
            found[reference.full, accounts.of(environment, reference)] = reference
    return found


def keep_rows() -> None:
    """Make rows for what is new, and delete those of what nothing has run for days."""
    now = timezone.now()
    needed = wanted()
    known = {
        (row.reference, row.registry_id): row
        for row in ImageUpdate.objects.only("reference", "registry", "wanted_at")
    }
    new = [row_of(ref, registry) for (name, registry), ref in needed.items()
           if (name, registry) not in known]  # fmt: skip
    ImageUpdate.objects.bulk_create(new, batch_size=CHUNK, ignore_conflicts=True)
    unseen = [row.pk for key, row in known.items() if key in needed and row.wanted_at < now - SEEN]
    for start in range(0, len(unseen), CHUNK):
        ImageUpdate.objects.filter(pk__in=unseen[start : start + CHUNK]).update(wanted_at=now)
    ImageUpdate.objects.filter(wanted_at__lt=now - KEPT).delete()


def row_of(reference: Reference, registry: int | None) -> ImageUpdate:
    """Return a new row, due at once and not saved."""
    return ImageUpdate(
        reference=reference.full,
        place=reference.host,
        repository=reference.repository,
        tag=reference.tag,
        registry_id=registry,
    )


def due() -> QuerySet[ImageUpdate]:
    """Return the rows whose time has come, the longest waiting first; not what ran long ago."""
    now = timezone.now()
    rows = ImageUpdate.objects.filter(next_check_at__lte=now, wanted_at__gt=now - 2 * SEEN)
    return rows.order_by("next_check_at", "pk")
