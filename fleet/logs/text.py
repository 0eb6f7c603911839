"""The end of a log as plain lines, for pages without scripts and for downloads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.utils.translation import gettext as _

from fleet.access import access_container
from fleet.actor import Actor
from fleet.engine.aio import AsyncEngine, open_async
from fleet.engine.errors import EngineError
from fleet.engine.raw import parse_time
from fleet.logs.lines import Line, LineParser
from fleet.logs.marks import Mark, end_of
from fleet.logs.target import LOGS, LogTarget, log_target
from fleet.models import HostState
from fleet.selectors.engine_calls import (
    PLACES,
    SECONDS,
    Answer,
    away_words,
    not_asked_words,
    silent_words,
)
from fleet.selectors.places import NotAsked, Places

TAIL = 500
MOST = 100_000
DOWNLOAD_SECONDS = 60.0
GRACE_SECONDS = 2.0
MOST_BYTES = 16 * 1024 * 1024
NEAR = 5000  # entries at the end that are looked through for lines before some time
PIECES = 64  # an engine counts the pieces of long lines: so many has one of 1 MiB
MORE = 4  # times as many are asked for when lines were longer
LINE_COST = 100  # bytes that a line takes besides its text
# Downloads have places of their own: pages must not wait for them.
DOWNLOADS = Places(threads=2, each=2, name="download")


@dataclass(frozen=True)
class Span:
    """The last `tail` lines of those between two times by the engine's clock, or of all."""

    tail: int = TAIL
    since: datetime | None = None
    until: datetime | None = None

    @property
    def near(self) -> dict[str, int | float]:
        """What is asked for first: the end of the log, which is found at once in any log."""
        asked: dict[str, int | float] = {"tail": max(self.tail, NEAR if self.until else 0) + PIECES}
        return asked | self._times(since=self.since)

    @property
    def whole(self) -> dict[str, int | float]:
        """Everything between the times: engines count their `tail` before they look at `until`."""
        return self._times(since=self.since, until=self.until)

    @staticmethod
    def _times(**times: datetime | None) -> dict[str, int | float]:
        return {name: at.timestamp() for name, at in times.items() if at is not None}


def container_log(
    actor: Actor, pk: int, span: Span = Span(), *, seconds: float = SECONDS
) -> Answer[list[Line]]:
    """Return a part of a container's log, or why there is none, within some seconds.

    Raises Unknown, Refused without `container.logs`.
    """
    row = access_container(actor, pk, LOGS)
    if row.host.state == HostState.UNREACHABLE:
        return Answer(problem=away_words(row.host))
    target = log_target(actor, pk)
    if target.endpoint is None:
        return Answer(problem=str(target.problem))
    read = partial(_run, target, row.host.name, span, seconds)
    download = seconds > SECONDS
    try:
        return (DOWNLOADS if download else PLACES).call(row.host_id, read, seconds + GRACE_SECONDS)
    except NotAsked as error:
        others = _("Others are downloading logs just now. Try again in a minute.")
        return Answer(problem=others if download else not_asked_words(row.host.name, error))
    except TimeoutError:
        return Answer(problem=silent_words(row.host.name, seconds))


def _run(target: LogTarget, host: str, span: Span, seconds: float) -> Answer[list[Line]]:
    return asyncio.run(_answer(target, host, span, seconds))


async def _answer(target: LogTarget, host: str, span: Span, seconds: float) -> Answer[list[Line]]:
    try:
        async with asyncio.timeout(seconds):
            return Answer(await _read(target, span))
    except TimeoutError:
        return Answer(problem=silent_words(host, seconds))
    except EngineError as error:
        end = end_of(error)
        mark = end or Mark("refused", error.message, error.raw)
        return Answer(problem=str(mark), raw=error.raw, lasting=end is not None)


async def _read(target: LogTarget, span: Span) -> list[Line]:
    if target.endpoint is None:
        return []
    asked = span.near
    async with open_async(target.endpoint) as engine:
        tty = (await engine.container(target.engine_id)).tty
        while True:
            newest = Newest(MOST_BYTES, span.tail, span.until)
            entries = await _read_into(newest, engine, target.engine_id, tty, asked)
            # What is read may begin in the middle of a line: it has to be more than is given.
            if newest.dropped or entries < asked.get("tail", entries + 1):
                return list(newest.lines)
            asked = span.whole if span.until else {**asked, "tail": asked["tail"] * MORE}


async def _read_into(
    newest: Newest, engine: AsyncEngine, ident: str, tty: bool, asked: Mapping[str, int | float]
) -> int:
    """Read lines; return how many entries the engine has given."""
    parser, entries = LineParser(), 0
    async with engine.logs(ident, timestamps=True, tty=tty, **asked) as stream:  # type: ignore[arg-type]
        async for block in stream:
            entries += block.entries
            newest.add(parser.feed(block.frames()))
    newest.add(parser.flush())
    return entries


class Newest:
    """The newest lines that fit into so many bytes: a log may be larger than our memory.

    Of those, at most `count` are kept, none of them later than `until`.
    """

    def __init__(self, limit: int, count: int = MOST, until: datetime | None = None) -> None:
        self.limit, self.count, self.until = limit, count, until
        self.size = 0
        self.dropped = False
        self.lines: deque[Line] = deque()

    def add(self, lines: Iterable[Line]) -> None:
        """Take lines, and let go of the oldest ones that fit no more."""
        for line in lines:
            if self.until and (at := parse_time(line.at)) and at > self.until:
                continue
            self.lines.append(line)
            self.size += len(line.text) + LINE_COST
        while len(self.lines) > self.count or (self.size > self.limit and len(self.lines) > 1):
            self.size -= len(self.lines.popleft().text) + LINE_COST
            self.dropped = True
