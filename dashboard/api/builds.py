"""/builds: definitions, their runs, their archives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from ninja import Field, Query, Router, Schema, Status

from dashboard.api.auth import caller
from dashboard.api.filters import Text, by_name_or_id, known
from dashboard.api.jobs import JobOut, accepted
from dashboard.api.pages import Window, page
from fleet.access import access_build, access_run, visible_builds
from fleet.models import Build, BuildRun, BuildSource
from fleet.operations import builds
from fleet.operations.requests import request as request_job
from fleet.selectors.build_advice import build_advice
from fleet.selectors.builds import runs_of, steps_of

router = Router(tags=["builds"])
PIECE = 256 * 1024
SIZE_LIMIT = 256 * 1024  # letters of a Dockerfile
SORTS = {"id": "pk", "name": "name", "created_at": "created_at", "changed_at": "changed_at"}
Long = Annotated[str, Field(max_length=65536)]
Pairs = dict[str, str]


class BuildOut(Schema):
    """A build. Never its secrets: `secrets` has their names."""

    id: int
    name: str
    host: str
    host_id: int
    source: str
    dockerfile_text: str
    files: Pairs
    git_url: str
    git_ref: str
    git_folder: str
    git_submodules: bool
    git_username: str
    git_host_key: str
    has_git_token: bool
    has_git_ssh_key: bool
    archive_name: str
    archive_size: int
    archive_at: datetime | None
    dockerfile: str
    target: str
    args: Pairs
    labels: Pairs
    platform: str
    no_cache: bool
    pull: bool
    network: str
    memory: int
    secrets: list[str]
    tags: list[str]
    created_by: str
    created_at: datetime
    changed_at: datetime

    @staticmethod
    def of(row: Build) -> dict[str, Any]:
        """Return what is shown of a row."""
        made = {
            "host": row.host.name,
            "has_git_token": bool(row.git_token_encrypted),
            "has_git_ssh_key": bool(row.git_ssh_key_encrypted),
            "secrets": row.secret_names,
            "created_by": row.created_by_name,
        }
        plain = {name: getattr(row, name) for name in BuildOut.model_fields if name not in made}
        return {**plain, **made}


class BuildsOut(Schema):
    """A part of a list."""

    items: list[BuildOut]
    count: int


class RunOut(Schema):
    """A run. Its state, its output and how to cancel it are its job's."""

    number: int
    job: JobOut
    builder: str
    commit: str
    branch: str
    subject: str
    image_id: str
    size: int | None
    tags: list[str]
    seconds: float | None

    @staticmethod
    def of(row: BuildRun) -> dict[str, Any]:
        """Return what is shown of a row."""
        plain = {name: getattr(row, name) for name in RunOut.model_fields if name != "job"}
        return {**plain, "job": JobOut.of(row.job)}


class RunsOut(Schema):
    """A part of a list."""

    items: list[RunOut]
    count: int


class StepOut(Schema):
    """A step: running, done, failed or stopped. Lines of a job are not told by step here."""

    number: int
    name: str
    state: str
    seconds: float | None
    cached: bool


class RunDetailOut(RunOut):
    """A run with its steps; `failure` has the step, its last lines and the Dockerfile's line."""

    steps: list[StepOut]
    failure: dict[str, Any]


class LintIn(Schema):
    """A Dockerfile."""

    dockerfile_text: Annotated[str, Field(max_length=SIZE_LIMIT)]


class AdviceOut(Schema):
    """One thing that could be better; `level` is error, warning, info or style."""

    line: int
    level: str
    code: str
    text: str
    url: str


class LintOut(Schema):
    """Advice by line; `note` says why hadolint was not asked, if it was not."""

    advice: list[AdviceOut]
    note: str


class BuildPatch(Schema, extra="forbid"):
    """Changes: what is left out stays. An empty token or key is taken away.

    `secrets` is the whole of them; a value of null keeps the stored one.
    """

    name: Annotated[str | None, Field(max_length=60)] = None
    host: Annotated[int | None, Field(ge=1, lt=2**63, description="id of the host")] = None
    source: str | None = None
    dockerfile_text: str | None = None
    files: Pairs | None = None
    git_url: Annotated[str | None, Field(max_length=1000)] = None
    git_ref: Annotated[str | None, Field(max_length=200)] = None
    git_folder: Annotated[str | None, Field(max_length=300)] = None
    git_submodules: bool | None = None
    git_username: Annotated[str | None, Field(max_length=200)] = None
    git_token: Long | None = None
    git_ssh_key: Long | None = None
    git_ca: Long | None = None
    dockerfile: Annotated[str | None, Field(max_length=300)] = None
    target: Annotated[str | None, Field(max_length=100)] = None
    args: Pairs | None = None
    labels: Pairs | None = None
    platform: Annotated[str | None, Field(max_length=60)] = None
    no_cache: bool | None = None
    pull: bool | None = None
    network: str | None = None
    memory: Annotated[int | None, Field(ge=0, lt=2**53, description="bytes")] = None
    secrets: dict[str, str | None] | None = None
    tags: list[str] | None = None


