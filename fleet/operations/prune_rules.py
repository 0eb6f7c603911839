"""Which images of a host go: the same rules choose among rows, for a preview, and at run time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from django.utils.translation import gettext as _
from pydantic import AfterValidator, Field

from fleet.operations.registry import Params

LABELS = 20
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def _check_label(value: str) -> str:
    if not value.partition("=")[0]:
        raise ValueError(_("A label is written like key or key=value."))
    return value


Label = Annotated[str, Field(max_length=512), AfterValidator(_check_label)]


class PruneParams(Params):
    """Rules, all of them together. What a container was made of never goes.

    `which`: dangling ones, which have no tag, or all that no container uses; `older_days`: only
    those built longer ago; `keep_last`: of each repository so many of the newest stay;
    `keep_labels`: what has one of these labels (key or key=value) stays.
    """

    which: Literal["dangling", "unused"] = "dangling"
    older_days: Annotated[int, Field(ge=0, le=3650)] = 0
    keep_last: Annotated[int, Field(ge=0, le=100)] = 0
    keep_labels: Annotated[list[Label], Field(max_length=LABELS)] = []


@dataclass(frozen=True)
class Candidate:
    """An image of a host, as far as the rules look at it."""

    engine_id: str
    tags: tuple[str, ...]
    size: int
    labels: dict[str, str]
    created_at: datetime | None
    used: bool

    @property
    def name(self) -> str:
        """What to call it."""
        return self.tags[0] if self.tags else self.engine_id.removeprefix("sha256:")[:12]


def choose(images: Iterable[Candidate], rules: PruneParams, now: datetime) -> list[Candidate]:
    """Return the images that go, the largest first."""
    found = list(images)
    kept = _newest(found, rules.keep_last)
    before = now - timedelta(days=rules.older_days) if rules.older_days else None
    going = [
        image
        for image in found
        if not image.used
        and not (rules.which == "dangling" and image.tags)
        and image.engine_id not in kept
        and not any(_has(image, label) for label in rules.keep_labels)
        and (before is None or (image.created_at is not None and image.created_at < before))
    ]
    return sorted(going, key=lambda image: (-image.size, image.name))


def _newest(images: list[Candidate], count: int) -> set[str]:
    """Return the ids of the newest images of each repository, those in use counted, too."""
    if not count:
        return set()
    of: dict[str, dict[str, Candidate]] = defaultdict(dict)
    for image in images:
        for tag in image.tags:
            of[tag.rpartition(":")[0]][image.engine_id] = image
    kept: set[str] = set()
    for same in of.values():
        order = sorted(
            same.values(), key=lambda one: (one.created_at or LONG_AGO, one.tags), reverse=True
        )
        kept.update(image.engine_id for image in order[:count])
    return kept


def _has(image: Candidate, label: str) -> bool:
    key, mark, value = label.partition("=")
    return key in image.labels and (not mark or image.labels[key] == value)
