"""The clock of an engine's machine, by which its events and lines have their times."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from fleet.engine.raw import as_dict, parse_time

if TYPE_CHECKING:
    from fleet.engine.aio import AsyncEngine


async def engine_clock(engine: AsyncEngine) -> datetime | None:
    """What it says now; ``None`` when the engine does not tell."""
    return parse_time(as_dict(await engine.get("/info")).get("SystemTime"))
