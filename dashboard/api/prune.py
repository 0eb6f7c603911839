"""/images/prune and /builds/cache/prune: what nobody needs goes from hosts."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from ninja import Field, Router, Schema

from dashboard.api.auth import caller
from dashboard.api.jobs import accepted
from dashboard.api.pulls import PullAccepted, SkippedHostOut, hosts_of
from fleet.operations.build_cache import PRUNE_NAME as CACHE
from fleet.operations.build_cache import CacheParams
from fleet.operations.many_hosts import MANY, AskedHosts, ask_on_hosts
from fleet.operations.prune import PRUNE_NAME, HostPlan, prune_preview
from fleet.operations.prune_rules import PruneParams

router = Router(tags=["images"])
cache_router = Router(tags=["builds"])
LISTED = 200


HostIds = Annotated[
    list[Annotated[int, Field(ge=1, lt=2**63)]],
    Field(max_length=MANY, description="ids of hosts"),
]


class PruneIn(Schema, extra="forbid"):
    """On which hosts, and the rules."""

    hosts: HostIds
    rules: PruneParams = PruneParams()


class GoingOut(Schema):
    """An image that would go."""

    engine_id: str
    name: str
    size: int


class HostPlanOut(Schema):
    """What would go from a host: how many, how many bytes at most, the first by size."""

    id: int
    name: str
    images: int
    size: int
    going: list[GoingOut]

    @staticmethod
    def of(plan: HostPlan) -> dict[str, Any]:
        """Return what is shown of it."""
        going = [
            {"engine_id": one.engine_id, "name": one.name, "size": one.size}
            for one in plan.going[:LISTED]
        ]
        return {
            "id": plan.host.pk, "name": plan.host.name, "images": len(plan.going),
            "size": plan.size, "going": going,
        }  # fmt: skip


class PrunePreviewOut(Schema):
    """What would go, by what is known now. `size` is bytes at most: images share layers."""

    images: int
    size: int
    hosts: list[HostPlanOut]
    skipped: list[SkippedHostOut]


@router.post("/prune/preview", response=PrunePreviewOut, summary="Preview a prune of images")
def preview_prune(request: HttpRequest, data: PruneIn) -> Any:
    """Say what would go from which host; nothing is changed, and no engine is asked."""
    actor = caller(request)
    found = prune_preview(
        actor=actor, hosts=hosts_of(actor, set(data.hosts)), params=data.rules.model_dump()
    )
    return {
        "images": found.count,
        "size": found.size,
        "hosts": [HostPlanOut.of(plan) for plan in found.hosts],
        "skipped": [SkippedHostOut.of(row) for row in found.plan.skipped],
    }


@router.post("/prune", response={202: PullAccepted}, summary="Prune images of hosts")
def prune(request: HttpRequest, data: PruneIn) -> JsonResponse:
    """Make a job that removes what the rules say when it runs; on several hosts with children."""
    actor = caller(request)
    hosts = hosts_of(actor, set(data.hosts))
    asked = ask_on_hosts(PRUNE_NAME, actor=actor, hosts=hosts, params=data.rules.model_dump())
    return _accepted(asked)


class CachePruneIn(Schema, extra="forbid"):
    """On which hosts, and what stays."""

    hosts: HostIds
    rules: CacheParams = CacheParams()


@cache_router.post("/cache/prune", response={202: PullAccepted}, summary="Prune build cache")
def prune_cache(request: HttpRequest, data: CachePruneIn) -> JsonResponse:
    """Make a job that removes build cache of hosts; on several hosts with children."""
    actor = caller(request)
    hosts = hosts_of(actor, set(data.hosts))
    params = data.rules.model_dump()
    return _accepted(ask_on_hosts(CACHE, actor=actor, hosts=hosts, params=params))


def _accepted(asked: AskedHosts) -> JsonResponse:
    skipped = [SkippedHostOut.of(row) for row in asked.skipped]
    return accepted(asked.job, joined=asked.joined, skipped=skipped)
