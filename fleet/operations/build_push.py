"""Pushing what a run of a build made: all its names in one job, each whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import Field

from fleet.engine.errors import Aborted, EngineError
from fleet.models import BuildRun
from fleet.operations.pushing import check_still, push_name, still_means
from fleet.operations.registry import Operation, Params, register
from fleet.registries.reference import parse_reference

if TYPE_CHECKING:
    from fleet.jobs.work import Work

PUSH_RUN = "build.push"


class PushRunParams(Params):
    """Which run of the build, by its number."""

    run: Annotated[int, Field(ge=1, lt=2**31)]


def _push(work: Work) -> None:
    from fleet.jobs.work import Failed

    number = work.params_as(PushRunParams).run
    run = BuildRun.objects.filter(build=work.job.target_id, number=number).first()
    if run is None or not run.tags:
        raise Failed(_("This run has left no names that could be pushed."))
    left = [name for name in run.tags if name not in run.digests]
    # All of them first: with one that means another image by now, none is pushed.
    for name in left:
        check_still(work, name, run.image_id)
    for name in run.tags:
        if name not in left:
            work.report.line(_("%(name)s is there already.") % {"name": name})
    work.report.keep(lambda: _save(run))
    _push_all(work, run, left)


def _save(run: BuildRun) -> None:
    BuildRun.objects.filter(pk=run.pk).update(digests=dict(run.digests))


def _push_all(work: Work, run: BuildRun, names: list[str]) -> None:
    from fleet.jobs.work import Failed

    places = {parse_reference(name).host for name in names}
    there: set[str] = set()
    for at, name in enumerate(names):
        work.report.line(_("Pushing %(name)s …") % {"name": name})
        prefix = f"{parse_reference(name).host} " if len(places) > 1 else ""
        try:
            digest = push_name(work, name, prefix, there)
            moved = not still_means(work, name, run.image_id)
        except Aborted:
            raise
        except EngineError as error:
            raise Failed(_broke(str(error), names, at), error.raw) from error
        if moved:
            said = _("%(name)s became another image while it was pushed.") % {"name": name}
            raise Failed(_broke(said, names, at))
        # A new dict: the pulse may be saving the one before just now.
        run.digests = {**run.digests, name: digest}
        work.report.line(_("Pushed %(name)s.") % {"name": name})


def _broke(why: str, names: list[str], at: int) -> str:
    """Return why it ended at a name, and how it stands with the others."""
    said = [_("%(name)s was not pushed: %(why)s") % {"name": names[at], "why": why}]
    if at:
        said.append(_("Pushed before it: %(names)s.") % {"names": ", ".join(names[:at])})
    if names[at + 1 :]:
        said.append(_("Not tried: %(names)s.") % {"names": ", ".join(names[at + 1 :])})
    return " ".join(said)


PUSH = register(
    Operation(
        name=PUSH_RUN,
        target="build",
        verb=gettext_lazy("Push"),
        doing=gettext_lazy("Pushing the image of %(target)s"),
        done=gettext_lazy("Pushed the image of %(target)s"),
        sentence=gettext_lazy(
            "Sends the image that a run made to the registries that its names say."
        ),
        icon="upload",
        params=PushRunParams,
        repeatable=True,
        queue="transfer",
        needs="image.push",
        run=_push,
    )
)
