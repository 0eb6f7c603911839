"""/jobs: what was asked for, how it goes, its output; cancel and retry."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.db.models import Q
from django.http import HttpRequest, JsonResponse
from ninja import Field, Query, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.filters import Text, by_name_or_id, known
from dashboard.api.pages import Window, page
from fleet.access import access_job, listed_jobs, visible_jobs
from fleet.models import Job, JobLine, JobState
from fleet.operations.jobs import job_cancel, job_retry
from fleet.selectors.jobs import on_hosts
from fleet.selectors.transfers import parts_of, transfers_of

router = Router(tags=["jobs"])
PART_TEXT = (
    "waiting, downloading, retrying, verifying, downloaded, extracting, uploading, sending, done or"
    " exists"
)

SORTS = {
    "id": "pk",
    "created_at": "created_at",
    "started_at": "started_at",
    "finished_at": "finished_at",
    "state": "state",
    "operation": "operation",
}


class JobOut(Schema):
    """A job. `state` is queued, running, succeeded, failed, errored, cancelled or lost."""

    id: int
    operation: str
    target: str
    target_kind: str
    target_id: int | None
    host: str
    host_id: int | None
    actor: str
    via: str
    state: str
    progress: Annotated[int, Field(description="percent")]
    bytes_done: Annotated[int | None, Field(description="of a job that moves bytes")]
    bytes_total: Annotated[int | None, Field(description="null until all sizes are known")]
    bytes_per_second: int | None
    message: str
    error: str
    params: dict[str, Any]
    parent_id: int | None
    children_count: int
    children_ended: int
    children_failed: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @staticmethod
    def of(row: Job) -> dict[str, Any]:
        """Return what is shown of a row."""
        renamed = {"target": row.target_name, "host": row.host_name, "actor": row.actor_name}
        plain = {name: getattr(row, name) for name in JobOut.model_fields if name not in renamed}
        return {**plain, **renamed}


class PartOut(Schema):
    """A part of a job, such as a layer; `done` and `total` are bytes of what `state` says."""

    label: str
    state: Annotated[str, Field(description=PART_TEXT)]
    done: int
    total: Annotated[int, Field(description="0 when it is not known")]


class JobDetailOut(JobOut):
    """A job with how far its parts are; of a bulk job, bytes are those of all children."""

    seconds_left: int | None
    parts: list[PartOut]

    @staticmethod
    def of(row: Job) -> dict[str, Any]:
        """Return what is shown of a row."""
        moved = transfers_of([row]).get(row.pk)
        sums: dict[str, Any] = {"seconds_left": None}
        if moved is not None:
            sums = {"progress": moved.percent, "bytes_done": moved.done, "bytes_total": moved.total}
            sums |= {"bytes_per_second": moved.speed, "seconds_left": moved.seconds_left}
        return {**JobOut.of(row), **sums, "parts": parts_of(row)}


class JobsOut(Schema):
    """A part of a list."""

    items: list[JobOut]
    count: int


class LineOut(Schema):
    """A line of a job's output; numbers count from 1 without gaps.

    `part` is the step of a build that wrote it; 0: what came after all of them.
    """

    number: int
    at: datetime
    level: str
    text: str
    part: int | None


class LinesOut(Schema):
    """A part of a job's output."""

    items: list[LineOut]
    count: int


class JobFilter(Schema):
    """Filters; all of them together. Without `parent`, children of bulk jobs are left out.

    Those of a bulk job that reaches beyond what the caller may see are listed by themselves.
    `host` is a name or an id; a bulk job is on the hosts of its children.
    """

    state: Annotated[Text, Field(max_length=10)] = ""
    operation: Annotated[Text, Field(max_length=60)] = ""
    host: Annotated[Text, Field(max_length=60)] = ""
    parent: Annotated[int | None, Field(ge=1, lt=2**63)] = None
    children: bool = False


def accepted(job: Job, **more: Any) -> JsonResponse:
    """Return 202 with the job, which is followed at `/jobs/{id}`, and what else there is to say."""
    response = JsonResponse({**JobOut.of(job), **more}, status=202)
    response["Location"] = f"/api/v1/jobs/{job.pk}"
    return response


@router.get("", response=JobsOut, summary="List jobs")
def list_jobs(request: HttpRequest, wanted: Query[JobFilter], window: Query[Window]) -> Any:
    """Return the jobs that the caller may see, the newest first."""
    actor = caller(request)
    if wanted.parent is not None:
        rows = visible_jobs(actor).filter(parent_id=wanted.parent)
    else:
        rows = visible_jobs(actor) if wanted.children else listed_jobs(actor)
    if wanted.state:
        rows = rows.filter(state=known("state", wanted.state, JobState.values))
    if wanted.operation:
        rows = rows.filter(operation=wanted.operation)
    if wanted.host:
        here = Q(host_name=wanted.host) | by_name_or_id("host", wanted.host)
        rows = rows.filter(on_hosts(here))
    return page(rows, window, JobOut.of, SORTS)


@router.get("/{int:job_id}", response=JobDetailOut, summary="Show a job")
def get_job(request: HttpRequest, job_id: int) -> Any:
    """Return one job."""
    return JobDetailOut.of(access_job(caller(request), job_id))


def _line(row: JobLine) -> dict[str, Any]:
    return {
        "number": row.number,
        "at": row.at,
        "level": row.level,
        "text": row.text,
        "part": row.part,
    }


@router.get("/{int:job_id}/lines", response=LinesOut, summary="Read a job's output")
def get_lines(request: HttpRequest, job_id: int, window: Query[Window]) -> Any:
    """Return the job's lines in order."""
    job = access_job(caller(request), job_id)
    return page(job.lines.all(), window, _line, {"number": "number"})


@router.post("/{int:job_id}/cancel", response={202: JobOut}, summary="Cancel a job")
def cancel(request: HttpRequest, job_id: int) -> JsonResponse:
    """Cancel a queued job at once, and ask a running one to stop."""
    return accepted(job_cancel(actor=caller(request), job_id=job_id))


@router.post("/{int:job_id}/retry", response={202: JobOut}, summary="Run a job again")
def retry(request: HttpRequest, job_id: int) -> JsonResponse:
    """Make a new job of one that failed; of a bulk job, just of its failed children."""
    return accepted(job_retry(actor=caller(request), job_id=job_id))
