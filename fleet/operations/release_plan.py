"""What comes after a build: the plan that a run keeps, where it leads, and who may."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Q, QuerySet

from fleet.access import Refused
from fleet.actor import Actor
from fleet.models import Build, Deploy, Host, Job, RunStage, StageKind
from fleet.operations.registry import permission_for

PUSH, PULL, RESTART = "image.push", "image.pull", "container.restart"
RECREATE = "container.recreate"  # its parameter `pull`: fetch the image first


@dataclass(frozen=True)
class Plan:
    """What comes after a good build, and on which hosts (ids)."""

    push: bool = False
    deploy: str = ""
    hosts: tuple[int, ...] = ()
    environments: tuple[int, ...] = ()

    @classmethod
    def of(cls, build: Build) -> Plan:
        """Return the plan of a definition as it is now (places may be prefetched)."""
        return cls(
            push=build.push,
            deploy=build.deploy,
            hosts=tuple(sorted(host.pk for host in build.deploy_hosts.all())),
            environments=tuple(sorted(one.pk for one in build.deploy_environments.all())),
        )

    @classmethod
    def kept(cls, stage: RunStage) -> Plan:
        """Return the plan that a stage keeps."""
        kept = stage.plan
        return cls(
            bool(kept.get("push")), str(kept.get("deploy", "")),
            tuple(kept.get("hosts", ())), tuple(kept.get("environments", ())),
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Return what a stage keeps of it."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @property
    def kinds(self) -> list[str]:
        """The stages after the build."""
        stages = ((StageKind.PUSH, self.push), (StageKind.DEPLOY, bool(self.deploy)))
        return [kind.value for kind, wanted in stages if wanted]

    def places(self) -> QuerySet[Host]:
        """Return the hosts where it deploys, those that are switched off as well."""
        here = Q(pk__in=self.hosts) | Q(environment__in=self.environments)
        return Host.objects.filter(here).select_related("environment").order_by("name")

    @property
    def pulls(self) -> bool:
        """Whether hosts pull the image as a step of its own."""
        return self.push and self.deploy in (Deploy.PULL, Deploy.RESTART)

    @property
    def acts(self) -> tuple[str, dict[str, Any]] | None:
        """What is done to containers that use the image, with its parameters."""
        if self.deploy == Deploy.RESTART:
            return RESTART, {}
        if self.deploy == Deploy.UPDATE:
            return RECREATE, {"pull": self.push}
        return None

    @property
    def permissions(self) -> list[str]:
        """What is needed on each host where it deploys."""
        acts = [permission_for(self.acts[0])] if self.acts else []
        return [*([PULL] if self.pulls else []), *acts]


def refusals(
    actor: Actor, host: Host, plan: Plan, places: Iterable[Host], kinds: Iterable[str] = ()
) -> Iterator[Refused]:
    """Yield what the actor lacks for a plan of a build on `host`, of all stages or these kinds."""
    kinds = list(kinds) or plan.kinds
    if plan.push and StageKind.PUSH in kinds and not actor.access.may(PUSH, host):
        yield Refused(PUSH, host)
    if plan.deploy and StageKind.DEPLOY in kinds:
        for place in places:
            for permission in plan.permissions:
                if not actor.access.may(permission, place):
                    yield Refused(permission, place)


def check_rights(actor: Actor, host: Host, plan: Plan, kinds: Iterable[str] = ()) -> None:
    """Raise Refused unless the actor may do all of it."""
    places = plan.places() if plan.deploy else ()
    for refused in refusals(actor, host, plan, places, kinds):
        raise refused


def may_release(actor: Actor, build: Build) -> bool:
    """Return whether the actor may do all that comes after a build's runs.

    No query where its places are prefetched and grants cover its environments, as in lists.
    """
    plan, may = Plan.of(build), actor.access
    if plan.push and not may.may(PUSH, build.host):
        return False
    if not plan.deploy:
        return True
    reaches = [may.reach(name) for name in plan.permissions]
    covered = frozenset.intersection(
        *(frozenset(plan.environments) if r.everywhere else r.environments for r in reaches)
    )
    rest = [pk for pk in plan.environments if pk not in covered]
    hosts = [
        *build.deploy_hosts.all(),
        *(Host.objects.filter(environment__in=rest) if rest else ()),
    ]
    return all(reach.covers(host) for reach in reaches for host in hosts)


def plan_stages(job: Job, build: Build, run_id: int) -> None:
    """Write down the stages of a new run, in the transaction in which it is asked for."""
    plan = Plan.of(build)
    RunStage.objects.bulk_create(
        RunStage(
            run_id=run_id, kind=kind, plan=plan.as_json(), actor_id=job.actor_id,
            actor_name=job.actor_name, via=job.via,
        )
        for kind in plan.kinds
    )  # fmt: skip


def same_plan(run_id: int, build: Build) -> bool:
    """Return whether a run that waits does after the build what the definition says now."""
    plan = Plan.of(build)
    kept = list(RunStage.objects.filter(run=run_id).values_list("kind", "plan"))
    return kept == [(kind, plan.as_json()) for kind in plan.kinds]
