"""Images of an engine: the list, all that is known of one, and how it was made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from fleet.engine.errors import EngineError, NotFound
from fleet.engine.raw import Json, as_dict, as_int, as_list, as_str, parse_time, strings

if TYPE_CHECKING:
    from fleet.engine.aio import AsyncEngine
    from fleet.engine.client import Engine

IMAGE_ID = re.compile(r"(?:sha256:)?([0-9a-f]{64})", re.ASCII)
# What an engine may take for a name; the grammar itself is the engine's.
_REF = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.:/@-]{0,511}", re.ASCII)
_NONE = "<none>"


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """One line of the engine's list: tags as `repo:tag`, digests as `repo@sha256:…`."""

    engine_id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    size: int
    created_at: datetime | None
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of how an image was made; most steps that only change the config have no bytes."""

    command: str
    comment: str
    size: int
    created_at: datetime | None
    tags: tuple[str, ...]


def image_path(ref: str, action: str) -> str:
    """``/images/{ref}/{action}`` for an id or a name.

    Raises ``NotFound`` for what no engine accepts as a name: it must not become another path.
    """
    if not _REF.fullmatch(ref) or any(part in ("", ".", "..") for part in ref.split("/")):
        raise NotFound()
    return f"/images/{quote(ref, safe=':/@')}" + (f"/{action}" if action else "")


async def list_images(engine: AsyncEngine) -> list[ImageSummary]:
    """All images but the unnamed steps below others, in one call.

    Shared sizes are not asked for, which costs seconds. Nor are digests in so many words: engines
    tell them anyway, and Podman 4.3 answers nothing at all when they are.
    """
    return parse_images(await engine.get("/images/json"))


def inspect_image(engine: Engine, ref: str) -> Json:
    """The engine's whole knowledge of an image, all its platforms too. Raises ``NotFound``."""
    return as_dict(engine.get(f"{image_path(ref, 'json')}?manifests=1"))


def platforms_of(said: Json) -> list[str]:
    """Return for which platforms an inspected image is there: one, but where containerd keeps it.

    What is only named in its index was never fetched.
    """
    found = []
    for raw in map(as_dict, as_list(said.get("Manifests"))):
        if raw.get("Kind") == "image" and raw.get("Available") is True:
            found.append(
                _platform(as_dict(as_dict(raw.get("ImageData")).get("Platform")), str.lower)
            )
    return [one for one in found if one] or [_platform(said, str.title)]


def size_of(said: Json) -> int:
    """Return how large an inspected image is, counted as the list of images counts.

    Where containerd keeps it, `Size` is what is packed alone.
    """
    parts = (as_dict(as_dict(raw).get("Size")) for raw in as_list(said.get("Manifests")))
    return sum(max(0, as_int(size.get("Total"))) for size in parts) or as_int(said.get("Size"))


def _platform(said: Json, case: Callable[[str], str]) -> str:
    parts = (as_str(said.get(case(name))) for name in ("os", "architecture", "variant"))
    return "/".join(part for part in parts if part)


async def image_platforms(engine: AsyncEngine, ref: str) -> list[str]:
    """What it is made for, as ``linux/arm64/v8``. Raises ``NotFound``."""
    return platforms_of(as_dict(await engine.get(f"{image_path(ref, 'json')}?manifests=1")))


def image_history(engine: Engine, ref: str) -> list[Layer]:
    """How an image was made, its base first. Raises ``NotFound``."""
    said = as_list(engine.get(image_path(ref, "history")))
    return [_layer(as_dict(item)) for item in reversed(said)]


def parse_images(raw: object) -> list[ImageSummary]:
    """``GET /images/json``; what has no id of an image is left out, and told once.

    Docker 24 and its kin with containerd's store tell an image once for each of its names.
    """
    found: dict[str, ImageSummary] = {}
    for one in map(parse_image, as_list(raw)):
        if one.engine_id:
            found[one.engine_id] = _with_names(one, found.get(one.engine_id))
    return list(found.values())


def _with_names(one: ImageSummary, other: ImageSummary | None) -> ImageSummary:
    if other is None:
        return one
    return replace(
        one,
        tags=tuple(sorted({*one.tags, *other.tags})),
        digests=tuple(sorted({*one.digests, *other.digests})),
    )


def parse_image(raw: object) -> ImageSummary:
    """One item of ``GET /images/json``."""
    said = as_dict(raw)
    return ImageSummary(
        engine_id=image_id(as_str(said.get("Id"))),
        tags=_names(said.get("RepoTags")),
        digests=_names(said.get("RepoDigests")),
        size=max(0, as_int(said.get("Size"))),
        created_at=parse_time(said.get("Created")),
        labels=strings(said.get("Labels")),
    )


def is_of_no_image(error: EngineError) -> bool:
    """Whether it says that there is no such image: Podman does so with a 500."""
    said = error.raw.lower()
    return "no such image" in said or "image not known" in said


def image_id(text: str) -> str:
    """An image's id as ``sha256:…``, with which Podman is not consistent; "" for anything else."""
    match = IMAGE_ID.fullmatch(text)
    return f"sha256:{match[1]}" if match else ""


def _names(value: object) -> tuple[str, ...]:
    """Names in order, without Docker's ``<none>:<none>`` for what has none."""
    said: Iterable[str] = map(as_str, as_list(value))
    return tuple(sorted({name for name in said if name and not name.startswith(_NONE)}))


def _layer(said: Json) -> Layer:
    return Layer(
        command=as_str(said.get("CreatedBy")),
        comment=as_str(said.get("Comment")),
        size=max(0, as_int(said.get("Size"))),
        created_at=parse_time(said.get("Created")),
        tags=_names(said.get("Tags")),
    )
