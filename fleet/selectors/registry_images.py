"""One image in a registry: its platforms, layers and config, and the tags that stand for it.

Docker Hub counts each manifest that is read as a pull, so there only what somebody opened is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from fleet.access import access_registry
from fleet.actor import Actor
from fleet.models import Registry
from fleet.registries.artifacts import artifact_type, artifact_words
from fleet.registries.client import RegistryClient
from fleet.registries.reference import check_repository, check_tag, is_digest
from fleet.registries.types import (
    ConfigInfo,
    HistoryStep,
    Layer,
    ManifestInfo,
    PlatformInfo,
    RateLimit,
)
from fleet.selectors.masking import MASK, mask_text, mask_value, mask_words
from fleet.selectors.registry_asking import Answer, ask, ask_many, kept_answer

FIRST: Final = ("linux/amd64", "linux/arm64", "linux/arm64/v8")
SIZED = 6  # platforms of an index whose sizes a list asks for
ROWS = 10  # tags that are looked at together
SAME = 100  # tags that are compared with a digest


@dataclass(frozen=True)
class TagFacts:
    """What a list shows of a tag; sizes are of what has to be pulled, for each platform known.

    `counted`: the registry counts each look as a pull, so that only the digest was asked for.
    """

    digest: str
    sizes: tuple[int, ...] = ()
    platforms: tuple[str, ...] = ()
    created: datetime | None = None
    kind: str = ""  # its media type, when it is no image
    counted: bool = False

    @property
    def kind_words(self) -> str:
        """What people call it, when it is no image."""
        return str(artifact_words(self.kind))

    @property
    def smallest(self) -> int | None:
        """The size for the platform with the least."""
        return min(self.sizes, default=None)

    @property
    def largest(self) -> int | None:
        """The size for the platform with the most."""
        return max(self.sizes, default=None)


@dataclass(frozen=True)
class Step:
    """How a part of an image was made; `layer` is what it added, None for a setting only."""

    command: str
    layer: Layer | None
    created: datetime | None


@dataclass(frozen=True)
class ImagePage:
    """An image as its page shows it.

    `top` is what the tag or digest stands for; `chosen` the platform of it whose layers and config
    these are, with `image` as its manifest. An index without images has none of these.
    """

    top: ManifestInfo
    image: ManifestInfo | None = None
    chosen: PlatformInfo | None = None
    config: ConfigInfo | None = None
    steps: tuple[Step, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)  # annotations
    rate_limit: RateLimit | None = None

    @property
    def runnable(self) -> tuple[PlatformInfo, ...]:
        """The platforms of an index that can be run."""
        return tuple(one for one in self.top.platforms if one.runnable)

    @property
    def attestations(self) -> tuple[PlatformInfo, ...]:
        """What BuildKit adds about them."""
        return tuple(one for one in self.top.platforms if one.attestation)

    @property
    def others(self) -> tuple[tuple[PlatformInfo, str], ...]:
        """What else an index lists, each with what people call it."""
        left = (one for one in self.top.platforms if not one.runnable and not one.attestation)
        return tuple(
            (one, str(artifact_words(one.artifact_type or one.media_type))) for one in left
        )

    @property
    def artifact(self) -> str:
        """The media type that says what it is, when it is no image: a chart, a signature."""
        return artifact_type(self.image or self.top)

    @property
    def artifact_words(self) -> str:
        """What people call it."""
        return str(artifact_words(self.artifact))


def tag_rows(actor: Actor, pk: int, name: str, tags: Iterable[str]) -> dict[str, Answer[TagFacts]]:
    """Return what a list shows of some tags, those that are none left out. Raises Unknown."""
    registry = access_registry(actor, pk)
    counted = registry.kind == "hub"

    def question(client: RegistryClient, tag: str) -> TagFacts:
        if counted:
            return TagFacts(client.head(name, check_tag(tag)), counted=True)
        return _facts(client, name, check_tag(tag))

    return ask_many(registry, f"row\n{name}\n", list(tags)[:ROWS], question)


def _facts(client: RegistryClient, name: str, tag: str) -> TagFacts:
    top = client.manifest(name, tag)
    runnable = [one for one in top.platforms if one.runnable]
    if top.is_index and not runnable:
        return TagFacts(top.digest, kind=artifact_type(top))
    if top.is_index:
        top = client.with_sizes(name, top, SIZED)
    chosen = _chosen(top, "")
    image = client.manifest(name, chosen.digest) if chosen else top
    if kind := artifact_type(image):
        return TagFacts(top.digest, (image.size,), kind=kind)
    config = _config(client, name, image) or ConfigInfo()
    sizes = tuple(one.size for one in top.platforms if one.size is not None)
    named = tuple(one.name for one in runnable) or (_platform_of(config),)
    return TagFacts(top.digest, sizes or (image.size,), named, config.created)


def image_page(
    actor: Actor, pk: int, name: str, reference: str, platform: str = ""
) -> Answer[ImagePage]:
    """Return all about a tag or digest, for one of its platforms. Raises Unknown.

    What looks like a secret is hidden from who sees none in containers.
    """
    registry = access_registry(actor, pk)
    key = _page_key(name, reference, platform)
    counted = registry.kind == "hub"
    answer = ask(registry, key, lambda client: _page(client, name, reference, platform, counted))
    page = answer.value
    if page is None or actor.access.reach("container.secrets"):
        return answer
    return replace(answer, value=_masked(page))


def image_kept(registry: Registry, name: str, reference: str, platform: str) -> bool:
    """Return whether `image_page` would answer without asking anybody."""
    return kept_answer(registry, _page_key(name, reference, platform)) is not None


def _page_key(name: str, reference: str, platform: str) -> str:
    return f"image\n{name}\n{reference}\n{platform}"


def _page(
    client: RegistryClient, name: str, reference: str, platform: str, counted: bool
) -> ImagePage:
    top = client.manifest(name, reference)
    chosen = _chosen(top, platform)
    if top.is_index and chosen is None:
        return ImagePage(top, notes=top.annotations, rate_limit=client.rate_limit)
    if chosen is not None and not counted:
        top = client.with_sizes(name, top)
    image = client.manifest(name, chosen.digest) if chosen else top
    config = _config(client, name, image)
    return ImagePage(
        top=top,
        image=image,
        chosen=chosen,
        config=config,
        steps=_steps(image.layers, config.history if config else ()),
        notes={**top.annotations, **image.annotations},
        rate_limit=client.rate_limit,
    )


def _chosen(top: ManifestInfo, platform: str) -> PlatformInfo | None:
    """The platform that was asked for, else the most usual one of an index."""
    runnable = [one for one in top.platforms if one.runnable]
    for wanted in (platform, *FIRST):
        for one in runnable:
            if wanted in (one.name, one.digest):
                return one
    return runnable[0] if runnable else None


def _config(client: RegistryClient, name: str, image: ManifestInfo) -> ConfigInfo | None:
    has_one = image.config_digest and not image.is_index and not artifact_type(image)
    return client.config(name, image.config_digest) if has_one else None


def _platform_of(config: ConfigInfo) -> str:
    return "/".join(filter(None, (config.os, config.architecture, config.variant)))


def _steps(layers: tuple[Layer, ...], history: tuple[HistoryStep, ...]) -> tuple[Step, ...]:
    """Steps with their layers; where the two do not fit together, layers without words."""
    if sum(not step.empty for step in history) != len(layers):
        told = [Step(step.command, None, step.created) for step in history]
        return (*(Step("", layer, None) for layer in layers), *told)
    left = iter(layers)
    return tuple(
        Step(step.command, None if step.empty else next(left), step.created) for step in history
    )


def _masked(page: ImagePage) -> ImagePage:
    """What is baked into an image is no secret to who may pull it, but need not be on a screen."""
    steps = tuple(replace(step, command=mask_text(step.command)) for step in page.steps)
    notes = {key: mask_value(key, value) for key, value in page.notes.items()}
    config = _masked_config(page.config) if page.config else None
    return replace(page, config=config, steps=steps, notes=notes)


def _masked_config(config: ConfigInfo) -> ConfigInfo:
    return replace(
        config,
        env=tuple(_mask_pair(pair) for pair in config.env),
        command=tuple(mask_words(config.command)),
        entrypoint=tuple(mask_words(config.entrypoint)),
        labels={key: mask_value(key, value) for key, value in config.labels.items()},
        history=(),
    )


def _mask_pair(pair: str) -> str:
    name, mark, value = pair.partition("=")
    return f"{name}={mask_value(name, value)}" if mark else mask_text(pair) or MASK


@dataclass(frozen=True)
class SameTags:
    """A tag's digest as of now, and the tags that stand for it; `complete` if all are known."""

    digest: str
    tags: tuple[str, ...]
    complete: bool


