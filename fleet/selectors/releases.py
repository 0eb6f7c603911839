"""What comes after builds, for pages and API: the stages of runs, and where a build goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from fleet.access import visible_builds, visible_environments, visible_hosts, visible_jobs
from fleet.actor import Actor
from fleet.models import (
    Build,
    BuildRun,
    Environment,
    Host,
    Job,
    JobState,
    RunStage,
    StageJob,
    StageState,
)
from fleet.operations.release_plan import PULL, RECREATE, RESTART, Plan, refusals
from fleet.operations.stages import AGAIN

DEPLOYING = (PULL, RESTART, RECREATE)


@dataclass(frozen=True)
class StageView:
    """A stage as somebody sees it: without jobs, and words of them, that they may not see."""

    kind: str
    state: str
    why: str
    jobs: tuple[Job, ...]  # its own, in order, of all attempts
    current: Job | None  # the newest one that may be seen
    percent: int | None  # of what runs now
    stage: RunStage

    @property
    def facts(self) -> tuple[Any, ...]:
        """What changes when it looks otherwise."""
        pk = self.current.pk if self.current else 0
        return (self.kind, self.state, self.why, pk, self.percent, self.stage.ended_at)


def stage_views(actor: Actor, runs: Iterable[BuildRun]) -> dict[int, list[StageView]]:
    """Return the stages of runs by the runs' ids: three queries, one where there are none."""
    found: dict[int, list[StageView]] = defaultdict(list)
    stages = list(RunStage.objects.filter(run__in=[run.pk for run in runs]).order_by("pk"))
    if not stages:
        return found
    own = StageJob.objects.filter(stage__in=[one.pk for one in stages], joined=False)
    links: dict[int, list[StageJob]] = defaultdict(list)
    for link in own.select_related("job").order_by("pk"):
        links[link.stage_id].append(link)
    ids = [link.job_id for some in links.values() for link in some]
    seen = set(visible_jobs(actor).filter(pk__in=ids).values_list("pk", flat=True)) if ids else ()
    for stage in stages:
        found[stage.run_id].append(_view(stage, links[stage.pk], set(seen)))
    return found


def _view(stage: RunStage, links: list[StageJob], seen: set[int]) -> StageView:
    jobs = tuple(link.job for link in links if link.job_id in seen)
    now = [link.job for link in links if link.attempt == stage.attempt]
    running = now[-1] if now and stage.state == StageState.RUNNING else None
    hidden = stage.state == StageState.FAILED and any(job.pk not in seen for job in now)
    return StageView(
        kind=stage.kind,
        state=stage.state,
        why=_("It did not succeed.") if hidden else stage.why,
        jobs=jobs,
        current=jobs[-1] if jobs else None,
        percent=running.progress if running else None,
        stage=stage,
    )


def state_of(run: BuildRun, stages: Iterable[StageView]) -> str:
    """Return how the whole of a run stands, as a state of jobs: the build, then what came after."""
    if run.job.state != JobState.SUCCEEDED:
        return run.job.state
    states = [stage.state for stage in stages]
    for state in (StageState.FAILED, StageState.CANCELLED):
        if state in states:
            return state.value
    under_way = StageState.RUNNING in states or StageState.WAITING in states
    return JobState.RUNNING.value if under_way else JobState.SUCCEEDED.value


def telling(stages: Iterable[StageView]) -> StageView | None:
    """Return the stage that tells how a run stands after its build: what failed, or runs."""
    worth = {StageState.FAILED, StageState.CANCELLED, StageState.RUNNING}
    return next((stage for stage in stages if stage.state in worth), None)


def may_go_on(actor: Actor, run: BuildRun, stages: list[StageView]) -> bool:
    """Return whether the actor may try again the stage that did not succeed."""
    stuck = any(stage.state in AGAIN for stage in stages)
    if not stuck or run.job.state != JobState.SUCCEEDED:
        return False
    if not actor.access.may("build.run", run.build.host):
        return False
    plan = Plan.kept(stages[0].stage)
    places = plan.places() if plan.deploy else ()
    return not any(True for _refused in refusals(actor, run.build.host, plan, places))


def run_of_job(actor: Actor, job_id: int) -> BuildRun | None:
    """Return the run of whose stage a job is, where the actor sees its build."""
    builds = visible_builds(actor).select_related(None)
    link = StageJob.objects.filter(job=job_id, joined=False, stage__run__build__in=builds)
    found = link.select_related("stage__run__build").first()
    return found.stage.run if found else None


# --- The definition ------------------------------------------------------------------------


@dataclass(frozen=True)
class ReleaseFacts:
    """What comes after a build, and where as far as the actor sees it."""

    build: Build
    hosts: list[Host]
    environments: list[Environment]
    hidden: bool  # there are places that the actor does not see

    @property
    def any(self) -> bool:
        """Whether anything comes after it."""
        return self.build.push or bool(self.build.deploy)


def release_facts(actor: Actor, builds: Iterable[Build]) -> dict[int, ReleaseFacts]:
    """Return what comes after builds by their ids; their places are best prefetched."""
    builds = list(builds)
    placed = [build for build in builds if build.deploy]
    hosts = set(visible_hosts(actor).values_list("pk", flat=True)) if placed else set()
    places = set(visible_environments(actor).values_list("pk", flat=True)) if placed else set()
    return {build.pk: _facts(build, hosts, places) for build in builds}


def _facts(build: Build, seen_hosts: set[int], seen_places: set[int]) -> ReleaseFacts:
    all_hosts = list(build.deploy_hosts.all()) if build.deploy else []
    all_places = list(build.deploy_environments.all()) if build.deploy else []
    hosts = [one for one in all_hosts if one.pk in seen_hosts]
    places = [one for one in all_places if one.pk in seen_places]
    hidden = len(hosts) < len(all_hosts) or len(places) < len(all_places)
    return ReleaseFacts(build, hosts, places, hidden)


def places_for(actor: Actor) -> tuple[QuerySet[Host], list[Environment]]:
    """Return the hosts and the environments to which the actor may deploy in some way."""
    reaches = [actor.access.reach(name) for name in DEPLOYING]
    hosts = visible_hosts(actor).none()
    for reach in reaches:
        hosts = hosts | visible_hosts(actor).filter(reach.q()) if reach else hosts
    everywhere = any(reach.everywhere for reach in reaches)
    ids = {pk for reach in reaches for pk in reach.environments}
    rows = visible_environments(actor).order_by("name")
    return (
        hosts.order_by("environment__name", "name"),
        list(rows if everywhere else rows.filter(pk__in=ids)),
    )
