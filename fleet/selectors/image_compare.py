"""Two images beside each other: what their configs say otherwise, which layers they share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fleet.access import access_image, visible_images
from fleet.actor import Actor
from fleet.engine.client import Engine
from fleet.engine.images import image_history, inspect_image
from fleet.models import Image
from fleet.selectors.engine_calls import Answer
from fleet.selectors.given import given_text
from fleet.selectors.image import ImageConfig, Step, ask_about, config_of, steps_of

CHOICES = 30
WORDS: dict[str, str | Promise] = {
    "platform": _("Platform"),
    "entrypoint": _("Entrypoint"),
    "command": _("Command"),
    "user": _("User"),
    "workdir": _("Working directory"),
    "ports": _("Exposed ports"),
    "volumes": _("Volumes"),
    "stop_signal": _("Stop signal"),
    "health": _("Health check"),
}
# Instructions that never make a layer; one of the others does, also when it added no bytes.
_CONFIG_ONLY = (
    "ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",
    "SHELL", "STOPSIGNAL", "USER", "VOLUME",
)  # fmt: skip


@dataclass(frozen=True)
class Side:
    """One of the two as its engine describes it."""

    config: ImageConfig
    steps: list[Step]


@dataclass(frozen=True)
class Difference:
    """Something of the config that is not the same; "" where there is none."""

    name: str
    left: str
    right: str


@dataclass(frozen=True)
class LayerOf:
    """A layer; without a size and a command where the history does not say which step made it."""

    digest: str
    step: Step | None

    @property
    def size(self) -> int | None:
        """Bytes, if they are known."""
        return self.step.size if self.step else None


@dataclass(frozen=True)
class Group:
    """Layers, and how many bytes they have in all."""

    layers: list[LayerOf]

    @property
    def size(self) -> int | None:
        """Bytes of all; None when some are not known."""
        sizes = [layer.size for layer in self.layers]
        return None if None in sizes else sum(size or 0 for size in sizes)


@dataclass(frozen=True)
class Comparison:
    """What differs. Engines keep layers once that are the same from the base up: the shared."""

    differences: list[Difference]
    env: list[Difference]
    labels: list[Difference]
    shared: Group
    left: Group
    right: Group

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        parts = (self.differences, self.env, self.labels, self.left.layers, self.right.layers)
        return not any(parts)


def image_side(actor: Actor, pk: int) -> Answer[Side]:
    """Return one side, asked from an engine that has it. Raises Unknown."""
    return ask_about(actor, pk, _side)


def _side(engine: Engine, ref: str) -> Side:
    return Side(config_of(inspect_image(engine, ref)), steps_of(image_history(engine, ref)))


def compare(left: Side, right: Side) -> Comparison:
    """Return what differs between two images."""
    ours, theirs = left.config.shown(), right.config.shown()
    both = zip(left.config.layers, right.config.layers, strict=False)
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], both)))
    layers = [layers_of(left), layers_of(right)]
    return Comparison(
        differences=_differences(
            {str(WORDS[name]): text for name, text in ours.items()},
            {str(WORDS[name]): text for name, text in theirs.items()},
        ),
        env=_differences(dict(left.config.env), dict(right.config.env)),
        labels=_differences(left.config.labels, right.config.labels),
        shared=Group(layers[0][:same]),
        left=Group(layers[0][same:]),
        right=Group(layers[1][same:]),
    )


def _differences(left: dict[str, str], right: dict[str, str]) -> list[Difference]:
    names = dict.fromkeys([*left, *right])
    found = (Difference(name, left.get(name, ""), right.get(name, "")) for name in names)
    return [one for one in found if one.left != one.right]


def layers_of(side: Side) -> list[LayerOf]:
    """Return the layers with the steps that made them, as far as the history tells.

    Engines list all steps, and apart from that all layers: steps with bytes have made one, and of
    the others those that may have, when just as many are missing.
    """
    layers = side.config.layers
    for made in (_with_bytes(side.steps), _may_have_made(side.steps)):
        if len(made) == len(layers):
            return [LayerOf(digest, step) for digest, step in zip(layers, made, strict=True)]
    return [LayerOf(digest, None) for digest in layers]


def _with_bytes(steps: Iterable[Step]) -> list[Step]:
    return [step for step in steps if step.size]


def _may_have_made(steps: Iterable[Step]) -> list[Step]:
    return [step for step in steps if step.size or not step.command.startswith(_CONFIG_ONLY)]


def compare_choices(actor: Actor, left: Image | None, text: str) -> list[Image]:
    """Return images to compare with: those of a search, else those of the same repository."""
    rows = visible_images(actor)
    if left is not None:
        rows = rows.exclude(engine_id=left.engine_id)
    words = given_text(text).lower().split()
    if words:
        rows = rows.filter(*(Q(search__contains=word) for word in words))
    elif left is not None and left.name:
        rows = rows.filter(name__startswith=f"{left.name.rpartition(':')[0]}:")
    once: dict[str, Image] = {}
    for row in rows.order_by("dangling", "name", "pk")[: CHOICES * 10]:
        once.setdefault(row.engine_id, row)
    return list(once.values())[:CHOICES]


def both_images(actor: Actor, left: int, right: int) -> tuple[Image | None, Image | None]:
    """Return the images of two ids; None for 0. Raises Unknown."""
    found = [access_image(actor, pk) if pk else None for pk in (left, right)]
    return found[0], found[1]
