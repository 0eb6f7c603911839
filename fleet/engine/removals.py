"""Removing an image: what went, and why an engine will not, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet.engine.errors import Conflict, EngineError, NotFound
from fleet.engine.images import image_id, is_of_no_image
from fleet.engine.raw import ALIVE, as_dict, as_int, as_list, as_str
from fleet.engine.usage import DISK_USAGE_TIMEOUT

if TYPE_CHECKING:
    from fleet.engine.client import Engine

# Docker's words, then Podman's. The first that fits decides.
_WORDS = (
    (r"being used by running container", "image_runs"),
    (r"dependent child|dependent image|image has .*child", "image_has_children"),
    (r"being used by (stopped )?container|is using its referenced|image is in use by|image used by",
     "image_in_use"),
    (r"referenced in multiple repositories|with more than one tag|multiple repos", "image_names"),
)  # fmt: skip


@dataclass(frozen=True)
class Removed:
    """What a removal did: names that went, and ids of images and layers."""

    untagged: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageUser:
    """A container that was made of an image."""

    name: str
    running: bool


def parse_removed(raw: object) -> Removed:
    """``DELETE /images/{name}``."""
    rows = [as_dict(item) for item in as_list(raw)]
    untagged = (as_str(row.get("Untagged")) for row in rows)
    deleted = (as_str(row.get("Deleted")) for row in rows)
    return Removed(tuple(filter(None, untagged)), tuple(filter(None, deleted)))


def explain_removal(error: EngineError) -> EngineError:
    """Return the error with a sentence that says what to do, where its words are known."""
    if is_of_no_image(error):
        return NotFound("image_gone", raw=error.raw)
    for pattern, code in _WORDS:
        if re.search(pattern, error.raw, re.IGNORECASE):
            return Conflict(code, raw=error.raw)
    return error


def image_users(engine: Engine, ident: str) -> list[ImageUser]:
    """Return all containers of the engine that were made of an image, by its id."""
    found = []
    for raw in map(as_dict, as_list(engine.get("/containers/json?all=1"))):
        if image_id(as_str(raw.get("ImageID"))) != ident:
            continue
        names = [as_str(name).lstrip("/") for name in as_list(raw.get("Names"))]
        running = as_str(raw.get("State")) in ALIVE
        found.append(ImageUser(next(iter(names), as_str(raw.get("Id"))[:12]), running))
    return found


def layers_size(engine: Engine) -> int:
    """Return what all layers take on the disk, each counted once; 0 where an engine does not tell.

    May take seconds.
    """
    said = as_dict(engine.get("/system/df?type=image", wait=DISK_USAGE_TIMEOUT))
    return max(0, as_int(said.get("LayersSize")))
