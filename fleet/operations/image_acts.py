"""What can be done with an image of a host: remove it, name it, push it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from pydantic import AfterValidator, Field

from fleet.engine.images import inspect_image
from fleet.engine.raw import as_list, as_str
from fleet.engine.removals import Removed, image_users
from fleet.operations.pushing import check_still, push_name
from fleet.operations.references import LENGTH, check_reference
from fleet.operations.registry import Operation, Params, register

if TYPE_CHECKING:
    from fleet.jobs.work import Work

NAMED = 5  # containers that a sentence names


def _check_name(value: str) -> str:
    """Return a name that an image can be given: one with a tag. Raises ValueError."""
    name = check_reference(value)
    if "@" in name:
        raise ValueError(_("A digest is no name to give: leave it out, and say a tag."))
    return name


def _check_own_name(value: str) -> str:
    """Return a name as the engine tells it, which need not be as people write it; or none."""
    if value:
        check_reference(value)
    return value


Name = Annotated[str, Field(max_length=LENGTH), AfterValidator(_check_name)]
OwnName = Annotated[str, Field(max_length=LENGTH), AfterValidator(_check_own_name)]


class RemoveImageParams(Params):
    """`reference` is the one name to take away; empty: the image with all its names.

    `force` removes it although a container that does not run was made of it.
    """

    reference: OwnName = ""
    force: bool = False


class TagParams(Params):
    """The name to give; another image of the host that has it loses it."""

    reference: Name


class PushParams(Params):
    """Under which of its names to push it; the name says to which registry."""

    reference: Name


# --- Remove --------------------------------------------------------------------------------


def _remove(work: Work) -> None:
    params = work.params_as(RemoveImageParams)
    names = _names(work)
    if params.reference:
        _check_ours(work, params.reference, names)
    if not params.reference or len(names) < 2:
        _check_users(work, force=params.force)
    # All names go at once only by force; who uses it was looked at just now.
    force = params.force or (not params.reference and len(names) > 1)
    removed = work.engine.remove_image(params.reference or work.engine_id, force=force)
    _tell_removed(work, removed)


def _names(work: Work) -> list[str]:
    said = inspect_image(work.engine, work.engine_id)
    names = [as_str(name) for name in as_list(said.get("RepoTags"))]
    return [name for name in names if name and not name.startswith("<none>")]


def _check_ours(work: Work, name: str, names: list[str]) -> None:
    """Raise Failed when the image has lost the name, perhaps to another one."""
    from fleet.jobs.work import Failed

    if name not in names:
        said = _("The image is not called %(name)s any more on this host. Nothing was done.")
        raise Failed(said % {"name": name})


def _check_users(work: Work, *, force: bool) -> None:
    """Raise Failed, naming containers, when they stand in the way: before anything is changed."""
    from fleet.jobs.work import Failed

    users = image_users(work.engine, work.engine_id)
    running = [user.name for user in users if user.running]
    if running:
        said = _(
            "It is in use by containers that run: %(names)s. Force does not help: stop or remove"
            " them first."
        )
        raise Failed(said % {"names": _listed(running)})
    if users and not force:
        said = _(
            "Containers that do not run were made of it: %(names)s. Remove them first, or remove"
            " the image with force."
        )
        raise Failed(said % {"names": _listed([user.name for user in users])})


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    shown = ", ".join(sorted(names)[:NAMED])
    return _("%(names)s and %(more)d more") % {"names": shown, "more": more} if more > 0 else shown


def _tell_removed(work: Work, removed: Removed) -> None:
    for name in removed.untagged:
        work.report.line(_("%(name)s is gone as a name.") % {"name": name})
    count = len(removed.deleted)
    if not count:
        work.report.line(_("The image itself stays: it has other names."))
        return
    said = ngettext(
        "%(count)d image or layer was removed from the disk.",
        "%(count)d images and layers were removed from the disk.",
        count,
    )
    work.report.line(said % {"count": count})


# --- Tag -----------------------------------------------------------------------------------


def _tag(work: Work) -> None:
    name = work.params_as(TagParams).reference
    work.engine.tag(work.engine_id, name)
    work.report.line(_("It is called %(name)s, too.") % {"name": name})


# --- Push ----------------------------------------------------------------------------------


def _push(work: Work) -> None:
    name = work.params_as(PushParams).reference
    check_still(work, name, work.engine_id)
    push_name(work, name)


PUSH = register(
    Operation(
        name="image.push",
        target="image",
        verb=gettext_lazy("Push"),
        doing=gettext_lazy("Pushing %(target)s"),
        done=gettext_lazy("Pushed %(target)s"),
        sentence=gettext_lazy(
            "Sends an image to the registry that its name says. The tag is there once all of it is."
        ),
        icon="upload",
        params=PushParams,
        repeatable=True,
        queue="transfer",
        about="reference",
        run=_push,
    )
)
TAG = register(
    Operation(
        name="image.tag",
        target="image",
        verb=gettext_lazy("Tag"),
        doing=gettext_lazy("Tagging %(target)s"),
        done=gettext_lazy("Tagged %(target)s"),
        sentence=gettext_lazy(
            "Gives the image one more name. Another image of the host that has this name loses it."
        ),
        icon="tag",
        params=TagParams,
        repeatable=True,
        run=_tag,
    )
)
REMOVE = register(
    Operation(
        name="image.remove",
        target="image",
        verb=gettext_lazy("Remove"),
        doing=gettext_lazy("Removing %(target)s"),
        done=gettext_lazy("Removed %(target)s"),
        sentence=gettext_lazy(
            "Takes one name away, or removes the image from its host. What registries have stays."
        ),
        icon="trash",
        params=RemoveImageParams,
        destructive=True,
        about="reference",
        run=_remove,
    )
)
