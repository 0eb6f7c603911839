"""A part of a log that a page lacks: older lines, or what a gap left out."""

from __future__ import annotations

from contextlib import aclosing

from django.http import QueryDict
from django.utils import translation

from dashboard.live.topics.args import number_of
from dashboard.live.topics.base import Send, Stream, register
from dashboard.live.topics.log_wire import PART, Message, packed
from dashboard.live.topics.wanted import Wanted
from fleet.actor import Actor
from fleet.logs.history import Part, PartUnread, read_part
from fleet.logs.target import log_target

MESSAGE_BYTES = 256 * 1024


@register
class LogPart(Stream):
    """`log-part`, with `container=12&part=3`, and of `tail`, `since`, `until` what is needed."""

    name = "log-part"

    def check(self, actor: Actor, args: QueryDict) -> Wanted:
        """Return whose log it is. Raises Unknown, Refused without `container.logs`."""
        return Wanted.of(log_target(actor, number_of(args, "container")))

    async def run(self, target: Wanted, args: QueryDict, send: Send) -> None:
        """Send the part, then that it is whole, or why it is not."""
        part, problem = number_of(args, "part") % 2**32, ""
        waiting: list[bytes] = []
        size = 0
        try:
            async with aclosing(read_part(target.target, part_of(args))) as blocks:
                async for block in blocks:
                    waiting.append(block)
                    size += len(block)
                    if size >= MESSAGE_BYTES:
                        await send(packed(PART, 0, part, waiting))
                        waiting, size = [], 0
        except PartUnread as error:
            with translation.override(target.language or None):
                problem = str(error)
        if waiting:
            await send(packed(PART, 0, part, waiting))
        await send(ended(part, problem))


def ended(part: int, problem: str) -> Message:
    """Return the last message of a part."""
    return {"type": "log.part", "topic": LogPart.name, "part": part, "problem": problem}


def part_of(args: QueryDict) -> Part:
    """Return which part the page wants."""
    since, until = (args.get(name, "")[:40] for name in ("since", "until"))
    return Part.of(number_of(args, "tail"), since, until)
