"""What a log said before, or between two times: read once, as fast as its viewer takes it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleet.engine.aio import open_async
from fleet.engine.errors import EngineError
from fleet.engine.log_file import open_log
from fleet.engine.raw import parse_time
from fleet.logs.target import LogTarget

MARGIN = timedelta(microseconds=2)  # the engine's times are finer than ours


class PartUnread(Exception):
    """The engine did not give a part, or not all of it; its text says why, for people."""


@dataclass(frozen=True)
class Part:
    """The last `tail` entries of a log (None: all), of those between two times; both belong to it.

    The engine counts its `tail` before it looks at `until`.
    """

    tail: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, tail: int, since: str, until: str) -> Part:
        """Return a part by what a page says: 0, "" and nonsense count as not given."""
        return cls(tail or None, parse_time(since), parse_time(until))


async def read_part(target: LogTarget, part: Part) -> AsyncGenerator[bytes, None]:
    """Yield bytes of frames as they come: one may be torn. Raises PartUnread."""
    try:
        async with aclosing(_read(target, part)) as blocks:
            async for data in blocks:
                yield data
    except EngineError as error:
        raise PartUnread(error.message) from error


async def _read(target: LogTarget, part: Part) -> AsyncGenerator[bytes, None]:
    if target.endpoint is None:
        raise PartUnread(target.problem)
    since, until = _moved(part.since, -MARGIN), _moved(part.until, MARGIN)
    async with open_async(target.endpoint) as engine:
        facts = await engine.container(target.engine_id)
        # What an engine says of itself is believed of the container only that was asked for.
        if part.tail is None and facts.engine_id == target.engine_id:
            file = await open_log(target.endpoint, facts, since, until)
            if file is not None:
                async with aclosing(file.frames()) as blocks:
                    async for data in blocks:
                        yield data
                return
        stream = engine.logs(
            target.engine_id,
            tail=part.tail,
            since=since.timestamp() if since else None,
            until=until.timestamp() if until else None,
            timestamps=True,
            tty=facts.tty,
            lean=True,
            whole=False,
        )
        async with stream:
            async for block in stream:
                yield block.data


def _moved(moment: datetime | None, by: timedelta) -> datetime | None:
    try:
        return moment + by if moment else None
    except OverflowError:
        return moment
