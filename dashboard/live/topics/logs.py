"""A container's log over the page's socket: batches of lines, gaps, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils import translation

from dashboard.live.topics.base import Send, Stream, register
from fleet.actor import Actor
from fleet.logs.hub import current_log_hub
from fleet.logs.marks import Mark
from fleet.logs.reader import Batch, Item, Place
from fleet.logs.target import LogTarget, log_target

MESSAGE_SECONDS = 0.05  # at most twenty messages a second
MARK = 0  # in the place of a stream's number
Message = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What one page reads, and in which language."""

    target: LogTarget
    language: str


@register
class Logs(Stream):
    """`logs`, with `container=12`, after a lost connection also `after=<time>&same=<lines>`."""

    name = "logs"

    def check(self, actor: Actor, args: QueryDict) -> Wanted:
        """Return whose log it is. Raises Unknown, Refused without `container.logs`."""
        target = log_target(actor, number_of(args, "container"))
        return Wanted(target, translation.get_language() or "")

    async def run(self, target: Wanted, args: QueryDict, send: Send) -> None:
        """Send what comes until the log is over or the page goes."""
        with current_log_hub().reading(target.target, place_of(args)) as reader:
            while True:
                batch = await reader.next()
                for message in messages_of(batch, target.language):
                    await send(message)
                if batch.end is not None:
                    return
                await asyncio.sleep(MESSAGE_SECONDS)


def number_of(args: QueryDict, name: str) -> int:
    """Return a number of the arguments; 0 for nonsense."""
    text = args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def place_of(args: QueryDict) -> Place | None:
    """Return where the page stopped reading."""
    at = args.get("after", "")[:40]
    return Place(at, max(1, number_of(args, "same"))) if at else None


def messages_of(batch: Batch, language: str) -> Iterator[Message]:
    """Return a batch as the page's script reads it."""
    with translation.override(language or None):
        if batch.skipped:
            yield {"type": "log.gap", "topic": Logs.name, "skipped": batch.skipped}
        if batch.items or batch.end is None:
            frames = [frame_of(item) for item in batch.items]
            yield {"type": "log", "topic": Logs.name, "frames": frames}
        if batch.end is not None:
            end = batch.end
            yield {"type": "log.end", "topic": Logs.name, "code": end.code, "reason": str(end)}


def frame_of(item: Item) -> list[Any]:
    """Return `[stream, time, text]`; for a mark `[0, its code, its sentence]`."""
    if isinstance(item, Mark):
        return [MARK, item.code, str(item)]
    return [item.stream, item.at or None, item.text]
