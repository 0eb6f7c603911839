"""Running a build: context, builder, tags; told step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import AfterValidator, model_serializer

from fleet.builds.context import Context, prepare
from fleet.builds.dockerfile import SIZE_LIMIT
from fleet.builds.errors import ContextRefused
from fleet.builds.folders import limits_on, run_folder, sweep
from fleet.builds.git import BAD_REF, REF_LIMIT
from fleet.builds.mask import Mask
from fleet.builds.steps import Record
from fleet.builds.tags import BadTag, name_of, values_of
from fleet.engine.build_types import (
    BuildOptions,
    Built,
    Foreign,
    RegistryLogin,
    StepBegan,
    StepEnded,
    StepFailed,
    StepOutput,
    Using,
)
from fleet.engine.builds import build as build_image
from fleet.engine.errors import Aborted, EngineError
from fleet.engine.images import size_of
from fleet.models import OPEN_STATES, Build, BuildRun, BuildSource, Job, JobState, StageState
from fleet.operations.base_pulls import named_bases, pull_bases
from fleet.operations.build_failures import explain_failure
from fleet.operations.build_notes import tell_advice
from fleet.operations.errors import Invalid
from fleet.operations.registry import Operation, Params, register
from fleet.operations.registry_auth import auth_for
from fleet.operations.release_plan import Plan, check_rights, plan_stages, same_plan
from fleet.operations.tagging import name_image

if TYPE_CHECKING:
    from fleet.actor import Actor
    from fleet.jobs.work import Work

RUNS_KEPT = 100
OPEN_LIMIT = 50  # runs of one build that wait or run
END = 0  # the part of lines that come after all steps
MIB = 1024 * 1024
BUILDERS = {
    "buildx": gettext_lazy("BuildKit, by docker buildx"),
    "buildkit": gettext_lazy("BuildKit"),
    "classic": gettext_lazy("the classic builder"),
}


def _checked_ref(text: str) -> str:
    if len(text) > REF_LIMIT or (text and BAD_REF.search(text)):
        raise ValueError(ContextRefused("git_ref", name=text[:REF_LIMIT]))
    return text


class RunParams(Params):
    """`ref`: a branch, a tag or a commit to build for once, in the place of the definition's."""

    ref: Annotated[str, AfterValidator(_checked_ref)] = ""

    @model_serializer
    def _as_kept(self) -> dict[str, str]:
        return {"ref": self.ref} if self.ref else {}


def _written(job: Job, build: Build) -> None:
    """Number a new run; the oldest that ended go, their jobs stay as long as other jobs do."""
    if open_runs(build).count() >= OPEN_LIMIT:
        said = _("%(count)d runs of it have not ended yet: cancel some, or wait.")
        raise Invalid({"": [said % {"count": OPEN_LIMIT}]})
    if job.params.get("ref") and build.source != BuildSource.GIT:
        raise Invalid({"ref": [_("Only a build from Git has other branches.")]})
    Build.objects.filter(pk=build.pk).update(next_number=F("next_number") + 1)
    number = Build.objects.values_list("next_number", flat=True).get(pk=build.pk) - 1
    run = BuildRun.objects.create(build=build, number=number, job=job)
    plan_stages(job, build, run.pk)
    old = BuildRun.objects.filter(build=build, number__lte=number - RUNS_KEPT)
    old.exclude(pk__in=open_runs(build).values("pk")).delete()


def open_runs(build: Build) -> QuerySet[BuildRun]:
    """Return the runs of a build of which something is still under way or to come."""
    building = Q(job__state__in=OPEN_STATES)
    after = Q(stages__state__in=(StageState.WAITING, StageState.RUNNING))
    return BuildRun.objects.filter(building | after, build=build).distinct()


def _same(job: Job, build: Build) -> bool:
    """Return whether a run does what is asked for now.

    One that waits will read what is there by then, all but what comes after it. One that runs
    does the same again only where nothing can have changed since: a branch may have moved.
    """
    run = BuildRun.objects.filter(job=job).first()
    if job.state == JobState.QUEUED:
        return run is not None and same_plan(run.pk, build)
    unchanged = run is not None and run.revision == build.revision
    return unchanged and build.source != BuildSource.GIT


