"""Builds for pages and API: the list, one build with its runs, one run with its steps and lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from fleet.access import access_run, visible_builds, visible_hosts
from fleet.actor import Actor
from fleet.models import OPEN_STATES, Build, BuildRun, Host, Job, JobLine, JobState
from fleet.operations.build_run import END
from fleet.operations.jobs import may_cancel
from fleet.operations.release_plan import may_release
from fleet.selectors.given import given_text
from fleet.selectors.hosts import revision_of
from fleet.selectors.releases import (
    ReleaseFacts,
    StageView,
    may_go_on,
    release_facts,
    stage_views,
)
from fleet.selectors.triggers import Triggers, triggers_of

LIST_LIMIT = 500
RUNS = 100
LINES = 500  # the last ones, that a page shows and follows
BEFORE, AFTER = -1, 10**9  # where lines stand that are of no step
HEAVY = ("steps", "failure")


@dataclass(frozen=True)
class BuildRow:
    """A build with its last run, its last success, and what the actor may do to it."""

    build: Build
    last: BuildRun | None
    success: BuildRun | None
    permissions: frozenset[str]  # `build.run` only with all that comes after it
    stages: list[StageView]  # of the last run

    @property
    def rev(self) -> str:
        """Changes with everything that a row shows."""
        build, last, good = self.build, self.last, self.success
        return revision_of(
            build.pk, build.revision, build.host.name, sorted(self.permissions),
            (last.pk, last.job.revision) if last else 0, good.pk if good else 0,
            [stage.facts for stage in self.stages],
        )  # fmt: skip


@dataclass(frozen=True)
class BuildList:
    """The builds that somebody sees."""

    rows: list[BuildRow]
    q: str
    any_builds: bool


def build_list(actor: Actor, q: str = "") -> BuildList:
    """Return the builds whose name, source, host or tags hold a text, by name, in few queries."""
    text = given_text(q)
    builds = visible_builds(actor).order_by("name")
    if text:
        found = Q(name__icontains=text) | Q(git_url__icontains=text) | Q(host__name__icontains=text)
        builds = builds.filter(found | Q(tags__icontains=text))
    rows = build_rows(actor, builds[:LIST_LIMIT])
    return BuildList(rows, text, bool(rows) or visible_builds(actor).exists())


def with_runs(builds: QuerySet[Build]) -> QuerySet[Build]:
    """Add the ids of each build's last run and last success."""
    runs = BuildRun.objects.filter(build=OuterRef("pk")).order_by("-number")
    good = runs.filter(job__state=JobState.SUCCEEDED)
    return builds.annotate(
        last_id=Subquery(runs.values("pk")[:1]), success_id=Subquery(good.values("pk")[:1])
    )


def build_rows(actor: Actor, builds: QuerySet[Build]) -> list[BuildRow]:
    """Return builds as lists show them."""
    places = ("deploy_hosts", "deploy_environments")
    found = list(with_runs(builds).prefetch_related(*places))
    wanted = {pk for each in found for pk in _ids(each) if pk}
    runs = BuildRun.objects.filter(pk__in=wanted).select_related("job").defer(*HEAVY)
    by_id = {run.pk: run for run in runs}
    lasts = [by_id[pk] for pk, _good in map(_ids, found) if pk in by_id]
    stages = stage_views(actor, lasts)
    rows = []
    for build in found:
        last, good = (by_id.get(pk) for pk in _ids(build))
        after = stages.get(last.pk, []) if last else []
        rows.append(BuildRow(build, last, good, _permissions(actor, build), after))
    return rows


def _permissions(actor: Actor, build: Build) -> frozenset[str]:
    held = actor.access.permissions_on(build.host)
    if "build.run" in held and not may_release(actor, build):
        return held - {"build.run"}
    return held


def _ids(build: Build) -> tuple[int, int]:
    return getattr(build, "last_id", 0) or 0, getattr(build, "success_id", 0) or 0


@dataclass(frozen=True)
class RunRow:
    """A run in the history of its build."""

    run: BuildRun
    grown: int | None  # bytes more than the last good image before it
    share: int  # of the longest one's time, in percent
    may_cancel: bool
    stages: list[StageView]

    @property
    def rev(self) -> str:
        """Changes with everything that a row shows."""
        run = self.run
        return revision_of(
            run.pk, run.job.revision, self.grown, self.share, self.may_cancel, run.tags,
            run.digests, [stage.facts for stage in self.stages],
        )  # fmt: skip


@dataclass(frozen=True)
class BuildPage:
    """One build with its history."""

    row: BuildRow
    runs: list[RunRow]
    triggers: Triggers
    after: ReleaseFacts

    @property
    def build(self) -> Build:
        """The build itself."""
        return self.row.build


def build_page(actor: Actor, build: Build) -> BuildPage:
    """Return a build that the actor may see, as its page shows it."""
    row = build_rows(actor, visible_builds(actor).filter(pk=build.pk))[0]
    after = release_facts(actor, [row.build])[row.build.pk]
    runs = run_rows(actor, row.build, runs_of(row.build)[:RUNS])
    return BuildPage(row, runs, triggers_of(actor, row.build), after)


