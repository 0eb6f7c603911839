"""Keeping the build cache of hosts within bounds: when asked to, and after builds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import structlog
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from pydantic import Field

from fleet.crypto import SecretLost
from fleet.engine.build_cache import CachePruned, prune_build_cache
from fleet.engine.client import open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError
from fleet.models import Host
from fleet.operations.registry import Operation, Params, register

if TYPE_CHECKING:
    from fleet.jobs.work import Work

PRUNE_NAME = "build.prune"
MIB = 1024**2
GIB = 1024**3
LATELY = timedelta(minutes=25)  # two turns of the beat, and some
log = structlog.get_logger(__name__)


class CacheParams(Params):
    """What stays: so many GiB, and what was used within so many days."""

    keep_gib: Annotated[int, Field(ge=0, le=100_000)] = 0
    unused_days: Annotated[int, Field(ge=0, le=3650)] = 0


def _prune(work: Work) -> None:
    params = work.params_as(CacheParams)
    gone = prune_build_cache(
        work.engine, keep=params.keep_gib * GIB, unused_hours=params.unused_days * 24
    )
    work.report.line(words_of(gone))


def words_of(gone: CachePruned) -> str:
    """Return what a prune of build cache did, as a sentence."""
    if not gone.count:
        return _("There was no build cache to remove.")
    said = ngettext(
        "%(count)d part of the build cache was removed; %(mib).1f MiB came back.",
        "%(count)d parts of the build cache were removed; %(mib).1f MiB came back.",
        gone.count,
    )
    return said % {"count": gone.count, "mib": gone.size / MIB}


def bound_caches() -> None:
    """Keep the build cache within bounds on hosts where a build has ended of late."""
    if not settings.BUILD_CACHE_BYTES:
        return
    since = timezone.now() - LATELY
    hosts = Host.objects.filter(jobs__operation="build.run", jobs__finished_at__gte=since)
    for host in hosts.distinct():
        if host.enabled:
            keep_within_bounds(host)


def keep_within_bounds(host: Host) -> None:
    """Remove what is more than QUAYSIDE_BUILD_CACHE_BYTES; a host that fails is left for later."""
    try:
        with open_engine(Endpoint(**host.endpoint_fields())) as engine:
            gone = prune_build_cache(engine, keep=settings.BUILD_CACHE_BYTES)
    except (EngineError, SecretLost) as error:
        log.info("build_cache_left", host=host.name, error=str(error))
        return
    if gone.count:
        log.info("build_cache_pruned", host=host.name, records=gone.count, size=gone.size)


PRUNE = register(
    Operation(
        name=PRUNE_NAME,
        target="host",
        verb=gettext_lazy("Prune build cache"),
        doing=gettext_lazy("Pruning the build cache of %(target)s"),
        done=gettext_lazy("Pruned the build cache of %(target)s"),
        sentence=gettext_lazy(
            "Removes what builds have kept for the next one, which will take longer. Images stay."
        ),
        icon="trash",
        params=CacheParams,
        destructive=True,
        repeatable=True,
        queue="transfer",
        run=_prune,
    )
)
