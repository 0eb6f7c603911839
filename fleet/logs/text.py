"""The end of a log as plain lines, for pages without scripts and for downloads."""

from __future__ import annotations

import asyncio

from django.utils.translation import gettext as _

from fleet.access import access_container
from fleet.actor import Actor
from fleet.engine.aio import open_async
from fleet.engine.errors import EngineError
from fleet.logs.lines import Line, LineParser
from fleet.logs.marks import Mark, end_of
from fleet.logs.target import LOGS, LogTarget, log_target
from fleet.models import HostState
from fleet.selectors.engine_calls import POOL, SECONDS, Answer, away_words

TAIL = 500
MOST = 100_000
DOWNLOAD_SECONDS = 60.0


def container_log(
    actor: Actor, pk: int, *, tail: int = TAIL, seconds: float = SECONDS
) -> Answer[list[Line]]:
    """Return the last lines of a container's log, or why there are none, within some seconds.

    Raises Unknown, Refused without `container.logs`.
    """
    row = access_container(actor, pk, LOGS)
    if row.host.state == HostState.UNREACHABLE:
        return Answer(problem=away_words(row.host))
    target = log_target(actor, pk)
    if target.endpoint is None:
        return Answer(problem=str(target.problem))
    return POOL.submit(asyncio.run, _answer(target, row.host.name, tail, seconds)).result()


async def _answer(target: LogTarget, host: str, tail: int, seconds: float) -> Answer[list[Line]]:
    try:
        async with asyncio.timeout(seconds):
            return Answer(await _read(target, max(1, min(tail, MOST))))
    except TimeoutError:
        said = {"host": host, "seconds": seconds}
        return Answer(problem=_("%(host)s did not answer within %(seconds)d s. Try again.") % said)
    except EngineError as error:
        mark = end_of(error) or Mark("refused", error.message, error.raw)
        return Answer(problem=str(mark), raw=error.raw)


async def _read(target: LogTarget, tail: int) -> list[Line]:
    lines: list[Line] = []
    if target.endpoint is None:
        return lines
    async with open_async(target.endpoint) as engine:
        tty = (await engine.container(target.engine_id)).tty
        parser = LineParser(tty)
        async with engine.logs(target.engine_id, tail=tail, timestamps=True, tty=tty) as stream:
            async for frames in stream:
                lines += parser.feed(frames)
    return lines + parser.flush()
