"""How a log travels: blocks of frames as binary messages, everything else as JSON between them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from django.http import QueryDict
from django.utils import translation

from dashboard.live.topics.args import number
from fleet.logs.marks import Mark
from fleet.logs.places import Place
from fleet.logs.reader import Batch

LIVE, PART = 1, 2
HEADER = struct.Struct("<BxHI")  # what it is, whose, and of which part
Message = dict[str, Any] | bytes


def packed(kind: int, source: int, part: int, blocks: list[bytes]) -> bytes:
    """Return blocks of frames as one binary message."""
    return b"".join((HEADER.pack(kind, source, part), *blocks))


def messages_of(batch: Batch, source: int, language: str) -> Iterator[Message]:
    """Return a batch as the page's script reads it: in order, neighbours joined."""
    blocks: list[bytes] = []
    with translation.override(language or None):
        if batch.skipped:
            yield told("log.gap", source, skipped=batch.skipped)
        for item in batch.items:
            if not isinstance(item, Mark):
                blocks.append(item.data)
                continue
            if blocks:
                yield packed(LIVE, source, 0, blocks)
                blocks = []
            yield marked(source, item)
        if blocks:
            yield packed(LIVE, source, 0, blocks)
        if batch.end is not None:
            yield told("log.end", source, code=batch.end.code, text=str(batch.end))


def marked(source: int, mark: Mark) -> dict[str, Any]:
    """Return a mark in words, with the times between which its lines may still be had."""
    span = {"since": mark.since, "until": mark.until} if mark.since and mark.until else {}
    return told("log.mark", source, code=mark.code, text=str(mark), **span)


def told(kind: str, source: int, **more: Any) -> dict[str, Any]:
    """Return a message about a source."""
    return {"type": kind, "topic": "logs", "source": source, **more}


def places_of(args: QueryDict) -> dict[int, Place]:
    """Return where the page stopped reading, by container: `place=12,<lines>,<time>` each."""
    found: dict[int, Place] = {}
    for text in args.getlist("place"):
        container, _comma, rest = text.partition(",")
        same, _comma, at = rest.partition(",")
        if at:
            found[number(container)] = Place(at[:40], max(1, number(same)))
    return found
