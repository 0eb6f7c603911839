"""One reading of a container, for who asks once."""

from __future__ import annotations

import asyncio
from functools import partial

from django.utils.translation import gettext as _

from fleet.access import access_container
from fleet.actor import Actor
from fleet.engine.aio import open_async
from fleet.engine.errors import EngineError, NotFound
from fleet.engine.raw import UP
from fleet.engine.stats import Counters, Usage, usage_between
from fleet.logs.marks import Mark
from fleet.logs.target import LogTarget
from fleet.models import Container, HostState
from fleet.selectors.engine_calls import Answer, away_words, not_asked_words, silent_words
from fleet.selectors.places import NotAsked, Places
from fleet.stats.target import VIEW, stats_target

SECONDS = 8.0  # Podman takes a reading every five seconds
GRACE_SECONDS = 1.0
# Measuring takes seconds: it has places of its own, pages must not wait for them.
MEASURES = Places(threads=8, each=2, name="measure")


def container_usage(actor: Actor, pk: int) -> Answer[Usage]:
    """Return what a container uses now, within some seconds, or why that is not known.

    Takes two readings. Raises Unknown, Refused.
    """
    row = access_container(actor, pk, VIEW)
    if row.host.state == HostState.UNREACHABLE:
        return Answer(problem=away_words(row.host))
    target = stats_target(actor, pk)
    if target.endpoint is None:
        return Answer(problem=str(target.problem))
    read = partial(_run, target, row)
    try:
        return MEASURES.call(row.host_id, read, SECONDS + GRACE_SECONDS)
    except NotAsked as error:
        return Answer(problem=not_asked_words(row.host.name, error))
    except TimeoutError:
        return Answer(problem=silent_words(row.host.name, SECONDS))


def _run(target: LogTarget, row: Container) -> Answer[Usage]:
    try:
        usage = asyncio.run(_first(target))
    except TimeoutError:
        return Answer(problem=silent_words(row.host.name, SECONDS))
    except NotFound as error:
        return Answer(problem=str(Mark("removed")), raw=error.raw, lasting=True)
    except EngineError as error:
        return Answer(problem=str(error), raw=error.raw)
    if usage is None:
        return Answer(problem=_("%(name)s does not run.") % {"name": row.name}, lasting=True)
    return Answer(usage)


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
                if now is None:
                    return None
                if before is not None and (usage := usage_between(before, now)) is not None:
                    return usage
                before = now
    return None
