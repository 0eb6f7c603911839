"""The stages of a run: push, deploy. Each is gone on with when its jobs have ended.

    waiting -> running -> succeeded | failed | cancelled       (a stage before it failed: skipped)

1. A job ends. In that transaction the stage after a build becomes `running`, or all are skipped.
2. When that has committed, `advance` locks the stage. While a job of it is open, or it runs no
   more, there is nothing to do: a redelivery, two ends at once and two workers are harmless.
3. A job of it did not succeed: so did the stage, and those after it are skipped. Else the next
   step is asked for (`release_steps`), or the stage has succeeded and the next one begins.
4. Should the process die between 1 and 2, the reaper finds the stage that no job moves.
"""

from __future__ import annotations

from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from fleet import audit
from fleet.access import AccessError, Refused, access_run
from fleet.actor import Actor, actor_for, system_actor
from fleet.models import (
    OPEN_STATES,
    AuditResult,
    BuildRun,
    Job,
    JobState,
    RunStage,
    StageJob,
    StageKind,
    StageState,
)
from fleet.operations.errors import Invalid
from fleet.operations.release_plan import Plan, check_rights
from fleet.operations.release_steps import Asked, ask_next, note_of
from fleet.permissions import PERMISSIONS
from fleet.publish import JobsChanged, publish_on_commit

STEPS_MOST = 100  # jobs of one attempt: containers that come back for ever must not keep us busy
AGAIN = frozenset({StageState.FAILED, StageState.CANCELLED})
log = structlog.get_logger(__name__)


def job_ended(job: Job, state: str) -> None:
    """Take note of the end of a job, in its transaction; what follows is asked for after it."""
    if job.operation == "build.run":
        _built(job, state)
    elif job.parent_id is None:  # a stage waits for the whole of what it asked for
        for pk in _running().filter(links__job=job.pk).values_list("pk", flat=True):
            advance_on_commit(pk)


def _running() -> QuerySet[RunStage]:
    return RunStage.objects.filter(state=StageState.RUNNING)


def advance_on_commit(stage_id: int) -> None:
    """Advance a stage once the surrounding transaction has committed; the reaper is behind it."""
    transaction.on_commit(lambda: advance(stage_id), robust=True)


def _built(job: Job, state: str) -> None:
    run = BuildRun.objects.filter(job=job.pk).only("pk", "job_id").first()
    if run is None:
        return
    if state == JobState.SUCCEEDED:
        _begin_next(run)
    else:
        cancelled = state == JobState.CANCELLED
        why = _("The build was cancelled.") if cancelled else _("The build did not succeed.")
        _skip_rest(run, why)


def _begin_next(run: BuildRun) -> bool:
    """Let the next stage run that waits; its first job is asked for after the commit."""
    waiting = RunStage.objects.filter(run=run, state=StageState.WAITING).order_by("pk")
    pk = waiting.values_list("pk", flat=True).first()
    begun = pk is not None and RunStage.objects.filter(pk=pk, state=StageState.WAITING).update(
        state=StageState.RUNNING, began_at=timezone.now(), ended_at=None, why=""
    )
    if pk is not None and begun:
        advance_on_commit(pk)
    return bool(begun)


def _skip_rest(run: BuildRun, why: str) -> None:
    waiting = RunStage.objects.filter(run=run, state=StageState.WAITING)
    waiting.update(state=StageState.SKIPPED, why=why)


# --- One stage -----------------------------------------------------------------------------


def advance(stage_id: int) -> None:
    """Do what is due of a stage that runs; nothing while a job of it is open."""
    with transaction.atomic():
        stage = _locked(_running().filter(pk=stage_id))
        if stage is None:
            return
        links = list(stage.links.filter(attempt=stage.attempt).select_related("job"))
        if any(link.job.is_open for link in links):
            return
        own = [link.job for link in links if not link.joined]
        bad = next((job for job in own if job.state != JobState.SUCCEEDED), None)
        if bad is not None:
            cancelled = bad.state == JobState.CANCELLED
            _end(stage, StageState.CANCELLED if cancelled else StageState.FAILED, bad.message)
        else:
            _go_on(stage, len(links))
        publish_on_commit(JobsChanged(ids=[stage.run.job_id]))


def _locked(rows: QuerySet[RunStage]) -> RunStage | None:
    related = ("run", "run__build__host__environment", "actor")
    return rows.select_for_update(of=("self",)).select_related(*related).first()