def runs_of(build: Build) -> QuerySet[BuildRun]:
    """Return a build's runs, the newest first, without what is heavy."""
    runs = BuildRun.objects.filter(build=build).select_related("job", "job__host", "job__actor")
    return runs.defer(*HEAVY).order_by("-number")


def run_rows(actor: Actor, build: Build, runs: Iterable[BuildRun]) -> list[RunRow]:
    """Return runs with how each compares to the others."""
    found = list(runs)
    longest = max((run.seconds or 0 for run in found), default=0)
    stages = stage_views(actor, found)
    rows: list[RunRow] = []
    size: int | None = None  # of the last good one
    for run in reversed(found):
        run.build = build
        grown = run.size - size if run.size is not None and size is not None else None
        size = run.size if run.job.state == JobState.SUCCEEDED else size
        share = round(100 * (run.seconds or 0) / longest) if longest else 0
        rows.append(RunRow(run, grown, share, _may_cancel(actor, run), stages.get(run.pk, [])))
    return rows[::-1]


def _may_cancel(actor: Actor, run: BuildRun) -> bool:
    return _may_cancel_job(actor, run.job)


def _may_cancel_job(actor: Actor, job: Job) -> bool:
    return job.is_open and job.cancel_requested_at is None and may_cancel(actor, job)


@dataclass(frozen=True)
class Step:
    """A step of a run."""

    number: int
    name: str
    state: str  # running, done, failed, stopped
    seconds: float | None
    cached: bool

    @property
    def look(self) -> str:
        """The state of a job that looks like it."""
        looks = {"running": "running", "done": "succeeded", "failed": "failed"}
        return looks.get(self.state, "cancelled")


@dataclass(frozen=True)
class RunPage:
    """One run as its page shows it."""

    run: BuildRun
    before: BuildRun | None  # the last good one before it
    cancels: Job | None  # what the actor may cancel of it: the build, or the stage that runs
    may_run: bool
    may_go_on: bool
    stages: list[StageView]
    steps: list[Step]
    lines: dict[int, list[JobLine]] = field(default_factory=dict)  # by step; BEFORE and AFTER, too
    more: int = 0  # earlier lines that are not shown

    @property
    def grown(self) -> int | None:
        """How many bytes more than the last image before it."""
        if self.before is None or self.run.size is None or self.before.size is None:
            return None
        return self.run.size - self.before.size


def run_page(actor: Actor, build_id: int, number: int) -> RunPage:
    """Return a run with its steps and its last lines. Raises Unknown."""
    run = access_run(actor, build_id, number)
    stages = stage_views(actor, [run])[run.pk]
    last = list(JobLine.objects.filter(job=run.job).order_by("-number")[:LINES])[::-1]
    lines: dict[int, list[JobLine]] = {}
    for line in last:
        lines.setdefault(_place(line), []).append(line)
    return RunPage(
        run=run,
        before=_image_before(run),
        cancels=_cancels(actor, run, stages),
        may_run="build.run" in _permissions(actor, run.build),
        may_go_on=may_go_on(actor, run, stages),
        stages=stages,
        steps=steps_of(run),
        lines=lines,
        more=last[0].number - 1 if last else 0,
    )


def _cancels(actor: Actor, run: BuildRun, stages: list[StageView]) -> Job | None:
    jobs = [run.job, *(stage.current for stage in stages if stage.current is not None)]
    return next((job for job in jobs if _may_cancel_job(actor, job)), None)


def run_place(actor: Actor, job_id: int) -> tuple[int, int] | None:
    """Return the build and the number of the run that a job is, where the actor sees it."""
    if not 0 < job_id < 2**63:
        return None
    runs = BuildRun.objects.filter(job=job_id, build__in=visible_builds(actor))
    return runs.values_list("build_id", "number").first()


def _place(line: JobLine) -> int:
    if line.part is None:
        return BEFORE
    return AFTER if line.part == END else line.part


def steps_of(run: BuildRun) -> list[Step]:
    """Return a run's steps in order; nothing of a run that has ended still runs."""
    over = run.job.state not in OPEN_STATES
    return [Step(**_ended(facts) if over else facts) for facts in run.steps]


def _ended(facts: dict[str, Any]) -> dict[str, Any]:
    return {**facts, "state": "stopped"} if facts["state"] == "running" else facts


def _image_before(run: BuildRun) -> BuildRun | None:
    runs = BuildRun.objects.filter(build=run.build_id, number__lt=run.number, size__isnull=False)
    runs = runs.filter(job__state=JobState.SUCCEEDED)
    return runs.defer(*HEAVY).order_by("-number").first()


def hosts_for(actor: Actor) -> list[Host]:
    """Return the hosts on which the actor may add builds."""
    reach = actor.access.reach("build.create")
    return list(visible_hosts(actor).filter(reach.q()).order_by("name")) if reach else []
