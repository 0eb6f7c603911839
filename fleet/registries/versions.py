"""Which tags are newer versions of one: by number, and only of its own kind.

Tags are no version standard. `1.25.3-alpine` and `1.26.0-alpine3.19` are of one kind, `1.26.0-perl`
is of another; `2` names all of a series and is compared with `3`, not with `2.1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

TAG = re.compile(
    r"^(?P<prefix>(?:[A-Za-z][A-Za-z_-]*[._-])?v?)(?P<numbers>\d{1,9}(?:\.\d{1,9}){0,3})"
    r"(?P<suffix>(?:[+._-][A-Za-z0-9][A-Za-z0-9._-]*)?)\Z"
)
# Of a release to come; `r3` and `-1` are packagers' own counts, and newer than without.
EARLY = re.compile(r"^[._-]?(?:alpha|beta|rc|pre|preview|dev|snapshot|nightly|canary|edge|ea|m)"
                   r"(?=$|[._-]|\d)", re.IGNORECASE)  # fmt: skip
COUNT = re.compile(r"\d+")
DATE_FROM = 1900  # a first number from here on is a year or a day, not a major version
STEPS = ("major", "minor", "patch", "patch")


@dataclass(frozen=True, order=True)
class Version:
    """A tag as it is compared: `stage` is alpha, beta or rc, whose order is that of letters, and
    `counts` are the numbers in its suffix."""

    numbers: tuple[int, ...]
    is_release: bool
    stage: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Newer:
    """The newest tags that are newer by patch, by minor, by major version; "" where none is."""

    patch: str = ""
    minor: str = ""
    major: str = ""

    @property
    def newest(self) -> str:
        """The newest of all."""
        return self.major or self.minor or self.patch


def newer_tags(tag: str, tags: Iterable[str]) -> Newer:
    """Return which of a repository's tags are newer versions of one.

    A release is never told of a pre-release; tags that are no version have no newer ones.
    """
    here = _read(tag)
    if here is None:
        return Newer()
    kind, version = here
    best: dict[str, tuple[Version, str]] = {}
    for other in tags:
        there = _read(other)
        if there is None or there[0] != kind or there[1] <= version:
            continue
        if version.is_release and not there[1].is_release:
            continue
        step = _step(version, there[1])
        best[step] = max(best.get(step, (there[1], other)), (there[1], other))
    return Newer(**{step: name for step, (_, name) in best.items()})


def _read(tag: str) -> tuple[tuple[object, ...], Version] | None:
    """Return a tag's kind and version; None when it is no version."""
    found = TAG.match(tag)
    if found is None:
        return None
    numbers = tuple(int(part) for part in found["numbers"].split("."))
    suffix = found["suffix"]
    early = EARLY.match(suffix)
    stage = early[0].strip("._-").lower() if early else ""
    counts = tuple(int(count) for count in COUNT.findall(suffix))
    kind = "" if early else COUNT.sub("#", suffix).rstrip("#._-")
    dated = numbers[0] >= DATE_FROM
    width = len(found["numbers"].split(".")[0]) if dated else 0
    # A version of two parts names a series: its newer ones are series, too.
    return (found["prefix"], len(numbers), kind, width), Version(numbers, not early, stage, counts)


def _step(here: Version, there: Version) -> str:
    for at, (one, other) in enumerate(zip(here.numbers, there.numbers, strict=True)):
        if one != other:
            return STEPS[at]
    return "patch"
