"""What pages say of what comes after a build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.job_words import duration_words, operation_verb
from dashboard.templatetags.states import look_of
from fleet.models import Build, BuildRun, Job
from fleet.selectors.releases import ReleaseFacts, StageView

NAMES = {
    "build": gettext_lazy("Build"),
    "push": gettext_lazy("Push"),
    "deploy": gettext_lazy("Deploy"),
}
# What is said in the place of "push" and "failed" where there is little room.
BRIEF = {
    ("push", "running"): gettext_lazy("pushing"),
    ("push", "failed"): gettext_lazy("push failed"),
    ("push", "cancelled"): gettext_lazy("push cancelled"),
    ("deploy", "running"): gettext_lazy("deploying"),
    ("deploy", "failed"): gettext_lazy("deploy failed"),
    ("deploy", "cancelled"): gettext_lazy("deploy cancelled"),
}


@dataclass(frozen=True)
class Pipe:
    """One stage in the strip of a run."""

    name: str
    state: str
    note: str  # how long, how far, or how it stands
    href: str
    why: str


def pipeline(run: BuildRun, stages: list[StageView]) -> list[Pipe]:
    """Return the strip of a run, its build first; empty where nothing comes after it."""
    if not stages:
        return []
    return [_build_pipe(run), *(_pipe(stage) for stage in stages)]


def _build_pipe(run: BuildRun) -> Pipe:
    job = run.job
    return Pipe(str(NAMES["build"]), job.state, _note(job.state, job), "", "")


def _pipe(stage: StageView) -> Pipe:
    row, job = stage.stage, stage.current
    note = str(look_of("stage", stage.state).words)
    if stage.state == "running" and stage.percent is not None:
        note = _("%(percent)d %%") % {"percent": stage.percent}
        if job is not None and stage.kind == "deploy":
            note = f"{operation_verb(job.operation)} {note}"
    elif stage.state == "succeeded" and row.began_at and row.ended_at:
        note = duration_words(row.began_at, row.ended_at)
    href = reverse("job-detail", args=[job.pk]) if job is not None else ""
    return Pipe(str(NAMES[stage.kind]), stage.state, note, href, stage.why)


def _note(state: str, job: Job) -> str:
    if state == "succeeded" and job.started_at and job.finished_at:
        return duration_words(job.started_at, job.finished_at)
    return str(look_of("job", state).words)


def brief(stage: StageView | None) -> dict[str, Any] | None:
    """Return a stage that tells how a run stands, for a row of a list."""
    if stage is None:
        return None
    words = str(BRIEF.get((stage.kind, stage.state), stage.state))
    if stage.state == "running" and stage.percent is not None:
        words = f"{words} {stage.percent} %"
    return {"state": stage.state, "words": words}


def after_words(build: Build) -> list[str]:
    """Return what comes after a build, a line for each."""
    push = [_("Push all its names")] if build.push else []
    deploy = [capfirst(build.get_deploy_display())] if build.deploy else []
    return [*push, *deploy]


def place_words(facts: ReleaseFacts) -> list[str]:
    """Return where it goes, as far as the reader sees it."""
    whole = [_("all of %(name)s") % {"name": one.name} for one in facts.environments]
    hidden = [_("places that you do not see")] if facts.hidden else []
    return [*whole, *(host.name for host in facts.hosts), *hidden]


def digests_of(run: BuildRun) -> list[dict[str, Any]]:
    """Return the digests by which registries have a run's image; with names where they differ."""
    found: dict[str, list[str]] = {}
    for tag in run.tags:
        if digest := run.digests.get(tag):
            found.setdefault(digest, []).append(tag)
    several = len(found) > 1 or len(run.digests) < len(run.tags)
    return [{"digest": one, "tags": tags if several else []} for one, tags in found.items()]