def _allowed(actor: Actor, build: Build) -> None:
    """Who asks for a run asks for what comes after it as well."""
    check_rights(actor, build.host, Plan.of(build))


def _run(work: Work) -> None:
    from fleet.jobs.work import Failed

    run = BuildRun.objects.select_related("build").filter(job=work.job).first()
    if run is None:
        raise Failed(_("The build was removed in the meantime."))
    sweep()
    if ref := work.job.params.get("ref"):
        run.build.git_ref = ref  # for this run: the row is not saved
    record = Record(run)
    work.report.keep(record.save)
    mask = Mask([*run.build.secrets.values(), run.build.git_token])
    try:
        with run_folder(work.job) as folder:
            _Run(work, run.build, record, mask, folder).do()
    except ContextRefused as refused:
        work.report.check()  # it may have been cancelled
        if refused.raw:
            work.report.line(mask(refused.raw), level="error")
        raise Failed(str(refused), mask(refused.raw)) from None
    except BadTag as error:
        raise Failed(str(error)) from None
    finally:
        record.close()


@dataclass
class _Run:
    work: Work
    build: Build
    record: Record
    mask: Mask
    folder: Path
    dockerfile: str = ""  # its text
    path: str = ""  # where it is in the context

    def do(self) -> None:
        report, build = self.work.report, self.build
        self.record.note(revision=build.revision)
        context = self._context()
        # Before anything is built: a name that cannot be must not cost an hour.
        names = self._names(context)
        tell_advice(self.work, self.record, self.mask, self.dockerfile)
        options = pull_bases(self.work, self.dockerfile, self._options(context))
        began = monotonic()
        image_id = self._build(context, options)
        self.record.note(image_id=image_id, seconds=round(monotonic() - began, 1))
        self.record.note(size=size_of(self.work.engine.image(image_id)))
        report.line(_("Image %(id)s.") % {"id": image_id}, part=END)
        report.check()
        told = [_("Tagged %(name)s.") % {"name": name} for name in names]
        name_image(self.work, image_id, names, told, part=END)
        self.record.note(tags=names)

    # --- The context -----------------------------------------------------------------------

    def _context(self) -> Context:
        report, build = self.work.report, self.build
        if build.source == BuildSource.GIT:
            report.line(_("Fetching %(url)s …") % {"url": build.git_url})
        context = self._prepared(build)
        report.check()
        if context.commit:
            self.record.note(
                commit=context.commit, branch=context.branch, subject=self.mask(context.subject)
            )
            told = {"commit": context.commit[:7], "subject": self.mask(context.subject)}
            report.line(_("Commit %(commit)s: %(subject)s") % told)
        if context.host_key and context.host_key != build.git_host_key:
            pinned = Build.objects.filter(pk=build.pk, git_host_key="", git_url=build.git_url)
            pinned.update(git_host_key=context.host_key)
        self.dockerfile, self.path = _read(context), context.dockerfile
        return context

    def _prepared(self, build: Build) -> Context:
        limits = limits_on(self.folder)
        try:
            return prepare(build, self.folder, limits, self._stopped)
        except ContextRefused as refused:
            of_size = refused.code in ("too_large", "git_large")
            if of_size and limits.size < settings.BUILD_CONTEXT_BYTES:  # the disk was the limit
                raise ContextRefused("no_room") from refused
            raise

    def _stopped(self) -> bool:
        """Whether somebody wants it to end; asked while Git runs."""
        from fleet.jobs.reporter import Cancelled, ClaimLost

        try:
            self.work.report.touch()
        except (Cancelled, ClaimLost):
            return True
        return False

    def _names(self, context: Context) -> list[str]:
        values = values_of(
            branch=context.branch,
            commit=context.commit,
            number=self.record.run.number,
            now=timezone.now(),
        )
        return list(dict.fromkeys(name_of(tag, values) for tag in self.build.tags))

    def _options(self, context: Context) -> BuildOptions:
        build = self.build
        return BuildOptions(
            dockerfile=context.dockerfile,
            target=build.target,
            args=build.args,
            secrets=build.secrets,
            labels=build.labels,
            platform=build.platform,
            network=build.network,
            memory=build.memory,
            no_cache=build.no_cache,
            pull=build.pull,
            logins=tuple(_logins(self.work, self.dockerfile, build.args)),
            scratch=self.folder,
        )

    # --- The build -------------------------------------------------------------------------

    def _build(self, context: Context, options: BuildOptions) -> str:
        from fleet.jobs.work import Failed

        image_id = ""
        try:
            for item in build_image(self.work.engine, context.folder, options):
                image_id = item.image_id if isinstance(item, Built) else image_id
                self._told(item)
        except Aborted:
            raise
        except EngineError as error:
            raw = self.mask(error.raw)
            self.record.refused(raw, self.dockerfile, self.path)
            raise Failed(self._why(error), raw) from error
        return image_id

    def _told(self, item: Any) -> None:
        report, record = self.work.report, self.record
        if isinstance(item, Using):
            record.note(builder=item.builder)
            report.line(_("Building with %(builder)s.") % {"builder": BUILDERS[item.builder]})
            if said := memory_words(item.builder, self.build.memory):
                report.line(said)
        elif isinstance(item, Foreign):
            said = _(
                "The host runs no programs for %(platforms)s: steps with RUN will fail for it,"
                " unless an emulator (QEMU by binfmt) is installed there. Copying files works."
            )
            report.line(said % {"platforms": ", ".join(item.platforms)})
        elif isinstance(item, StepBegan):
            record.began(item.step, self.mask(item.name))
            report.touch()
        elif isinstance(item, StepOutput):
            text = self.mask(_as_shown(item.text))
            record.said(item.step, text)
            report.line(text, level="engine", part=item.step)
        elif isinstance(item, StepEnded):
            record.ended(item.step, item.seconds, cached=item.cached)
            report.touch()
        elif isinstance(item, StepFailed):
            text = self.mask(item.text)
            record.broke(item.step, text, self.dockerfile, self.path)
            report.line(text, level="error", part=item.step)

    def _why(self, error: EngineError) -> str:
        """Return why it failed in a sentence or two: which step, where, and what may help."""
        failure = self.record.run.failure
        line, step = failure.get("line"), self.record.failed
        if step is None:
            where = _(" See line %(line)d of the Dockerfile.") % {"line": line} if line else ""
            said = f"{error}{where}"
        else:
            named = {"step": step.name[:150], "line": line}
            sentence = _("Line %(line)d of the Dockerfile failed: %(step)s")
            said = (sentence if line else _("This step failed: %(step)s")) % named
        help_text = explain_failure(failure, error.raw)
        return f"{help_text} {said}".strip()


