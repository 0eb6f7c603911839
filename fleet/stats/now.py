"""One reading of a container, for who asks once."""

from __future__ import annotations

import asyncio
from functools import partial

from django.utils.translation import gettext as _

from fleet.access import access_container
from fleet.actor import Actor
from fleet.engine.aio import open_async
from fleet.engine.errors import EngineError
from fleet.engine.stats import Counters, Usage, usage_between
from fleet.logs.marks import Mark, end_of
from fleet.logs.target import LogTarget
from fleet.models import HostState
from fleet.selectors.engine_calls import (
    PLACES,
    SECONDS,
    Answer,
    away_words,
    not_asked_words,
    silent_words,
)
from fleet.selectors.places import NotAsked
from fleet.stats.target import VIEW, stats_target

GRACE_SECONDS = 1.0
UP = frozenset({"running", "paused"})


def container_usage(actor: Actor, pk: int) -> Answer[Usage]:
    """Return what a container uses now, within some seconds, or why that is not known.

    Takes two readings, a second apart. Raises Unknown, Refused.
    """
    row = access_container(actor, pk, VIEW)
    if row.host.state == HostState.UNREACHABLE:
        return Answer(problem=away_words(row.host))
    target = stats_target(actor, pk)
    if target.endpoint is None:
        return Answer(problem=str(target.problem))
    read = partial(_run, target, row.name)
    try:
        return PLACES.call(row.host_id, read, SECONDS + GRACE_SECONDS)
    except NotAsked as error:
        return Answer(problem=not_asked_words(row.host.name, error))
    except TimeoutError:
        return Answer(problem=silent_words(row.host.name, SECONDS))


def _run(target: LogTarget, name: str) -> Answer[Usage]:
    idle = Answer[Usage](problem=_("%(name)s does not run.") % {"name": name}, lasting=True)
    try:
        return Answer(found) if (found := asyncio.run(_first(target))) else idle
    except TimeoutError:
        return idle  # an engine says nothing of what does not run
    except EngineError as error:
        end = end_of(error)
        mark = end or Mark("refused", error.message, error.raw)
        return Answer(problem=str(mark), raw=error.raw, lasting=end is not None)


async def _first(target: LogTarget) -> Usage | None:
    """The first that two readings come to; None for what does not run."""
    if target.endpoint is None:
        return None
    before: Counters | None = None
    async with asyncio.timeout(SECONDS), open_async(target.endpoint) as engine:
        if (await engine.container(target.engine_id)).state not in UP:
            return None
        async with engine.stats(target.engine_id) as stream:
            async for now in stream:
                usage = usage_between(before, now) if before and now else None
                if usage is not None:
                    return usage
                before = now
    return None
