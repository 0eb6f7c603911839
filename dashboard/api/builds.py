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
from fleet.actor import Actor
from fleet.builds.dockerfile import SIZE_LIMIT
from fleet.models import Build, BuildRun, BuildSource
from fleet.operations import builds
from fleet.operations.requests import request as request_job
from fleet.operations.stages import run_go_on
from fleet.selectors.build_advice import build_advice
from fleet.selectors.builds import runs_of, steps_of
from fleet.selectors.releases import ReleaseFacts, StageView, release_facts, stage_views

router = Router(tags=["builds"])
PIECE = 256 * 1024
PLACES = ("deploy_hosts", "deploy_environments")
SORTS = {"id": "pk", "name": "name", "created_at": "created_at", "changed_at": "changed_at"}
MEMORY_TEXT = "in bytes, 0 for no limit; the classic builder keeps to it, BuildKit to none"
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
    memory: Annotated[int, Field(description=MEMORY_TEXT)]
    secrets: list[str]
    tags: list[str]
    push: bool
    deploy: str
    deploy_hosts: Annotated[list[int], Field(description="ids of those that the caller sees")]
    deploy_environments: list[int]
    created_by: str
    created_at: datetime
    changed_at: datetime

    @staticmethod
    def of(facts: ReleaseFacts) -> dict[str, Any]:
        """Return what is shown of a build, with what comes after it."""
        row = facts.build
        made = {
            "host": row.host.name,
            "has_git_token": bool(row.git_token_encrypted),
            "has_git_ssh_key": bool(row.git_ssh_key_encrypted),
            "secrets": row.secret_names,
            "created_by": row.created_by_name,
            "deploy_hosts": [host.pk for host in facts.hosts],
            "deploy_environments": [one.pk for one in facts.environments],
        }
        plain = {name: getattr(row, name) for name in BuildOut.model_fields if name not in made}
        return {**plain, **made}


class BuildsOut(Schema):
    """A part of a list."""

    items: list[BuildOut]
    count: int


class StageOut(Schema):
    """A stage after the build: waiting, running, succeeded, failed, cancelled or skipped."""

    kind: Annotated[str, Field(description="push or deploy")]
    state: str
    why: Annotated[str, Field(description="in words, where it did not succeed")]
    percent: int | None
    jobs: Annotated[list[int], Field(description="ids of those that the caller sees")]
    began_at: datetime | None
    ended_at: datetime | None

    @staticmethod
    def of(view: StageView) -> dict[str, Any]:
        """Return what is shown of a stage."""
        told = {name: getattr(view, name) for name in ("kind", "state", "why", "percent")}
        times = {"began_at": view.stage.began_at, "ended_at": view.stage.ended_at}
        return {**told, **times, "jobs": [job.pk for job in view.jobs]}


class RunOut(Schema):
    """A run. The state of its build, its output and how to cancel it are its job's."""

    number: int
    job: JobOut
    builder: str
    commit: str
    branch: str
    subject: str
    image_id: str
    size: int | None
    tags: list[str]
    digests: Annotated[Pairs, Field(description="by tag, once it is pushed")]
    seconds: float | None
    stages: list[StageOut]

    @staticmethod
    def of(row: BuildRun, stages: list[StageView]) -> dict[str, Any]:
        """Return what is shown of a row."""
        made = {"job": JobOut.of(row.job), "stages": [StageOut.of(stage) for stage in stages]}
        plain = {name: getattr(row, name) for name in RunOut.model_fields if name not in made}
        return {**plain, **made}


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
    memory: Annotated[int | None, Field(ge=0, lt=2**53, description=MEMORY_TEXT)] = None
    secrets: dict[str, str | None] | None = None
    tags: list[str] | None = None
    push: Annotated[bool | None, Field(description="push all tags after a good run")] = None
    deploy: Annotated[
        str | None, Field(max_length=10, description="pull, restart, update, or empty: nothing")
    ] = None
    deploy_hosts: Annotated[list[int] | None, Field(max_length=2000, description="ids")] = None
    deploy_environments: Annotated[list[int] | None, Field(max_length=2000)] = None


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


