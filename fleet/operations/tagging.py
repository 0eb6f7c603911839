"""Giving an image several names: all of them, or none."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fleet.engine.errors import EngineError, NotFound

if TYPE_CHECKING:
    from fleet.engine.client import Engine


def give_tags(engine: Engine, image_id: str, names: list[str]) -> None:
    """Give all names; when one fails, those before it go back to what they were.

    Raises EngineError.
    """
    before: dict[str, str] = {}
    try:
        for name in names:
            before[name] = _held(engine, name)
            engine.tag(image_id, name)
    except EngineError:
        for name, held in before.items():
            with suppress(EngineError):
                engine.tag(held, name) if held else engine.untag(name)
        raise


def _held(engine: Engine, name: str) -> str:
    try:
        return str(engine.image(name).get("Id") or "")
    except NotFound:
        return ""
