"""The build cache of an engine: what BuildKit keeps of the steps that it has run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet.engine.errors import NotFound, Unsupported
from fleet.engine.raw import as_dict, as_int, as_list
from fleet.engine.usage import DISK_USAGE_TIMEOUT

if TYPE_CHECKING:
    from fleet.engine.client import Engine


@dataclass(frozen=True)
class CachePruned:
    """What went: how many records, and the bytes that came back."""

    count: int = 0
    size: int = 0


def prune_build_cache(engine: Engine, *, keep: int = 0, unused_hours: int = 0) -> CachePruned:
    """Remove build cache that no build uses now, what was unused for longest first.

    ``keep`` bytes of it stay, and what was used within ``unused_hours``. What images share with it
    stays too. Raises ``Unsupported`` where an engine keeps none.
    """
    filters = {"until": {f"{unused_hours}h": True}} if unused_hours else {}
    # From API 1.48 on the first is called the second.
    params: dict[str, str | int] = {
        "keep-storage": keep,
        "reserved-space": keep,
        "filters": json.dumps(filters),
    }
    try:
        said = as_dict(engine.send("/build/prune", None, params, wait=DISK_USAGE_TIMEOUT))
    except (NotFound, Unsupported) as error:  # Podman
        raise Unsupported("no_build_cache", raw=error.raw) from error
    return CachePruned(len(as_list(said.get("CachesDeleted"))), as_int(said.get("SpaceReclaimed")))
