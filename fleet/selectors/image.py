"""One image for its page: what the rows know, and what only an engine that has it can tell.

Secret-looking values are masked here, before any page. Nobody gets to see them: what an image
holds, everybody has who can pull it, but a page need not be where they find out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from django.utils.functional import cached_property

from fleet.access import access_image, visible_containers, visible_images
from fleet.actor import Actor
from fleet.engine.client import Engine
from fleet.engine.images import Layer, image_history, inspect_image, platforms_of
from fleet.engine.raw import ALIVE, Json, as_dict, as_list, as_str, strings
from fleet.models import Container, HostState, Image
from fleet.selectors.engine_calls import Answer, ask
from fleet.selectors.images import ImageLine, image_hosts, line_places, updates_at, used_pairs
from fleet.selectors.masking import mask_labels, mask_text, mask_tree, mask_value, mask_words
from fleet.selectors.updates import updates_of_images

Found = TypeVar("Found")
CONTAINERS_SHOWN = 200
USERS_NAMED = 12
USER_FIELDS = (
    "host_id", "name", "state", "health", "exit_code", "oom_killed", "revision", "host__name",
    "host__state", "host__last_seen", "host__environment__name",
)  # fmt: skip
_NOP = re.compile(r"^/bin/sh -c #\(nop\)\s+")
_RUN = re.compile(r"^(?:RUN\s+)?/bin/sh -c\s+")


@dataclass(frozen=True)
class ImageOverview:
    """An image as last seen, on every host where the viewer sees it."""

    image: Image  # the row that was asked for
    line: ImageLine
    users: list[Container]  # the first of them, each with its host
    labels: dict[str, str]
    permissions: frozenset[str]  # on the row's host

    @cached_property
    def digests(self) -> list[str]:
        """Every name by which a registry knows it."""
        return sorted({name for place in self.line.places for name in place.image.digests})


@dataclass(frozen=True)
class ImageUse:
    """Who stands in the way of removing an image from its host, before it is asked for."""

    image: Image
    containers: list[Container]  # the first of those that the viewer sees, the running ones first
    more: int
    hidden: bool  # others use it that the viewer does not see
    elsewhere: int  # other hosts that have the same, where it stays

    @property
    def running(self) -> bool:
        """Whether one of them runs, which force does not change."""
        return any(one.state in ALIVE for one in self.containers)


def image_use(actor: Actor, image: Image) -> ImageUse:
    """Return who uses an image on its host."""
    here = Container.objects.filter(host=image.host, image_id=image.engine_id)
    seen = visible_containers(actor).filter(pk__in=here).only(*USER_FIELDS)
    rows = sorted(seen, key=lambda one: (one.state not in ALIVE, one.name))
    same = visible_images(actor).filter(engine_id=image.engine_id).exclude(pk=image.pk)
    return ImageUse(
        image=image,
        containers=rows[:USERS_NAMED],
        more=max(0, len(rows) - USERS_NAMED),
        hidden=here.count() > len(rows),
        elsewhere=same.count(),
    )


def image_overview(actor: Actor, pk: int) -> ImageOverview:
    """Return what an image's page shows without asking anybody. Raises Unknown."""
    row = access_image(actor, pk)
    same = visible_images(actor).select_related(None).filter(engine_id=row.engine_id)
    places = line_places(actor, same, image_hosts(actor), used_pairs())
    held = places[row.engine_id]
    updates = updates_of_images([place.image for place in held])
    users = visible_containers(actor).filter(image_id=row.engine_id).only(*USER_FIELDS)
    return ImageOverview(
        image=row,
        line=ImageLine(row.engine_id, held, updates_at(held, updates)),
        users=list(users.order_by("host__name", "name", "pk")[:CONTAINERS_SHOWN]),
        labels=mask_labels(dict(sorted(row.labels.items()))),
        permissions=actor.access.permissions_on(row.host),
    )


def ask_about(actor: Actor, pk: int, question: Callable[[Engine, str], Found]) -> Answer[Found]:
    """Ask the image's host, or while that is away another one that has it. Raises Unknown."""
    row = access_image(actor, pk)
    return ask(_asked(actor, row).host, lambda engine: question(engine, row.engine_id))


def _asked(actor: Actor, row: Image) -> Image:
    if row.host.state == HostState.REACHABLE:
        return row
    same = visible_images(actor).filter(engine_id=row.engine_id)
    return same.filter(host__state=HostState.REACHABLE).order_by("host__name").first() or row


