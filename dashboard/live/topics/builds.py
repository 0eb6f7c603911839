"""Builds, live: their list, one build's history, one run with its steps and lines."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from dashboard.build_words import (
    duration_of,
    grown_words,
    result_words,
    seconds_text,
    without_colours,
)
from dashboard.live.moments import ago_mark
from dashboard.live.topics.args import id_of, number_of
from dashboard.live.topics.base import Part, Snapshot, register
from dashboard.live.topics.jobs import JobTopic, part
from dashboard.live.topics.triggers import triggers_part
from dashboard.release_words import brief, digests_of, pipeline
from dashboard.trigger_words import via_words
from fleet.access import access_build
from fleet.actor import Actor
from fleet.models import JobLine, JobState
from fleet.operations.build_failures import is_disk_full, words_of
from fleet.publish import BuildsChanged, Hint, JobsChanged
from fleet.selectors.builds import (
    AFTER,
    BEFORE,
    LINES,
    LIST_LIMIT,
    RUNS,
    BuildPage,
    BuildRow,
    RunPage,
    RunRow,
    Step,
    build_list,
    build_page,
    run_page,
)
from fleet.selectors.hosts import revision_of
from fleet.selectors.releases import state_of, telling

ROWS, HISTORY, LOG = "build-rows", "run-rows", "run-log"
STEPS_MOST = 500
BROKEN = (JobState.FAILED, JobState.ERRORED, JobState.LOST)  # their words say why


@register
class Builds(JobTopic):
    """`builds`, with the list's query string as arguments."""

    name = "builds"
    most = LIST_LIMIT

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Runs are jobs."""
        return isinstance(hint, JobsChanged | BuildsChanged)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the rows."""
        return list_snapshot(build_list(actor, args.get("q", "")).rows)


@register
class OneBuild(JobTopic):
    """`build`, with `id=7`: its head and its runs."""

    name = "build"
    most = RUNS + 10

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Runs are jobs."""
        changed = isinstance(hint, BuildsChanged) and id_of(args) in hint.ids
        return changed or isinstance(hint, JobsChanged)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the build. Raises Unknown."""
        return build_snapshot(build_page(actor, access_build(actor, id_of(args))))


@register
class Run(JobTopic):
    """`build-run`, with `id=7&n=3`: its head, its steps and its last lines."""

    name = "build-run"
    most = LINES + STEPS_MOST + 10

    def interested(self, hint: Hint, args: QueryDict) -> bool:
        """Its job's id is not known here."""
        return isinstance(hint, JobsChanged)

    def load(self, actor: Actor, args: QueryDict) -> Snapshot:
        """Return the run. Raises Unknown."""
        return run_snapshot(run_page(actor, id_of(args), number_of(args, "n")))


# --- Pictures ------------------------------------------------------------------------------


def list_snapshot(rows: list[BuildRow]) -> Snapshot:
    """Return the list as its page shows it."""
    parts = {f"build-{row.build.pk}": _build_row(row) for row in rows}
    return Snapshot(parts=parts, lists={ROWS: list(parts)})


def _build_row(row: BuildRow) -> Part:
    def facts() -> dict[str, Any]:
        last, good = row.last, row.success
        return {
            "row": row,
            "build": row.build,
            "last": last,
            "last_at": ago_mark(last.job.created_at) if last else "",
            "duration": duration_of(last) if last else "",
            "good": good,
            "good_at": ago_mark(good.job.finished_at) if good else "",
            "brief": brief(telling(row.stages)),
        }

    return part(f"build-{row.build.pk}", row.rev, "builds/row.html", facts)


def build_snapshot(page: BuildPage) -> Snapshot:
    """Return a build's page."""
    build = page.build
    head_rev = f"h{page.row.rev}"
    parts = {
        "build-head": part("build-head", head_rev, "builds/head.html", lambda: _head(page)),
        "build-chart": _chart(page),
        "build-triggers": triggers_part(page.triggers, build),
    }
    rows = {f"run-{row.run.pk}": _run_row(row) for row in page.runs}
    none = revision_of("none", bool(rows), build.revision, sorted(page.row.permissions))
    parts["build-none"] = part(
        "build-none", none, "builds/none.html", lambda: {**_head(page), "empty": not rows}
    )
    return Snapshot(parts={**parts, **rows}, lists={HISTORY: list(rows)})


def _head(page: BuildPage) -> dict[str, Any]:
    last = page.row.last
    return {
        "build": page.build,
        "permissions": page.row.permissions,
        "last": last,
        "last_state": state_of(last, page.row.stages) if last else "",
        "needs_archive": page.build.source == "archive" and not page.build.archive,
        "other_ref": page.build.source == "git" and "build.run" in page.row.permissions,
    }


