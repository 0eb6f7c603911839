"""Which registry tag a container's image stands for."""

from __future__ import annotations

import re
from functools import lru_cache

from fleet.registries.reference import InvalidReference, Reference, parse_reference

_HEX = re.compile(r"[0-9a-f]{12,64}")


@lru_cache(maxsize=16384)
def tag_of(image: str, image_id: str = "") -> Reference | None:
    """Return what to ask a registry for; None for ids, and for what is named by a digest alone.

    Swarm writes `nginx:1.27@sha256:…`: there the tag is asked for.
    """
    bare = _HEX.fullmatch(image) and image_id.removeprefix("sha256:").startswith(image)
    if not image or bare or image.startswith(("sha256:", "<none>")):
        return None
    try:
        found = parse_reference(image)
    except InvalidReference:
        return None
    return found.with_tag(found.tag) if found.tag else None
