"""Removing the images of hosts that nobody needs: what would go, and the job that does it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fleet.actor import Actor
from fleet.engine.errors import Aborted, EngineError, NotFound
from fleet.engine.images import image_id, parse_images
from fleet.engine.raw import as_dict, as_list, as_str
from fleet.engine.removals import layers_size
from fleet.models import Container, Host, Image
from fleet.operations.many_hosts import HostsPreview, preview_on_hosts
from fleet.operations.prune_rules import Candidate, PruneParams, choose
from fleet.operations.pushing import still_means
from fleet.operations.registry import Operation, register

if TYPE_CHECKING:
    from fleet.jobs.work import Work

PRUNE_NAME = "image.prune"
MIB = 1024 * 1024


# --- Preview -------------------------------------------------------------------------------


@dataclass(frozen=True)
class HostPlan:
    """What would go from one host, by what is known of it."""

    host: Host
    going: list[Candidate]
    total: int  # images that it has

    @property
    def size(self) -> int:
        """Bytes that come back at most: what they share with others stays."""
        return sum(image.size for image in self.going)


@dataclass(frozen=True)
class PrunePreview:
    """What would go, host by host; and hosts that are left out."""

    plan: HostsPreview
    hosts: list[HostPlan]

    @property
    def count(self) -> int:
        """How many images would go, counted on each host."""
        return sum(len(host.going) for host in self.hosts)

    @property
    def size(self) -> int:
        """Bytes that come back at most."""
        return sum(host.size for host in self.hosts)


def prune_preview(*, actor: Actor, hosts: QuerySet[Host], params: dict[str, Any]) -> PrunePreview:
    """Return what would go, from rows alone. Raises Refused or Invalid."""
    plan = preview_on_hosts(PRUNE_NAME, actor=actor, hosts=hosts, params=params)
    rules, now = PruneParams.model_validate(plan.params), timezone.now()
    rows = _rows_of(plan.affected)
    plans = [
        HostPlan(host, choose(rows[host.pk], rules, now), len(rows[host.pk]))
        for host in plan.affected
    ]
    return PrunePreview(plan, sorted(plans, key=lambda one: (-one.size, one.host.name)))


def _rows_of(hosts: list[Host]) -> dict[int, list[Candidate]]:
    """Return the images of hosts by two queries. Whoever may see a container: it uses its image."""
    ids = [host.pk for host in hosts]
    containers = Container.objects.filter(host__in=ids).order_by()
    used = set(containers.values_list("host_id", "image_id").distinct())
    found: dict[int, list[Candidate]] = defaultdict(list)
    for row in Image.objects.filter(host__in=ids).order_by().defer("search", "digests"):
        found[row.host_id].append(
            Candidate(
                row.engine_id, tuple(row.tags), row.size, row.labels, row.created_at,
                (row.host_id, row.engine_id) in used,
            )
        )  # fmt: skip
    return found


# --- The job -------------------------------------------------------------------------------


def _prune(work: Work) -> None:
    going = choose(_asked(work), work.params_as(PruneParams), timezone.now())
    if not going:
        work.report.line(_("There is nothing to remove."))
        return
    before = _measure(work)
    removed = _remove_all(work, going)
    _tell_sum(work, len(removed), before)


def _asked(work: Work) -> list[Candidate]:
    """Return the images as the engine has them now."""
    images = parse_images(work.engine.get("/images/json"))
    said = map(as_dict, as_list(work.engine.get("/containers/json?all=1")))
    used = {image_id(as_str(raw.get("ImageID"))) for raw in said}
    return [
        Candidate(one.engine_id, one.tags, one.size, one.labels, one.created_at,
                  one.engine_id in used)
        for one in images
    ]  # fmt: skip


def _remove_all(work: Work, going: list[Candidate]) -> list[Candidate]:
    """Remove one after the other, without force; what is built upon others goes before them."""
    done: list[Candidate] = []
    left = going
    while left:
        refused = [(image, error) for image in left if (error := _try(work, image)) is not None]
        done += [image for image in left if all(image is not one for one, _error in refused)]
        work.report.percent(100 * len(done) // len(going))
        moved = len(refused) < len(left)
        left = [one for one, error in refused if moved and error.code == "image_has_children"]
        for image, error in refused:
            if all(image is not one for one in left):
                told = {"name": image.name, "why": str(error)}
                work.report.line(_("%(name)s stays: %(why)s") % told)
    return done


def _try(work: Work, image: Candidate) -> EngineError | None:
    """Remove an image, or return why it stays. Raises EngineError when nothing else will go."""
    try:
        _remove_one(work, image)
    except EngineError as error:
        if error.code not in KEPT:
            raise
        return error
    told = {"name": image.name, "mib": image.size / MIB}
    work.report.line(_("Removed %(name)s, %(mib).1f MiB.") % told)
    return None


# What may have come to be needed since it was looked at.
KEPT = frozenset({
    "image_runs", "image_in_use", "image_has_children", "image_names", "image_gone", "image_moved",
})  # fmt: skip


def _remove_one(work: Work, image: Candidate) -> None:
    """Take each name away, the last of which takes the image; as the command prunes, too.

    A name that a build or a pull has given to another image meanwhile is not taken away.
    """
    if not image.tags:
        work.engine.remove_image(image.engine_id)
    moved = []
    for name in image.tags:
        if _is_its(work, name, image):
            work.engine.remove_image(name)
        else:
            moved.append(name)
    if image.tags and len(moved) == len(image.tags):
        raise EngineError("image_moved")
    for name in moved:
        work.report.line(
            _("%(name)s stays: %(why)s") % {"name": name, "why": EngineError("image_moved")}
        )


def _is_its(work: Work, name: str, image: Candidate) -> bool:
    try:
        return still_means(work, name, image.engine_id)
    except NotFound as error:
        raise NotFound("image_gone", raw=error.raw) from error


def _measure(work: Work) -> int:
    """Return what all layers take; 0 when it cannot be known."""
    try:
        return layers_size(work.engine)
    except Aborted:
        raise
    except EngineError:
        return 0


def _tell_sum(work: Work, count: int, before: int) -> None:
    after = _measure(work) if before else 0
    said = ngettext("%(count)d image was removed", "%(count)d images were removed", count)
    words = {"count": count, "mib": max(0, before - after) / MIB}
    if before:
        work.report.line((said + _("; %(mib).1f MiB came back.")) % words)
    else:
        work.report.line((said + _(". How much came back this engine does not tell.")) % words)


PRUNE = register(
    Operation(
        name=PRUNE_NAME,
        target="host",
        verb=gettext_lazy("Prune images"),
        doing=gettext_lazy("Pruning images of %(target)s"),
        done=gettext_lazy("Pruned images of %(target)s"),
        sentence=gettext_lazy(
            "Removes images that no container of the host uses, by the rules that are given."
        ),
        icon="trash",
        params=PruneParams,
        destructive=True,
        repeatable=True,
        run=_prune,
    )
)
