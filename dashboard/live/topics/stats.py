"""What a container uses, about once a second, over the page's socket."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.utils import translation

from dashboard.live.topics.args import number_of
from dashboard.live.topics.base import Send, Stream, register
from dashboard.live.topics.wanted import Wanted
from fleet.actor import Actor
from fleet.logs.marks import Mark
from fleet.stats import Usage
from fleet.stats.hub import Item, current_stats_hub
from fleet.stats.target import stats_target


@register
class Stats(Stream):
    """`stats`, with `container=12`."""

    name = "stats"

    def check(self, actor: Actor, args: QueryDict) -> Wanted:
        """Return which container it is. Raises Unknown, Refused."""
        return Wanted.of(stats_target(actor, number_of(args, "container")))

    async def run(self, target: Wanted, args: QueryDict, send: Send) -> None:
        """Send readings until the page goes or the container is removed."""
        with current_stats_hub().reading(target.target) as reader:
            while True:
                await send(message_of(await reader.next(), target.language))


def message_of(items: list[Item], language: str) -> dict[str, Any]:
    """Return readings as the page's script reads them; `note` says why there are none now."""
    readings = [reading_of(item) for item in items if isinstance(item, Usage)]
    last = items[-1]
    with translation.override(language or None):
        note = str(last) if isinstance(last, Mark) else ""
    return {
        "type": "stats",
        "topic": Stats.name,
        "readings": readings,
        "runs": isinstance(last, Usage),
        "note": note,
    }


def reading_of(usage: Usage) -> list[float | None]:
    """Return a reading: Unix ms, percent, then bytes and bytes a second, and processes."""
    return [
        round(usage.at.timestamp() * 1000), round(usage.cpu, 2), usage.memory, usage.memory_limit,
        *(rate and round(rate) for rate in (usage.received, usage.sent, usage.read, usage.written)),
        usage.processes,
    ]  # fmt: skip