class BuildIn(BuildPatch):
    """A new build: a name, a host, and what its source needs."""

    name: Annotated[str, Field(max_length=60)]
    host: Annotated[int, Field(ge=1, lt=2**63, description="id of the host")]


class RunIn(Schema, extra="forbid"):
    """How this once; it may be left out."""

    ref: Annotated[str, Field(max_length=200, description="a branch, a tag or a commit")] = ""


class BuildFilter(Schema):
    """Filters; all of them together. `host` is a name or an id."""

    q: Annotated[Text, Field(max_length=200)] = ""
    source: Annotated[Text, Field(max_length=12)] = ""
    host: Annotated[Text, Field(max_length=60)] = ""


def _given(data: BuildPatch) -> dict[str, Any]:
    return {name: value for name, value in data.model_dump().items() if value is not None}


@router.get("", response=BuildsOut, summary="List builds")
def list_builds(request: HttpRequest, wanted: Query[BuildFilter], window: Query[Window]) -> Any:
    """Return the builds that the caller may see."""
    rows = visible_builds(caller(request))
    if wanted.q:
        rows = rows.filter(name__icontains=wanted.q)
    if wanted.source:
        rows = rows.filter(source=known("source", wanted.source, BuildSource.values))
    if wanted.host:
        rows = rows.filter(by_name_or_id("host", wanted.host))
    return page(rows, window, BuildOut.of, SORTS)


@router.post("", response={201: BuildOut}, summary="Add a build")
def create_build(request: HttpRequest, data: BuildIn) -> Any:
    """Add a build; nothing is built yet."""
    return Status(201, BuildOut.of(builds.build_create(actor=caller(request), data=_given(data))))


@router.post("/lint", response=LintOut, summary="Advice on a Dockerfile")
def lint_dockerfile(request: HttpRequest, data: LintIn) -> Any:
    """Return what could be better in a Dockerfile. Nothing is kept or built."""
    return build_advice(caller(request), data.dockerfile_text)


@router.get("/{int:build_id}", response=BuildOut, summary="Show a build")
def get_build(request: HttpRequest, build_id: int) -> Any:
    """Return one build."""
    return BuildOut.of(access_build(caller(request), build_id))


@router.patch("/{int:build_id}", response=BuildOut, summary="Change a build")
def update_build(request: HttpRequest, build_id: int, data: BuildPatch) -> Any:
    """Change what is given."""
    actor = caller(request)
    return BuildOut.of(builds.build_update(actor=actor, build_id=build_id, data=_given(data)))


@router.delete("/{int:build_id}", response={204: None}, summary="Remove a build")
def remove_build(request: HttpRequest, build_id: int) -> Any:
    """Remove a build with its history; images that it made stay."""
    builds.build_remove(actor=caller(request), build_id=build_id)
    return Status(204, None)


@router.post("/{int:build_id}/run", response={202: JobOut}, summary="Run a build")
def run_build(request: HttpRequest, build_id: int, data: RunIn | None = None) -> JsonResponse:
    """Make the image; `run` in the answer is the number of the run."""
    params = data.model_dump() if data else {}
    job = request_job("build.run", actor=caller(request), target_id=build_id, params=params)
    number = BuildRun.objects.values_list("number", flat=True).get(job=job)
    return accepted(job, run=number)


@router.put("/{int:build_id}/archive", response=BuildOut, summary="Upload a build's archive")
def put_archive(
    request: HttpRequest, build_id: int, name: Annotated[str, Field(max_length=200)] = ""
) -> Any:
    """Send a tar, tar.gz or zip as the body; it takes the place of the one before."""
    build = builds.build_archive(
        actor=caller(request), build_id=build_id, name=name, pieces=_pieces(request)
    )
    return BuildOut.of(build)


def _pieces(request: HttpRequest) -> Iterator[bytes]:
    while piece := request.read(PIECE):
        yield piece


@router.post("/{int:build_id}/forget-key", response=BuildOut, summary="Forget the Git host's key")
def forget_key(request: HttpRequest, build_id: int) -> Any:
    """Forget the pinned ssh key of the Git host: the next run pins the one that it meets."""
    return BuildOut.of(builds.build_forget_key(actor=caller(request), build_id=build_id))


@router.get("/{int:build_id}/runs", response=RunsOut, summary="List a build's runs")
def list_runs(request: HttpRequest, build_id: int, window: Query[Window]) -> Any:
    """Return the runs that are kept, the newest first."""
    build = access_build(caller(request), build_id)
    return page(runs_of(build), window, RunOut.of, {"number": "number"})


@router.get("/{int:build_id}/runs/{int:number}", response=RunDetailOut, summary="Show a run")
def get_run(request: HttpRequest, build_id: int, number: int) -> Any:
    """Return a run with its steps, and where it failed; its lines are its job's."""
    run = access_run(caller(request), build_id, number)
    steps = [vars(step) for step in steps_of(run)]
    return {**RunOut.of(run), "steps": steps, "failure": run.failure}