def memory_words(builder: str, memory: int) -> str:
    """Say that a limit of memory is not kept to, where it is not."""
    if not memory or builder == "classic":
        return ""
    said = _("BuildKit keeps to no memory limit: the %(mib)d MB of this build do not count.")
    return said % {"mib": memory // MIB}


def _read(context: Context) -> str:
    """Return the Dockerfile, to point at its lines; the builder reads it for itself."""
    place = (context.folder / context.dockerfile).resolve()
    if not place.is_relative_to(context.folder.resolve()) or not place.is_file():
        return ""
    with place.open("rb") as data:
        return data.read(SIZE_LIMIT).decode(errors="replace")


def _as_shown(text: str) -> str:
    """Return a line as a terminal ends up showing it: what came after the last return."""
    return text.rstrip("\r").rsplit("\r", 1)[-1]


def _logins(work: Work, dockerfile: str, args: dict[str, str]) -> Iterator[RegistryLogin]:
    """Yield the credentials that the base images need, one for each registry."""
    seen: set[str] = set()
    for base in named_bases(dockerfile, args):
        auth = auth_for(work.host, base.image)
        if auth and auth["serveraddress"] not in seen:
            seen.add(auth["serveraddress"])
            yield RegistryLogin(auth["serveraddress"], auth["username"], auth["password"])


RUN = register(
    Operation(
        name="build.run",
        target="build",
        verb=gettext_lazy("Build"),
        doing=gettext_lazy("Building %(target)s"),
        done=gettext_lazy("Built %(target)s"),
        sentence=gettext_lazy("Makes the image and gives it its tags once all has gone well."),
        icon="wand",
        queue="transfer",
        params=RunParams,
        run=_run,
        allowed=_allowed,
        written=_written,
        same=_same,
    )
)
