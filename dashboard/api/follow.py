"""A log as newline-delimited JSON that goes on while it is written."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.utils import translation
from django.utils.translation import gettext_lazy

from dashboard.live.threads import run
from fleet.access import AccessError
from fleet.cancel import cancel
from fleet.logs.download import shown
from fleet.logs.hub import current_log_hub
from fleet.logs.lines import Line, LineParser
from fleet.logs.marks import Mark
from fleet.logs.places import Place
from fleet.logs.reader import Batch, Reader
from fleet.logs.target import LogTarget

FOLLOWS_PER_USER = 50  # in each web process
SLICE = 2000  # lines that are written out at once
TOO_MANY = gettext_lazy("You follow too many logs already. End some of them first.")
CHECK_SECONDS = 4.0  # how soon a right that was taken ends the answer
PAUSE_SECONDS = 0.05  # at most twenty writes a second
open_answers: Counter[int] = Counter()  # by the caller's id, in this process

Check = Callable[[], LogTarget]
log = structlog.get_logger(__name__)


def follows_too_many(user_id: int) -> bool:
    """Return whether a user follows as many logs by the API as one may."""
    return open_answers[user_id] >= FOLLOWS_PER_USER


@contextmanager
def counted(user_id: int) -> Iterator[None]:
    """Count an answer while it is open."""
    open_answers[user_id] += 1
    try:
        yield
    finally:
        open_answers[user_id] -= 1
        if not open_answers[user_id]:
            del open_answers[user_id]


@dataclass(frozen=True)
class Followed:
    """Whose answer it is, and of which log.

    `check` returns the target while the caller may read it, and raises AccessError once they may
    not. Lines before `since` are left out.
    """

    user_id: int
    target: LogTarget
    check: Check
    language: str
    since: datetime | None = None


async def follow(one: Followed, read: list[Line], tail: int) -> AsyncIterator[str]:
    """Yield the last `tail` of the lines `read`, then what is written after them, as JSON.

    A line of the log is `{"at", "stream", "text"}`. Between them: `{"gap": n}` where n lines were
    left out, null when nobody counted; `{"mark": code, "text": …}` for what happened to the
    container or its host; and `{"end": code, "text": …}` as the last one.
    """
    if follows_too_many(one.user_id):  # others came while the log was read
        yield _json({"end": "too_many", "text": str(TOO_MANY)})
        return
    place = place_after(read)
    reading = current_log_hub().reading(one.target, place, one.since)
    with counted(one.user_id), reading as reader:
        for start in range(max(0, len(read) - tail), len(read), SLICE):
            yield "".join(map(_json, map(shown, read[start : start + SLICE])))
            await asyncio.sleep(0)  # others have their turn
        read.clear()
        refused = asyncio.create_task(_refusal(one))
        try:
            parser = LineParser()
            async for batch in _batches(reader, refused):
                yield "".join(_told(batch, parser, one.language))
            if refused.done():
                yield _json({"end": "refused", "text": refused.result()})
        finally:
            await cancel(refused)


def place_after(lines: list[Line]) -> Place | None:
    """Return where somebody stands who has read these lines."""
    if not lines or not lines[-1].at:
        return None
    at = lines[-1].at
    return Place(at, sum(line.at == at for line in lines))


async def _batches(reader: Reader, refused: asyncio.Task[str]) -> AsyncIterator[Batch]:
    """Yield what comes until the log is over or the caller may no longer read it."""
    while True:
        batch = asyncio.create_task(reader.next())
        try:
            await asyncio.wait({batch, refused}, return_when=asyncio.FIRST_COMPLETED)
            if refused.done():
                return
            yield batch.result()
            if batch.result().end is not None:
                return
        finally:
            await cancel(batch)
        await asyncio.sleep(PAUSE_SECONDS)


async def _refusal(one: Followed) -> str:
    """Return why the caller may read no longer, once that is so."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            await run(one.check, language=one.language)
        except AccessError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a database that is away takes no right
            log.warning("follow_unchecked", user=one.user_id, error=repr(error))


def _told(batch: Batch, parser: LineParser, language: str) -> Iterable[str]:
    with translation.override(language or None):
        if batch.skipped:
            parser.flush()  # the rest of that line was left out
            yield _json({"gap": batch.skipped if batch.skipped > 0 else None})
        for item in batch.items:
            if isinstance(item, Mark):
                yield from map(_json, map(shown, parser.flush()))
                yield _json(_mark("mark", item))
            else:
                yield from map(_json, map(shown, parser.feed(item.frames())))
        if batch.end is not None:
            yield from map(_json, map(shown, parser.flush()))
            yield _json(_mark("end", batch.end))


def _mark(kind: str, mark: Mark) -> dict[str, str]:
    return {kind: mark.code, "text": str(mark)}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"