# --- The config ----------------------------------------------------------------------------


@dataclass(frozen=True)
class ImageConfig:
    """What an image says of containers made of it; secrets masked."""

    platform: str
    entrypoint: list[str]
    command: list[str]
    env: list[tuple[str, str]]
    ports: list[str]
    volumes: list[str]
    user: str
    workdir: str
    stop_signal: str
    health: str
    author: str
    labels: dict[str, str]
    layers: list[str]  # ids of the layers' content, the base first

    def shown(self) -> dict[str, str]:
        """Return all but environment, labels and layers as words, for comparisons."""
        return {
            "platform": self.platform,
            "entrypoint": " ".join(self.entrypoint),
            "command": " ".join(self.command),
            "ports": " ".join(self.ports),
            "volumes": " ".join(self.volumes),
            "user": self.user,
            "workdir": self.workdir,
            "stop_signal": self.stop_signal,
            "health": self.health,
        }


def image_config(actor: Actor, pk: int) -> Answer[ImageConfig]:
    """Return the config, asked from an engine. Raises Unknown."""
    return ask_about(actor, pk, lambda engine, ref: config_of(inspect_image(engine, ref)))


def config_of(said: Json) -> ImageConfig:
    """Return the config from ``GET /images/{id}/json``."""
    config = as_dict(said.get("Config"))
    env = (as_str(item).partition("=") for item in as_list(config.get("Env")))
    test = _words(as_dict(config.get("Healthcheck")).get("Test"))
    return ImageConfig(
        platform=", ".join(platforms_of(said)),
        entrypoint=mask_words(_words(config.get("Entrypoint"))),
        command=mask_words(_words(config.get("Cmd"))),
        env=[(name, mask_value(name, value)) for name, _mark, value in env if name],
        ports=sorted(map(str, as_dict(config.get("ExposedPorts")))),
        volumes=sorted(map(str, as_dict(config.get("Volumes")))),
        user=as_str(config.get("User")),
        workdir=as_str(config.get("WorkingDir")),
        stop_signal=as_str(config.get("StopSignal")),
        health=" ".join(mask_words(test[1:] if test[:1] in (["CMD"], ["CMD-SHELL"]) else test)),
        author=mask_text(as_str(said.get("Author"))),
        labels=mask_labels(dict(sorted(strings(config.get("Labels")).items()))),
        layers=_words(as_dict(said.get("RootFS")).get("Layers")),
    )


def _words(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [as_str(item) for item in as_list(value)]


def image_inspect(actor: Actor, pk: int) -> Answer[Json]:
    """Return all that an engine knows, secrets masked whoever asks. Raises Unknown."""
    return ask_about(actor, pk, lambda engine, ref: as_dict(mask_tree(inspect_image(engine, ref))))


# --- Layers --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A step of how an image was made; without bytes it only changed the config."""

    number: int
    command: str  # as a Dockerfile would say it, secrets masked
    comment: str
    size: int
    created_at: datetime | None
    width: float = 0.0  # of the largest, in percent

    @property
    def empty(self) -> bool:
        """Whether it has no bytes."""
        return self.size == 0


def image_layers(actor: Actor, pk: int) -> Answer[list[Step]]:
    """Return how the image was made, its base first. Raises Unknown."""
    return ask_about(actor, pk, lambda engine, ref: steps_of(image_history(engine, ref)))


def steps_of(layers: list[Layer]) -> list[Step]:
    """Return the steps of a history."""
    largest = max((layer.size for layer in layers), default=0)
    steps = [
        Step(
            number, instruction(layer.command), mask_text(layer.comment), layer.size,
            layer.created_at,
        )
        for number, layer in enumerate(layers, start=1)
    ]  # fmt: skip
    if not largest:
        return steps
    return [replace(step, width=round(100 * step.size / largest, 2)) for step in steps]


def instruction(command: str) -> str:
    """Return what made a layer as a Dockerfile says it: builders write it in their own ways."""
    text = command.strip().removesuffix("# buildkit").strip()
    if _NOP.match(text):
        return mask_text(_NOP.sub("", text))
    if text.startswith("|"):
        # The classic builder puts the number of build arguments and their values before it.
        arguments, shell, rest = text.partition("/bin/sh -c ")
        return mask_text(f"RUN {rest}" if shell else arguments)
    return mask_text(_RUN.sub("RUN ", text))