def _run_row(row: RunRow) -> Part:
    def facts() -> dict[str, Any]:
        job = row.run.job
        return {
            "row": row,
            "run": row.run,
            "job": job,
            "why": job.message if job.state in BROKEN and not row.run.image_id else "",
            "build": row.run.build,
            "at": ago_mark(row.run.job.created_at),
            "via": via_words(row.run.job.via),
            "duration": duration_of(row.run),
            "grown": grown_words(row.grown),
            "brief": brief(telling(row.stages)),
            "digest": next(filter(None, map(row.run.digests.get, row.run.tags)), ""),
        }

    return part(f"run-{row.run.pk}", row.rev, "builds/run_row.html", facts)


CHARTED = 40


def _chart(page: BuildPage) -> Part:
    """Return how long the last runs took, as bars: the oldest first."""
    runs = [row for row in page.runs[:CHARTED] if row.run.seconds is not None][::-1]
    bars = [
        {"x": at * 10, "height": max(2, round(0.38 * row.share)), "run": row.run.number,
         "seconds": seconds_text(row.run.seconds), "good": row.run.job.state == "succeeded"}
        for at, row in enumerate(runs)
    ]  # fmt: skip
    longest = max((row.run.seconds or 0 for row in runs), default=0)
    rev = revision_of(bars)
    return part(
        "build-chart", rev, "builds/chart.html",
        lambda: {"bars": bars if len(bars) > 1 else [], "width": max(1, len(bars)) * 10,
                 "longest": seconds_text(longest)},
    )  # fmt: skip


def run_snapshot(page: RunPage) -> Snapshot:
    """Return a run's page: steps and lines are one list, each step before its lines."""
    run = page.run
    cancels = page.cancels.pk if page.cancels else 0
    whole = state_of(run, page.stages)
    flags = f"{cancels}{int(page.may_run)}{page.grown}{whole}"
    settled = revision_of(
        run.job.state, run.job.cancel_requested_at, run.job.message if not run.job.is_open else "",
        run.builder, run.commit, run.image_id, run.size, run.tags, run.digests, run.seconds,
        bool(run.failure),
        run.job.started_at, run.build.name, run.build.revision, flags,
    )  # fmt: skip
    facts = lambda: _run_facts(page)  # noqa: E731
    parts = {
        "run-head": part("run-head", settled, "builds/run_head.html", facts),
        "run-state": part("run-state", settled, "builds/run_state.html", facts),
        "run-stages": _stages(page),
        "run-more": part(
            "run-more", str(page.more), "builds/more.html", lambda: {"more": page.more, "run": run}
        ),
    }
    log = _log(page)
    return Snapshot(parts={**parts, **log}, lists={LOG: list(log)})


def _stages(page: RunPage) -> Part:
    """Return the strip of what comes after the build; nothing where nothing does."""
    pipes = pipeline(page.run, page.stages)
    rev = revision_of(*(vars(pipe).values() for pipe in pipes), page.may_go_on)

    def facts() -> dict[str, Any]:
        told = [pipe for pipe in pipes if pipe.why]
        return {"run": page.run, "pipes": pipes, "told": told, "may_go_on": page.may_go_on}

    return part("run-stages", rev, "builds/stages.html", facts)


def _run_facts(page: RunPage) -> dict[str, Any]:
    run, job = page.run, page.run.job
    failure = run.failure if not job.is_open else {}
    return {
        "page": page,
        "run": run,
        "job": job,
        "build": run.build,
        "at": ago_mark(job.created_at),
        "via": via_words(job.via),
        "duration": duration_of(run),
        "grown": grown_words(page.grown),
        "result": result_words(run),
        "disk_full": is_disk_full(words_of(failure, job.error)),
        "whole": state_of(run, page.stages),
        "digests": digests_of(run),
        "failure": failure,
        "failure_lines": _marked(failure),
    }


def _marked(failure: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines of the Dockerfile around a failure, those that failed marked."""
    numbered = enumerate(failure.get("excerpt", ()), start=failure.get("first", 1))
    return [
        {"number": n, "text": text, "marked": failure["line"] <= n <= failure["end"]}
        for n, text in numbered
    ]


def _log(page: RunPage) -> dict[str, Part]:
    found = {_line_id(line): _line(line, BEFORE) for line in page.lines.get(BEFORE, ())}
    for step in page.steps:
        lines = page.lines.get(step.number, [])
        found[f"run-step-{step.number}"] = _step(page, step)
        found |= {_line_id(line): _line(line, step.number) for line in lines}
    return found | {_line_id(line): _line(line, AFTER) for line in page.lines.get(AFTER, ())}


def _step(page: RunPage, step: Step) -> Part:
    rev = revision_of(page.run.pk, step)

    def facts() -> dict[str, Any]:
        return {
            "step": step,
            "run": page.run,
            "took": _("cached") if step.cached else seconds_text(step.seconds),
        }

    return part(f"run-step-{step.number}", rev, "builds/step.html", facts)


def _line_id(line: JobLine) -> str:
    return f"run-line-{line.pk}"


def _line(line: JobLine, step: int) -> Part:
    """Lines never change."""
    colours = "\x1b" in line.text
    return part(
        _line_id(line), "1", "builds/line.html",
        lambda: {"line": line, "step": step, "plain": without_colours(line.text),
                 "raw": line.text if colours else ""},
    )  # fmt: skip