def _shown(actor: Actor, build: Build) -> dict[str, Any]:
    return BuildOut.of(release_facts(actor, [build])[build.pk])


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
    found = page(rows.prefetch_related(*PLACES), window, lambda row: row, SORTS)
    facts = release_facts(caller(request), found["items"])
    return {**found, "items": [BuildOut.of(facts[row.pk]) for row in found["items"]]}


@router.post("", response={201: BuildOut}, summary="Add a build")
def create_build(request: HttpRequest, data: BuildIn) -> Any:
    """Add a build; nothing is built yet."""
    actor = caller(request)
    return Status(201, _shown(actor, builds.build_create(actor=actor, data=_given(data))))


@router.post("/lint", response=LintOut, summary="Advice on a Dockerfile")
def lint_dockerfile(request: HttpRequest, data: LintIn) -> Any:
    """Return what could be better in a Dockerfile. Nothing is kept or built."""
    return build_advice(caller(request), data.dockerfile_text)


@router.get("/{int:build_id}", response=BuildOut, summary="Show a build")
def get_build(request: HttpRequest, build_id: int) -> Any:
    """Return one build."""
    actor = caller(request)
    return _shown(actor, access_build(actor, build_id))


@router.patch("/{int:build_id}", response=BuildOut, summary="Change a build")
def update_build(request: HttpRequest, build_id: int, data: BuildPatch) -> Any:
    """Change what is given."""
    actor = caller(request)
    build = builds.build_update(actor=actor, build_id=build_id, data=_given(data))
    return _shown(actor, build)


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
    actor = caller(request)
    build = builds.build_archive(actor=actor, build_id=build_id, name=name, pieces=_pieces(request))
    return _shown(actor, build)


def _pieces(request: HttpRequest) -> Iterator[bytes]:
    while piece := request.read(PIECE):
        yield piece


@router.post("/{int:build_id}/forget-key", response=BuildOut, summary="Forget the Git host's key")
def forget_key(request: HttpRequest, build_id: int) -> Any:
    """Forget the pinned ssh key of the Git host: the next run pins the one that it meets."""
    actor = caller(request)
    return _shown(actor, builds.build_forget_key(actor=actor, build_id=build_id))


@router.get("/{int:build_id}/runs", response=RunsOut, summary="List a build's runs")
def list_runs(request: HttpRequest, build_id: int, window: Query[Window]) -> Any:
    """Return the runs that are kept, the newest first."""
    actor = caller(request)
    build = access_build(actor, build_id)
    found = page(runs_of(build), window, lambda run: run, {"number": "number"})
    stages = stage_views(actor, found["items"])
    return {**found, "items": [RunOut.of(run, stages[run.pk]) for run in found["items"]]}


@router.get("/{int:build_id}/runs/{int:number}", response=RunDetailOut, summary="Show a run")
def get_run(request: HttpRequest, build_id: int, number: int) -> Any:
    """Return a run with its steps, and where it failed; its lines are its job's."""
    return _detail(caller(request), build_id, number)


def _detail(actor: Actor, build_id: int, number: int) -> dict[str, Any]:
    run = access_run(actor, build_id, number)
    steps = [vars(step) for step in steps_of(run)]
    stages = stage_views(actor, [run])[run.pk]
    return {**RunOut.of(run, stages), "steps": steps, "failure": run.failure}


@router.post(
    "/{int:build_id}/runs/{int:number}/go-on",
    response={202: RunDetailOut},
    summary="Go on with a run",
)
def go_on(request: HttpRequest, build_id: int, number: int) -> Any:
    """Try the stage again that did not succeed, and go on after it; nothing is built again."""
    actor = caller(request)
    run_go_on(actor=actor, build_id=build_id, number=number)
    return Status(202, _detail(actor, build_id, number))
