"""Images as files: loaded from one that was sent to us, saved into one that somebody takes."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Annotated, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import Field

from fleet.actor import Actor
from fleet.engine.saving import PIECE
from fleet.moves.store import LOAD, Kept, TarRefused, place_of, release
from fleet.operations.errors import Invalid
from fleet.operations.loading import load_pieces
from fleet.operations.registry import Operation, Params, register

if TYPE_CHECKING:
    from fleet.jobs.work import Work

SHOWN = 200  # letters of a file's name


class LoadParams(Params):
    """A file that is kept here until the last host has it; `name` is what its sender called it."""

    archive: Annotated[str, Field(max_length=32)]
    name: Annotated[str, Field(max_length=SHOWN)] = "image.tar"
    size: Annotated[int, Field(ge=0, lt=2**63)] = 0


def load_params(kept: Kept, name: str) -> dict[str, Any]:
    """Return the parameters for loading a file that somebody called `name`."""
    letters = "".join(letter for letter in name.rpartition("/")[2] if letter.isprintable())
    shown = letters.strip()[-SHOWN:] or "image.tar"
    return {"archive": kept.archive, "name": shown, "size": kept.size}


def _check_kept(actor: Actor, values: dict[str, Any]) -> None:
    try:
        if place_of(values["archive"]).is_file():
            return
        raise TarRefused("gone")
    except TarRefused as refused:
        raise Invalid({"archive": [str(refused)]}) from None


def _load(work: Work) -> None:
    from fleet.jobs.work import Failed

    params = work.params_as(LoadParams)
    try:
        loaded = load_pieces(work, _pieces(work, params), params.name, params.size)
    except (FileNotFoundError, TarRefused):
        raise Failed(str(TarRefused("gone"))) from None
    finally:
        release(params.archive, work.job)
    if not (loaded.names or loaded.ids):
        raise Failed(_("There was no image in it: nothing is there that was not before."))
    count = len(loaded.names) + len(loaded.ids)
    work.report.line(_("Names and images that it brought: %(count)d.") % {"count": count})


def _pieces(work: Work, params: LoadParams) -> Generator[bytes]:
    done = 0
    with place_of(params.archive).open("rb") as data:
        while piece := data.read(PIECE):
            done += len(piece)
            work.report.part(params.name, "sending", done, params.size)
            yield piece
    work.report.part(params.name, "extracting", 0, params.size)


register(
    Operation(
        name=LOAD,
        target="host",
        verb=gettext_lazy("Load"),
        doing=gettext_lazy("Loading %(target)s"),
        done=gettext_lazy("Loaded %(target)s"),
        sentence=gettext_lazy(
            "Puts the images of a tar onto a host. A name in it that means another image there"
            " moves."
        ),
        icon="upload",
        params=LoadParams,
        repeatable=True,
        queue="transfer",
        about="name",
        unsaid=frozenset(LoadParams.model_fields),
        run=_load,
        checked=_check_kept,
    )
)
register(
    Operation(
        name="image.save",
        target="image",
        verb=gettext_lazy("Save as tar"),
        doing=gettext_lazy("Saving %(target)s"),
        done=gettext_lazy("Saved %(target)s"),
        sentence=gettext_lazy("Gives all of an image as a file to take away; nothing changes."),
        icon="download",
    )
)