def same_tags(
    actor: Actor, pk: int, name: str, reference: str, permission: str = "", *, fresh: bool = False
) -> Answer[SameTags]:
    """Return which tags share the digest of one, the first `SAME` of them looked at.

    `fresh`: as of now, not of half a minute ago. Raises Unknown or Refused.
    """
    registry = access_registry(actor, pk, permission)
    digest = digest_now(registry, name, reference)
    if digest.value is None:
        return Answer(problem=digest.problem, code=digest.code, raw=digest.raw)
    listed = ask(
        registry, f"same\n{name}", lambda client: _first_tags(client, name), keep=not fresh
    )
    if listed.value is None:
        return Answer(problem=listed.problem, code=listed.code, raw=listed.raw)
    heads = ask_many(
        registry,
        f"head\n{name}\n",
        listed.value[0],
        lambda client, tag: client.head(name, tag),
        fresh=fresh,
    )
    found = [tag for tag, head in heads.items() if head.value == digest.value]
    gone = ("not_found", "schema1", "invalid_name")
    known = all(head.value is not None or head.code in gone for head in heads.values())
    return Answer(SameTags(digest.value, tuple(found), known and listed.value[1]))


def _first_tags(client: RegistryClient, name: str) -> tuple[tuple[str, ...], bool]:
    """Return the first `SAME` tags, and whether those are all."""
    page = client.tags(name, count=SAME)
    if not page.after:
        return page.tags[:SAME], len(page.tags) <= SAME
    # Distribution 3 names a next page behind a full one that is the last.
    rest = client.tags(name, page.after, 1)
    return page.tags[:SAME], not rest.tags and not rest.after


def digest_now(registry: Registry, name: str, reference: str) -> Answer[str]:
    """Return the digest of a tag, asked for now; a digest that is there is its own."""

    def question(client: RegistryClient) -> str:
        digest = client.head(check_repository(name), reference)
        return reference if is_digest(reference) else digest

    return ask(registry, f"digest\n{name}\n{reference}", question, keep=False)
