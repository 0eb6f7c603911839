"""/containers/{id}/death: what happened when a container last ended."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.container import LogLineOut
from dashboard.api.events import EventOut
from dashboard.failures import problem
from fleet.logs.download import shown
from fleet.models import Event, Job
from fleet.selectors.death_details import LINES, DeathDetails, death_details
from fleet.selectors.deaths import Death, container_death

router = Router(tags=["containers"])
MOST_LINES = 500


class DeathFilter(Schema):
    """How many of the last lines."""

    lines: Annotated[int, Field(ge=0, le=MOST_LINES, description="0 reads no log")] = LINES


class DoneByOut(Schema):
    """The job that did something, and who asked for it."""

    job_id: int
    operation: str
    actor: str


class ChangeBeforeOut(Schema):
    """The last thing that was made different before: a deploy, a rename, a start by somebody."""

    at: datetime
    words: str
    by: DoneByOut | None


class SettingsOut(Schema):
    """What the engine says now; `problem` instead where it cannot be asked."""

    restart_policy: str | None
    restart_retries: int | None
    memory_limit: int | None
    error: str | None
    problem: str


class LastLinesOut(Schema):
    """The last lines before the end; `problem` tells why there are none."""

    items: list[LogLineOut]
    problem: str


class DeathOut(Schema):
    """One end. `cause` is memory, job, signal (somebody outside of Quayside) or itself.

    `signal` is what its process was sent before, `ends` how often it ended within that hour, and
    `events` what happened in the hour before to it, its host, and what went wrong there.
    """

    at: datetime
    exit_code: int | None
    exit_words: str
    meaning: str
    headline: str
    cause: str
    out_of_memory: bool
    signal: str
    by: DoneByOut | None
    began: datetime | None
    ran_seconds: float | None
    runs_again: bool
    restart_count: int
    ends: int
    change: ChangeBeforeOut | None
    events: list[EventOut]
    engine: SettingsOut
    log: LastLinesOut


@router.get(
    "/{int:container_id}/death", response=DeathOut, summary="Tell how a container last ended"
)
def get_death(request: HttpRequest, container_id: int, wanted: Query[DeathFilter]) -> Any:
    """Tell why it ended, who did it, what changed before, and its last lines.

    The engine is asked for its settings and the lines, within some seconds each; where it does
    not answer, `problem` says so in their place. 409 while it has not ended.
    """
    actor = caller(request)
    death = container_death(actor, container_id)
    if death is None:
        return problem(409, _("This container has not ended."))
    details = death_details(actor, death, wanted.lines)
    return JsonResponse(
        _facts(death) | {"engine": _settings(details), "log": _log(details)},
        headers={"Cache-Control": "no-store"},
    )


def _facts(death: Death) -> dict[str, Any]:
    change = death.change
    events = sorted((event for row in death.rows for event in row.events), key=_age, reverse=True)
    return {
        "at": death.at,
        "exit_code": death.exit_code,
        "exit_words": death.exit_text,
        "meaning": death.meaning,
        "headline": death.headline,
        "cause": death.cause,
        "out_of_memory": death.cause == "memory",
        "signal": death.signal,
        "by": _by(death.job),
        "began": death.began,
        "ran_seconds": death.ran.total_seconds() if death.ran else None,
        "runs_again": death.runs_again,
        "restart_count": death.container.restart_count,
        "ends": death.ends,
        "change": change and {"at": change.at, "words": change.words, "by": _by(change.job)},
        "events": [EventOut.of(event) for event in events],
    }


def _age(event: Event) -> tuple[datetime, int]:
    return event.at, event.pk


def _by(job: Job | None) -> dict[str, Any] | None:
    if job is None:
        return None
    return {"job_id": job.pk, "operation": job.operation, "actor": job.actor_name}


def _settings(details: DeathDetails) -> dict[str, Any]:
    said = details.settings.value
    return {
        "restart_policy": said and said.policy,
        "restart_retries": said and said.retries,
        "memory_limit": said and said.memory_limit,
        "error": said and said.error,
        "problem": details.settings.problem,
    }


def _log(details: DeathDetails) -> dict[str, Any]:
    if details.log is None:
        return {"items": [], "problem": _("You may not read this container's log.")}
    return {
        "items": [shown(line) for line in details.log.value or ()],
        "problem": details.log.problem,
    }
