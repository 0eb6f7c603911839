"""Giving an image several names: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from fleet.engine.errors import EngineError, NotFound

if TYPE_CHECKING:
    from fleet.engine.client import Engine
    from fleet.jobs.work import Work


def name_image(
    work: Work, image_id: str, names: list[str], told: Iterable[str], part: int | None = None
) -> None:
    """Give an image all names as a job, and tell lines of it: a cancellation comes too late then.

    Who loses the job in the middle does no more: the names stay as they are by then, as when its
    worker is killed. To go back could undo what the next try did meanwhile. Raises EngineError.
    """
    from fleet.jobs.engines import insisting

    with insisting(work) as sure:
        give_tags(sure.engine, image_id, names)
        for line in told:
            sure.report.line(line, part=part)


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
