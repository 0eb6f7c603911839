"""What a stage asks for next: the jobs that its plan still lacks, looked up anew each time.

What was done is read from the stage's own jobs, so it does not matter who asks or how often: a
step of which nothing is left is over, and a stage of which no step is left has succeeded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet.access import visible_containers, visible_hosts
from fleet.actor import Actor
from fleet.engine.recreate import aside_of
from fleet.models import (
    Container,
    ContainerState,
    Deploy,
    Host,
    Job,
    JobState,
    RunStage,
    StageKind,
)
from fleet.operations.build_push import PUSH_RUN
from fleet.operations.bulk import ask_many
from fleet.operations.errors import Invalid
from fleet.operations.many_hosts import ask_on_hosts
from fleet.operations.references import check_reference
from fleet.operations.registry import REGISTRY
from fleet.operations.release_plan import PULL, RESTART, Plan, check_rights
from fleet.operations.requests import request
from fleet.registries.reference import InvalidReference, parse_reference


@dataclass(frozen=True)
class Asked:
    """What came of asking: the stage's own job, and those of others that do a part of it."""

    own: Job | None
    joined: list[int]  # ids of jobs that were under way before; to be waited for


Ask = Callable[[], Asked]


def ask_next(stage: RunStage, actor: Actor) -> Asked | None:
    """Ask for what comes next in a stage; None when nothing is left to do.

    Raises Refused, Unknown or Invalid; then nothing was asked for.
    """
    plan = Plan.kept(stage)
    left = _push(stage, actor) if stage.kind == StageKind.PUSH else _deploy(stage, actor, plan)
    ask = next(left, None)
    if ask is None:
        return None
    check_rights(actor, stage.run.build.host, plan, [stage.kind])
    return ask()


def note_of(stage: RunStage) -> str:
    """Return what is worth a word of a stage that has succeeded."""
    if stage.kind != StageKind.DEPLOY:
        return ""
    off = sum(not host.enabled for host in Plan.kept(stage).places())
    said = ngettext(
        "%(count)d host is switched off and was left out.",
        "%(count)d hosts are switched off and were left out.",
        off,
    )
    nothing = [] if stage.links.exists() else [_("Nothing there uses it.")]
    return " ".join([*nothing, *([said % {"count": off}] if off else [])])


def _push(stage: RunStage, actor: Actor) -> Iterator[Ask]:
    if not _done(stage, PUSH_RUN).exists():
        yield lambda: _ask_push(stage, actor)


def _ask_push(stage: RunStage, actor: Actor) -> Asked:
    run = stage.run
    job = request(PUSH_RUN, actor=actor, target_id=run.build_id, params={"run": run.number})
    return Asked(job, [])


def _check_places(places: list[Host]) -> None:
    if not places:
        raise Invalid({"": [_("None of the hosts where it should go is left.")]})
    if not any(host.enabled for host in places):
        raise Invalid({"": [_("All hosts where it should go are switched off.")]})


def _deploy(stage: RunStage, actor: Actor, plan: Plan) -> Iterator[Ask]:
    """Yield what is left: first each name where it is to be pulled, then who uses them."""
    places = list(plan.places())
    _check_places(places)
    on = [host.pk for host in places if host.enabled]
    for name in stage.run.tags if plan.pulls else ():
        reference = check_reference(name)
        wanted = set(on)
        if plan.deploy == Deploy.RESTART:  # only what is used there
            wanted = {row.host_id for row in users_of([name], on)}
        done = _done(stage, PULL).filter(params__reference=reference)
        wanted -= set(done.values_list("host_id", flat=True))
        if wanted:
            yield partial(_ask_pull, actor, wanted, reference)
    if plan.acts is not None:
        name, params = plan.acts
        if users := _left(stage, on, name):
            yield partial(_ask_act, actor, users, name, params)


def _done(stage: RunStage, operation: str) -> Any:
    """Return the jobs of an operation that went well for this stage: single ones and children."""
    own = stage.links.filter(joined=False).values("job")
    here = Q(pk__in=own) | Q(parent__in=own)
    return Job.objects.filter(here, operation=operation, state=JobState.SUCCEEDED)


def _ask_pull(actor: Actor, wanted: set[int], reference: str) -> Asked:
    hosts = visible_hosts(actor).filter(pk__in=wanted)
    asked = ask_on_hosts(PULL, actor=actor, hosts=hosts, params={"reference": reference})
    return _asked(asked.job, asked.joined, (row.job for row in asked.skipped))


def _ask_act(actor: Actor, wanted: list[int], name: str, params: dict[str, Any]) -> Asked:
    rows = visible_containers(actor).filter(pk__in=wanted)
    asked = ask_many(name, actor=actor, containers=rows, params=params)
    return _asked(asked.job, asked.joined, (row.job for row in asked.skipped))


def _asked(job: Job, joined: bool, skipped: Iterable[Job | None]) -> Asked:
    """Tell what was made from what was under way: of a job of many the whole is waited for."""
    under_way = [one for one in ([job] if joined else skipped) if one is not None]
    return Asked(None if joined else job, [one.parent_id or one.pk for one in under_way])


# --- Containers that use it ----------------------------------------------------------------


def users_of(names: Iterable[str], hosts: Iterable[int]) -> list[Container]:
    """Return the containers on these hosts that were made of one of these names of images.

    What names a digest besides is pinned to it, and not meant. Nor is what an update makes or keeps
    beside a container: the row may be there for a moment after it is gone.
    """
    wanted = {parse_reference(name).full for name in names}
    rows = Container.objects.filter(host__in=list(hosts)).order_by("host_id", "name", "pk")
    rows = rows.only("host_id", "name", "image", "state", "engine_id")
    return [row for row in rows if aside_of(row.name) is None and _means(row.image, wanted)]


def _means(image: str, wanted: set[str]) -> bool:
    try:
        return parse_reference(image).full in wanted
    except InvalidReference:  # such as an image's bare id
        return False


def _states(name: str) -> frozenset[str]:
    """Return the states in which a container is acted on; empty: any."""
    if name == RESTART:  # what was stopped on purpose is not started by it
        return frozenset({ContainerState.RUNNING.value})
    return REGISTRY[name].states


def _left(stage: RunStage, on: list[int], name: str) -> list[int]:
    """Return the containers to which it is still to be done: one that was made again has the name
    of the one before, and counts as done, as does the one before by its id."""
    jobs = _done(stage, name).values_list("host_id", "target_name", "target_engine_id")
    done = {(host, mark) for host, *marks in jobs for mark in marks}
    states = _states(name)
    return [
        row.pk
        for row in users_of(stage.run.tags, on)
        if not done & {(row.host_id, row.name), (row.host_id, row.engine_id)}
        and (not states or row.state in states)
    ]