def _go_on(stage: RunStage, links: int) -> None:
    asked: Asked | None = None
    try:
        with transaction.atomic():
            if links > STEPS_MOST:
                raise Invalid({"": [_("There is always more to do here. It was given up.")]})
            asked = ask_next(stage, _actor_of(stage))
            _link(stage, asked)
    except Refused as refused:
        _refused(stage, refused)
    except (AccessError, Invalid) as error:
        _end(stage, StageState.FAILED, str(error))
    except (DatabaseError, InterfaceError):
        raise  # rolled back: the reaper comes by again
    except Exception:
        log.exception("stage_errored", stage=stage.pk)
        _end(stage, StageState.FAILED, _("Quayside made a mistake; its log says more."))
    else:
        if asked is None:
            _end(stage, StageState.SUCCEEDED, note_of(stage))


def _link(stage: RunStage, asked: Asked | None) -> None:
    if asked is None:
        return
    jobs = [(asked.own.pk, False)] if asked.own else []
    for pk, joined in [*jobs, *((pk, True) for pk in dict.fromkeys(asked.joined))]:
        StageJob.objects.update_or_create(
            stage=stage, job_id=pk, defaults={"attempt": stage.attempt, "joined": joined}
        )


def _actor_of(stage: RunStage) -> Actor:
    """Return who acts, with rights read now. Raises Invalid when there is no such user."""
    if stage.actor is not None:
        return actor_for(stage.actor, via=stage.via)
    if stage.actor_name == "system":
        return system_actor(stage.via)
    raise Invalid({"": [_("%(name)s is no user any more.") % {"name": stage.actor_name}]})


def _refused(stage: RunStage, refused: Refused) -> None:
    detail = {"build": stage.run.build.name, "run": stage.run.number, "stage": stage.kind}
    audit.record(
        _actor_of(stage), refused.permission, refused.target or stage.run.build,
        result=AuditResult.REFUSED, detail=detail,
    )  # fmt: skip
    told = {
        "name": stage.actor_name,
        "permission": PERMISSIONS.get(refused.permission, refused.permission),
    }
    said = _("%(name)s may not do this: it needs the permission “%(permission)s”.") % told
    _end(stage, StageState.FAILED, said)


def _end(stage: RunStage, state: StageState, why: str) -> None:
    """End a stage; the next one begins, or those that wait are skipped."""
    stage.state, stage.why, stage.ended_at = state, why, timezone.now()
    stage.save(update_fields=["state", "why", "ended_at"])
    if state == StageState.SUCCEEDED:
        _begin_next(stage.run)
    elif stage.kind == StageKind.PUSH:
        cancelled = state == StageState.CANCELLED
        said = _("The push was cancelled.") if cancelled else _("The push did not succeed.")
        _skip_rest(stage.run, said)


# --- Going on, and what was left behind ----------------------------------------------------


def run_go_on(*, actor: Actor, build_id: int, number: int) -> BuildRun:
    """Try the stage again that did not succeed, and go on after it, without a new build.

    A double click is one. Raises Unknown, Refused, or Invalid where nothing is to be gone on with.
    """
    run = access_run(actor, build_id, number, "build.run")
    with transaction.atomic():
        stage = _locked(RunStage.objects.filter(run=run, state__in=[*AGAIN, StageState.RUNNING]))
        if stage is None or run.job.state != JobState.SUCCEEDED:
            raise Invalid({"": [_("There is no stage of this run that could be tried again.")]})
        plan = Plan.kept(stage)
        check_rights(actor, run.build.host, plan, plan.kinds[plan.kinds.index(stage.kind) :])
        joined = stage.state == StageState.RUNNING
        if not joined:
            _reopen(stage, actor)
        told = {"run": number, "stage": stage.kind, "joined": joined}
        audit.record(actor, "build.go_on", run.build, detail=told)
        publish_on_commit(JobsChanged(ids=[run.job_id]))
    return run


def _reopen(stage: RunStage, actor: Actor) -> None:
    rest: dict[str, Any] = {"actor": actor.user, "actor_name": actor.name, "via": actor.via}
    later = RunStage.objects.filter(run=stage.run_id, pk__gt=stage.pk)
    later.update(state=StageState.WAITING, why="", **rest)
    RunStage.objects.filter(pk=stage.pk).update(
        state=StageState.RUNNING, attempt=stage.attempt + 1, why="", began_at=timezone.now(),
        ended_at=None, **rest,
    )  # fmt: skip
    advance_on_commit(stage.pk)


def advance_stalled() -> int:
    """Advance stages that no job moves: the process that should have done it has died.

    Returns how many were looked at.
    """
    moving = StageJob.objects.filter(
        stage=OuterRef("pk"), attempt=OuterRef("attempt"), job__state__in=OPEN_STATES
    )
    still = _running().filter(~Exists(moving)).values_list("pk", flat=True)
    found = list(still)
    for pk in found:
        advance(pk)
    return len(found)


def stage_of(job: Job) -> RunStage | None:
    """Return the stage that would be tried again if a job was: it failed with that one."""
    mine = Q(links__job=job.pk, links__joined=False, state__in=AGAIN)
    return RunStage.objects.filter(mine).select_related("run").first()
