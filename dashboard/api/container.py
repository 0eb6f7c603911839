"""/containers/{id}/…: what only its engine can tell of one container, asked while one waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, TypeVar

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller, caller_again
from dashboard.api.filters import Moment
from dashboard.api.follow import TOO_MANY, Followed, follow, follows_too_many
from dashboard.api.usage import HistoryFilter, HistoryOut
from dashboard.downloads import streamed
from dashboard.failures import problem
from fleet.logs.download import shown
from fleet.logs.lines import Line
from fleet.logs.target import log_target
from fleet.logs.text import MOST, TAIL, Span, container_log
from fleet.operations.errors import Invalid
from fleet.selectors import container as one
from fleet.selectors.container import Answer, Changes
from fleet.selectors.usage import container_history
from fleet.stats.now import container_usage

router = Router(tags=["containers"])

Found = TypeVar("Found")
AT_TEXT = "as the engine wrote it, with up to nanoseconds; empty when there is none"


def answered(answer: Answer[Found], show: Callable[[Found], dict[str, Any]]) -> JsonResponse:
    """Return what the engine said, for no cache to keep: it may show what was hidden.

    Without a value it is a problem: 409 when the container itself gives none, 503 when its host
    cannot be asked now.
    """
    if answer.value is None:
        response = problem(409 if answer.lasting else 503, answer.problem)
    else:
        response = JsonResponse(show(answer.value))
    response["Cache-Control"] = "no-store"
    return response


class ProcessesOut(Schema):
    """What runs inside: each item has a cell for each of the titles, which engines choose."""

    titles: list[str]
    items: list[list[str]]
    count: int


@router.get(
    "/{int:container_id}/processes", response=ProcessesOut, summary="List a container's processes"
)
def get_processes(request: HttpRequest, container_id: int) -> JsonResponse:
    """Ask the engine, within 5 s, what runs inside; arguments that look secret are masked.

    409 when it is not running, 503 with the reason when the host cannot be asked.
    """
    answer = one.container_processes(caller(request), container_id)
    return answered(
        answer,
        lambda table: {"titles": table.titles, "items": table.rows, "count": len(table.rows)},
    )


class ChangeOut(Schema):
    """A path that differs from the image; `kind` is added, modified or deleted."""

    path: str
    kind: str


class ChangesOut(Schema):
    """The first 2,000 paths that differ; `count` is how many do."""

    items: list[ChangeOut]
    count: int


def _changes(found: Changes) -> dict[str, Any]:
    return {"items": [asdict(change) for change in found.shown], "count": found.total}


@router.get(
    "/{int:container_id}/changes", response=ChangesOut, summary="List a container's changed files"
)
def get_changes(request: HttpRequest, container_id: int) -> JsonResponse:
    """Ask the engine, within 5 s, what was written to the container's own layer.

    503 with the reason when the host cannot be asked.
    """
    return answered(one.container_changes(caller(request), container_id), _changes)


@router.get("/{int:container_id}/inspect", response=dict[str, Any], summary="Inspect a container")
def get_inspect(request: HttpRequest, container_id: int) -> JsonResponse:
    """Ask the engine, within 5 s, for all that it knows; what looks secret is masked.

    The answer is the engine's own object. 503 with the reason when the host cannot be asked.
    """
    return answered(one.container_inspect(caller(request), container_id), lambda tree: tree)


class UsageOut(Schema):
    """What is used now: `cpu` in percent of one processor, rates in bytes a second, sizes in bytes.

    What the engine does not say is null.
    """

    at: datetime
    cpu: float
    memory: int
    memory_limit: int | None
    received: float | None
    sent: float | None
    read: float | None
    written: float | None
    processes: int | None


@router.get("/{int:container_id}/stats", response=UsageOut, summary="Measure a container")
def get_stats(request: HttpRequest, container_id: int) -> JsonResponse:
    """Ask the engine for two readings, within 8 s, and tell what was used between them.

    409 when it does not run, 503 with the reason when the host cannot be asked.
    """
    return answered(container_usage(caller(request), container_id), asdict)


@router.get(
    "/{int:container_id}/stats/history", response=HistoryOut, summary="What a container used"
)
def get_history(request: HttpRequest, container_id: int, wanted: Query[HistoryFilter]) -> Any:
    """Tell what was read in the last hour (every 10 s), day (by minutes) or week (by quarters).

    No engine is asked.
    """
    return asdict(container_history(caller(request), container_id, wanted.range))


class LogFilter(Schema):
    """How much of it. `tail` counts from the end of what `since` and `until` leave."""

    tail: Annotated[int, Field(ge=1, le=MOST, description="How many of the last lines")] = TAIL
    since: Annotated[Moment | None, Field(description="by the engine's clock")] = None
    until: Annotated[Moment | None, Field(description="by the engine's clock")] = None
    follow: Annotated[bool, Field(description="Go on as newline-delimited JSON")] = False


class LogLineOut(Schema):
    """A line of a log. `stream` is stdout or stderr; a terminal has stdout only."""

    at: Annotated[str, Field(description=AT_TEXT)]
    stream: str
    text: str
    cut: Annotated[
        bool, Field(description="Longer than 1 MiB: it goes on as the next one of its stream")
    ] = False


class LogLinesOut(Schema):
    """The end of a log, the oldest line first; `count` is how many lines are here."""

    items: list[LogLineOut]
    count: int


def _log(lines: list[Line]) -> dict[str, Any]:
    return {"items": [shown(line) for line in lines], "count": len(lines)}


@router.get(
    "/{int:container_id}/logs", response=LogLinesOut, summary="Read or follow a container's log"
)
def get_logs(request: HttpRequest, container_id: int, wanted: Query[LogFilter]) -> HttpResponseBase:
    """Ask the engine, within 5 s, for the last lines, of at most 16 MiB in all.

    With `follow` the answer is `application/x-ndjson` and goes on with what is written, through
    restarts and lost hosts, until the container is removed or the right to read is taken: a line
    as here, `{"gap": n}` for lines that were left out, `{"mark": code, "text"}` for what happened,
    and at last `{"end": code, "text"}`.

    409 when the container keeps no log, 503 with the reason when the host cannot be asked.
    """
    if wanted.follow and wanted.until is not None:
        raise Invalid({"until": [_("What is followed has no end. Leave one of the two out.")]})
    actor = caller(request)
    if not wanted.follow:
        span = Span(wanted.tail, wanted.since, wanted.until)
        return answered(container_log(actor, container_id, span), _log)
    user_id = actor.user.pk if actor.user else 0
    if follows_too_many(user_id):
        return problem(429, str(TOO_MANY))
    # More than is shown, so that lines of one and the same time are told apart.
    answer = container_log(actor, container_id, Span(max(wanted.tail, TAIL), wanted.since))
    if answer.value is None:
        return answered(answer, _log)
    again = caller_again(request)
    followed = Followed(
        user_id=user_id,
        target=log_target(actor, container_id),
        check=lambda: log_target(again(), container_id),
        language=translation.get_language() or "",
        since=wanted.since,
    )
    return streamed(follow(followed, answer.value, wanted.tail), "application/x-ndjson")
