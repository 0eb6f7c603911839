"""Copying an image from one host to another: no registry, and no file in between."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import AfterValidator, Field

from fleet.access import Refused, Unknown, visible_hosts
from fleet.actor import Actor
from fleet.engine.client import Engine, open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import Aborted, EngineError, NotFound
from fleet.engine.images import image_id, inspect_image, parse_images
from fleet.engine.loading import rootfs_of
from fleet.engine.raw import Json, as_dict, as_int, as_list, as_str
from fleet.engine.saving import save_image
from fleet.engine.types import is_podman
from fleet.models import Host, Image
from fleet.moves.layers import file_names, shared_layers
from fleet.moves.tar import Sieve
from fleet.operations.image_acts import OwnName
from fleet.operations.loading import load_pieces
from fleet.operations.registry import Operation, Params, register
from fleet.operations.tagging import name_image
from fleet.reach import access_of

if TYPE_CHECKING:
    from fleet.jobs.work import Work

COPY = "image.copy"
NAMES = 100  # that one image is given
LOOKED_AT = 300  # images of the destination whose layers are compared


def _check_id(value: str) -> str:
    if not (found := image_id(value)):
        raise ValueError(_("This is no id of an image."))
    return found


class CopyParams(Params):
    """Which image of which host, and which of its names it is to have at the other end.

    `reference` is only what lists call it, and `source_name` what the host was called.
    """

    source: Annotated[int, Field(ge=1, lt=2**63)]
    source_name: Annotated[str, Field(max_length=100)] = ""
    image: Annotated[str, Field(max_length=80), AfterValidator(_check_id)]
    names: Annotated[list[OwnName], Field(max_length=NAMES)] = []
    reference: Annotated[str, Field(max_length=512)] = ""


def copy_params(image: Image, names: list[str] | None = None) -> dict[str, Any]:
    """Return the parameters for copying an image with these of its names, or with all."""
    kept = [name for name in image.tags if names is None or name in names][:NAMES]
    about = kept[0] if kept else str(image)
    return {
        "source": image.host_id,
        "source_name": image.host.name,
        "image": image.engine_id,
        "names": kept,
        "reference": about,
    }


def _check_source(actor: Actor, values: dict[str, Any]) -> None:
    """Raise Unknown or Refused unless the actor may take images from that host."""
    host = visible_hosts(actor).filter(pk=values["source"]).first()
    if host is None:
        raise Unknown(_("host"))
    if not actor.access.may(COPY, host):
        raise Refused(COPY, host)


def _unfit(host: Host, values: dict[str, Any]) -> str:
    return _("It comes from there.") if host.pk == values["source"] else ""


# --- The job -------------------------------------------------------------------------------


class SourceLost(Exception):
    """The host that has the image failed, not the one that gets it."""

    def __init__(self, error: EngineError) -> None:
        super().__init__(str(error))
        self.raw = error.raw


def _copy(work: Work) -> None:
    from fleet.jobs.work import Failed

    params = work.params_as(CopyParams)
    source = _source(work, params)
    try:
        with _opened(source) as engine, work.engine.on_abort(engine.abort):
            _Copy(work, source, engine, params).do()
    except SourceLost as lost:
        said = _("%(host)s, which has the image: %(why)s")
        raise Failed(said % {"host": source.name, "why": lost}, lost.raw) from lost


@contextmanager
def _opened(source: Host) -> Iterator[Engine]:
    """The engine that has it. Raises SourceLost when it cannot be reached."""
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(open_engine(Endpoint(**source.endpoint_fields())))
        except EngineError as error:
            raise SourceLost(error) from error
        yield engine


def _source(work: Work, params: CopyParams) -> Host:
    """Return the host that has it, as things stand now. Raises Failed in words."""
    from fleet.jobs.work import Failed

    host = Host.objects.select_related("environment").filter(pk=params.source).first()
    if host is None:
        raise Failed(_("The host that has the image was removed in the meantime."))
    if not host.enabled:
        raise Failed(_("The host %(host)s is switched off.") % {"host": host.name})
    job = work.job
    by_a_person = job.actor is not None or job.actor_name != "system"
    if by_a_person and not access_of(job.actor).may(COPY, host):
        said = _("%(name)s may not take images from %(host)s any more.")
        raise Failed(said % {"name": job.actor_name or _("This user"), "host": host.name})
    return host


@dataclass
class _Copy:
    work: Work
    host: Host  # that has it
    source: Engine
    params: CopyParams
    size: int = 0

    def do(self) -> None:
        facts = self._facts()
        self.size = max(1, as_int(facts.get("Size")))
        names = self._names(facts)
        ident = self._there()
        if ident:
            self.work.report.part(self.label, "exists", 0, self.size)
            self.work.report.line(_("The host has this image already; only names are missing."))
        else:
            ident = self._transfer(facts)
        self._name(ident, names)

    @property
    def label(self) -> str:
        return self.params.reference or self.params.image[7:19]

    def _facts(self) -> Json:
        try:
            return inspect_image(self.source, self.params.image)
        except NotFound as error:
            gone = _("It has no such image any more. Nothing was copied.")
            raise SourceLost(EngineError(message=gone, raw=error.raw)) from error
        except Aborted:
            raise
        except EngineError as error:
            raise SourceLost(error) from error

    def _names(self, facts: Json) -> list[str]:
        """Return which names are still its own; what they mean here now is told."""
        has = {as_str(name) for name in as_list(facts.get("RepoTags"))}
        for name in self.params.names:
            if name not in has:
                said = _("%(name)s is no name of it any more on %(host)s and is left out.")
                self.work.report.line(said % {"name": name, "host": self.host.name}, level="error")
        return [name for name in self.params.names if name in has]

    def _there(self) -> str:
        with suppress(NotFound):
            found = self.work.engine.image(self.params.image)
            return image_id(as_str(found.get("Id")))
        return ""

    # --- Names -----------------------------------------------------------------------------

    def _name(self, ident: str, names: list[str]) -> None:
        self.work.report.check()
        said = _("%(name)s meant another image here, which stays under its id.")
        told = [said % {"name": name} for name in names if self._moves(name, ident)]
        if names:
            told.append(_("It is called %(names)s.") % {"names": ", ".join(names)})
        name_image(self.work, ident, names, told)

    def _moves(self, name: str, ident: str) -> bool:
        with suppress(NotFound):
            return image_id(as_str(self.work.engine.image(name).get("Id"))) != ident
        return False

    # --- Bytes -----------------------------------------------------------------------------

    def _transfer(self, facts: Json) -> str:
        """Return the id that it has here: engines with another store call it by another one."""
        layers = [as_str(layer) for layer in as_list(as_dict(facts.get("RootFS")).get("Layers"))]
        shared = self._shared(layers)
        if shared:
            said = _("%(shared)d of its %(all)d layers are here already.")
            self.work.report.line(said % {"shared": shared, "all": len(layers)})
        try:
            return self._load(file_names(layers, shared))
        except EngineError as error:
            if not shared or not error.code.startswith("tar_"):
                raise
        self.work.report.line(_("The engine wants all of them; once more, with nothing left out."))
        return self._load(frozenset())

    def _shared(self, layers: list[str]) -> int:
        """Return how many layers the engine will not ask for. Podman asks for all; so does
        Docker where containerd keeps its images."""
        engine = self.work.engine
        if is_podman(as_dict(engine.get("/version"))) or engine.has_containerd_store():
            return 0
        there = parse_images(engine.get("/images/json"))[:LOOKED_AT]
        return shared_layers(layers, (self._layers_of(one.engine_id) for one in there))

    def _layers_of(self, ident: str) -> tuple[str, ...]:
        try:
            return rootfs_of(self.work.engine, ident)
        except NotFound:  # it went since the list was made
            return ()

    def _load(self, left_out: frozenset[str]) -> str:
        loaded = load_pieces(self.work, self._pieces(left_out), self.label, self.size)
        if loaded.ids:
            return loaded.ids[0]
        # Docker 24 with containerd's store tells a name where there is none.
        return self._there() or image_id(
            as_str(self.work.engine.image(next(iter(loaded.names), self.params.image)).get("Id"))
        )

    def _pieces(self, left_out: frozenset[str]) -> Generator[bytes]:
        """The tar from the source, told as it comes. By the id: it brings no names with it."""
        sieve, done = Sieve(left_out.__contains__), 0
        report = self.work.report
        try:
            with closing(save_image(self.source, [self.params.image])) as saved:
                for piece in saved:
                    done += len(piece)
                    report.part(self.label, "sending", done, max(self.size, done))
                    yield sieve.feed(piece) if left_out else piece
        except Aborted:
            raise
        except EngineError as error:
            raise SourceLost(error) from error
        yield sieve.flush()
        report.part(self.label, "extracting", 0, max(self.size, done))


register(
    Operation(
        name=COPY,
        target="host",
        verb=gettext_lazy("Copy"),
        doing=gettext_lazy("Copying %(target)s"),
        done=gettext_lazy("Copied %(target)s"),
        sentence=gettext_lazy(
            "Brings an image from another host straight to this one, with its names."
        ),
        icon="copy",
        params=CopyParams,
        repeatable=True,
        queue="transfer",
        about="reference",
        unsaid=frozenset({"source", "reference"}),
        run=_copy,
        checked=_check_source,
        unfit=_unfit,
    )
)
