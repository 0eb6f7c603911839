"""Updating a container: its image pulled anew, and the container made again with its settings.

1. What cannot be done safely is refused, before anything is changed.
2. What an earlier try left is finished or taken back (recreate_swap.py): so it may be repeated.
3. Pull. When the container runs the newest already, that is all.
4. The new one is made beside the old one, takes its place, and is watched for a moment; only then
   the old one goes. Whatever fails, and a cancellation, puts the old one back.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.engine.containers import Neighbour, list_neighbours
from fleet.engine.errors import NotFound
from fleet.engine.images import image_id, inspect_image
from fleet.engine.raw import Json, as_dict, as_str, strings
from fleet.engine.recreate import (
    SHORT,
    Again,
    Aside,
    aside_of,
    bonds,
    destinations,
    lenders,
    make_again,
    name_of,
)
from fleet.engine.types import is_podman
from fleet.models import Container, Job, JobState
from fleet.operations.images import pull_image
from fleet.operations.recreate_swap import end_settled, settle, swap
from fleet.operations.references import check_reference
from fleet.operations.registry import Operation, Params, register
from fleet.updates.names import tag_of

if TYPE_CHECKING:
    from fleet.jobs.work import Work

SWARM_TASK = "com.docker.swarm.task.id"
NAMED = 5  # containers that a sentence names


class RecreateParams(Params):
    """`pull` fetches the image first; without, it is made of what the host has by that name."""

    pull: bool = True


def _recreate(work: Work) -> None:
    params = work.params_as(RecreateParams)
    _check_alone(work)
    old = _old(work)
    around = list_neighbours(work.engine)
    said = as_dict(work.engine.get("/version"))
    _check_kind(old, said)
    old = settle(work, old, around)
    _check_shared(work, old, around)
    _check_leftover(old, around)
    image = as_str(as_dict(old.get("Config")).get("Image"))
    was_of = image_id(as_str(old.get("Image")))
    image_of_old = _image(work, was_of)
    if params.pull:
        _pull(work, image, was_of, _platform(image_of_old, as_str(said.get("Arch"))))
    swap(work, old, _again(work, old, image_of_old, image))


def _settle_only(work: Work) -> str:
    """Settle what an earlier attempt has left; how it is then, in words."""
    _check_alone(work)
    settle(work, _old(work), list_neighbours(work.engine))
    return _("%(name)s is as before.") % {"name": _own_name(work.job)}


def _what_is_left(job: Job) -> str:
    rows = Container.objects.filter(host=job.host_id, engine_id=job.target_engine_id)
    name = rows.values_list("name", flat=True).first()
    if name and aside_of(name):
        said = _("The old one is kept as %(name)s and may be stopped. Update it, which finishes the"
                 " exchange or takes it back.")  # fmt: skip
        return said % {"name": name}
    said = _("Look whether %(name)s runs. An old one beside it has “.quayside-old-” in its name:"
             " update that, which finishes the exchange or takes it back.")  # fmt: skip
    return said % {"name": _own_name(job)}


def _own_name(job: Job) -> str:
    """Return what the container is called that a job is about, when no update is under way."""
    aside = aside_of(job.target_name)
    return aside.name if aside else job.target_name


def _again(work: Work, old: Json, image_of_old: Json, image: str) -> Again:
    """Return how the new one is made."""
    if not image_of_old:
        work.report.line(
            _("The image that it was made of is gone: what that said is kept as if it was given.")
        )
    new_id = image_id(as_str(inspect_image(work.engine, image).get("Id")))
    borrowed = {path for lender in lenders(old) for path in _paths_of(work, lender)}
    told = {"image": image, "id": new_id.removeprefix("sha256:")[:SHORT]}
    work.report.line(_("It is made again of %(image)s (%(id)s).") % told)
    return make_again(old, image_of_old, image, new_id, borrowed)


def _old(work: Work) -> Json:
    """Return the container as it is. Raises NothingToDo when an earlier try has replaced it.

    Raises NotFound when it is gone otherwise.
    """
    try:
        return work.engine.inspect(work.engine_id)
    except NotFound:
        if work.job.attempt < 2:
            raise
        # The last step of an earlier try was to remove it.
        aside = aside_of(work.job.target_name)
        heir = work.engine.container(aside.name if aside else work.job.target_name)
    end_settled(heir.name, heir.engine_id)


# --- What is refused -------------------------------------------------------------------------


def _check_alone(work: Work) -> None:
    """Refuse beside another job on this container, by whichever of its ids and names."""
    from fleet.jobs.work import Failed

    job = work.job
    running = Job.objects.filter(
        operation=job.operation, host=job.host_id, state=JobState.RUNNING, children_count=0
    )
    other = next((one for one in running.exclude(pk=job.pk) if _marks(one) & _marks(job)), None)
    if other is not None:
        said = _("It is being updated already, in job %(job)d. Nothing was done.")
        raise Failed(said % {"job": other.pk})


def _marks(job: Job) -> set[int | str | None]:
    """Return what a container is known by; in the midst of an update it has two rows and names."""
    return {job.target_id, job.target_engine_id, _own_name(job)}


def _check_kind(old: Json, engine: Json) -> None:
    """Refuse what cannot be put back, or belongs to somebody else."""
    from fleet.jobs.work import Failed

    labels = strings(as_dict(old.get("Config")).get("Labels"))
    if is_podman(engine):
        raise Failed(
            _("Podman shows the settings of a container otherwise than it takes them, so Quayside"
              " updates containers of Docker only. Nothing was done.")
        )  # fmt: skip
    if SWARM_TASK in labels:
        raise Failed(
            _("It belongs to a swarm service, which would replace it. Update the service."
              " Nothing was done.")
        )  # fmt: skip
    if as_dict(old.get("HostConfig")).get("AutoRemove"):
        raise Failed(
            _("It was started with --rm: once stopped it is gone, so there would be no way back."
              " Nothing was done.")
        )  # fmt: skip
    if socket.gethostname() == as_str(old.get("Id"))[:SHORT]:
        raise Failed(
            _("Quayside's own worker runs in it and cannot replace itself. Nothing was done.")
        )


def _check_shared(work: Work, old: Json, around: list[Neighbour]) -> None:
    """Refuse what would cut others off, or could not be started again."""
    from fleet.jobs.work import Failed

    ids = {one.engine_id for one in around} | {one.name for one in around}
    for what, other in bonds(old).items():
        if other not in ids:
            said = _("It shares the %(what)s of a container that is gone (%(other)s), so it could"
                     " not be started again. Nothing was done.")  # fmt: skip
            raise Failed(said % {"what": _bond_words()[what], "other": other[:SHORT]})
    if tied := _tied_to(work, old, around):
        said = _("Others share its network, processes or memory, and would be cut off: %(names)s."
                 " Remove them, update it, and start them anew. Nothing was done.")  # fmt: skip
        raise Failed(said % {"names": ", ".join(sorted(tied)[:NAMED])})


def _bond_words() -> dict[str, str]:
    return {"network": _("network"), "pid": _("processes"), "ipc": _("memory")}


def _tied_to(work: Work, old: Json, around: list[Neighbour]) -> list[str]:
    """Return the names of those that share what is its own; a list tells of networks only."""
    this = {as_str(old.get("Id")), as_str(old.get("Id"))[:SHORT], name_of(old)}
    tied = []
    for one in around:
        if one.engine_id in this:
            continue
        shared = {one.network.partition(":")[2]} if one.network.startswith("container:") else set()
        if one.is_up and not shared & this:
            shared |= set(_bonds_of(work, one.engine_id))
        if shared & this:
            tied.append(one.name)
    return tied


def _bonds_of(work: Work, engine_id: str) -> list[str]:
    try:
        return list(bonds(work.engine.inspect(engine_id)).values())
    except NotFound:  # removed just now
        return []


def _check_leftover(old: Json, around: list[Neighbour]) -> None:
    """Refuse while the one that it took the place of is still kept."""
    from fleet.jobs.work import Failed

    short = as_str(old.get("Id"))[:SHORT]
    for one in around:
        aside = aside_of(one.name)
        if aside and aside.kind == "old" and (aside.name, aside.other) == (name_of(old), short):
            said = _("An earlier update of it was not finished. Update %(name)s, the one before,"
                     " which finishes that; or remove it. Nothing was done.")  # fmt: skip
            raise Failed(said % {"name": Aside(aside.name, "old", aside.other, aside.was)})


# --- The image -------------------------------------------------------------------------------


def _image(work: Work, ident: str) -> Json:
    """Return what the old image says; empty when it is gone."""
    try:
        return inspect_image(work.engine, ident)
    except NotFound:
        return {}


def _pull(work: Work, image: str, was_of: str, platform: str) -> None:
    """Fetch it. Raises NothingToDo when the container is of that already."""
    from fleet.jobs.work import Failed, NothingToDo

    if "@" in image or tag_of(image, was_of) is None:
        raise Failed(
            _("It was made of an image by its digest or id, of which there is never a newer one."
              " Nothing was done. Without pulling it can be made again.")
        )  # fmt: skip
    pulled = pull_image(work, check_reference(image), platform)
    if pulled is not None and pulled.image_id == was_of:
        raise NothingToDo(_("It runs the newest already. Nothing was done."))


def _platform(image: Json, arch: str) -> str:
    """Return the platform to ask for, where it is not the host's own; "" leaves it to the host."""
    its = as_str(image.get("Architecture"))
    if not its or not arch or its == arch:
        return ""
    parts = [as_str(image.get("Os")) or "linux", its, as_str(image.get("Variant"))]
    return "/".join(filter(None, parts))


def _paths_of(work: Work, lender: str) -> set[str]:
    try:
        return destinations(work.engine.inspect(lender))
    except NotFound:
        return set()


def _unfit(container: Container, values: dict[str, Any]) -> str:
    """Who chooses many means the containers themselves: the other of a pair may be gone already."""
    if aside_of(container.name) is None:
        return ""
    return _("It is kept by an update. Should that not be under way: update this one by itself.")


RECREATE = register(
    Operation(
        name="container.recreate",
        target="container",
        verb=gettext_lazy("Update"),
        doing=gettext_lazy("Updating %(target)s"),
        done=gettext_lazy("Updated %(target)s"),
        sentence=gettext_lazy(
            "Pulls the container's image anew and makes the container again with the same"
            " settings. The old one is kept until the new one runs, and comes back if it does not."
        ),
        icon="recycle",
        params=RecreateParams,
        repeatable=True,
        settles=_settle_only,
        left=_what_is_left,
        asks=True,
        queue="transfer",
        states=frozenset({"created", "running", "restarting", "paused", "exited"}),
        run=_recreate,
        unfit=_unfit,
    )
)
