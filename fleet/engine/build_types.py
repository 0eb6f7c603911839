"""What a build is asked for, and what it says while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

BuilderName = Literal["buildx", "buildkit", "classic"]
# What is left away where people and builders mean the same without it.
USUAL = {"linux/arm64/v8": "linux/arm64", "linux/amd64/v1": "linux/amd64"}


@dataclass(frozen=True)
class RegistryLogin:
    """Credentials for base images, by the registry's name as references have it (`docker.io`)."""

    registry: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class BuildOptions:
    """How to build a context; ``dockerfile`` is a path inside of it, ``memory`` is in bytes.

    ``platform`` may be several with commas, in one image. ``args`` can be read in the image's
    history by anybody who has it; ``secrets`` cannot.
    """

    dockerfile: str = "Dockerfile"
    target: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    network: str = ""
    memory: int = 0
    no_cache: bool = False
    pull: bool = False
    logins: tuple[RegistryLogin, ...] = ()
    scratch: Path | None = None  # a folder for what is needed meanwhile; None: the system's

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that were asked for; none: the engine's own."""
        return tuple(USUAL.get(one, one) for one in self.platform.split(",") if one)


@dataclass(frozen=True)
class Using:
    """Which builder does it; comes first."""

    builder: BuilderName


@dataclass(frozen=True)
class Foreign:
    """Platforms whose programs do not run where it is built: steps that run some will fail."""

    platforms: tuple[str, ...]


@dataclass(frozen=True)
class StepBegan:
    """A step by its number, in the order of beginning, and its words: ``[2/4] RUN make``.

    BuildKit runs steps side by side, so what follows names its step.
    """

    step: int
    name: str


@dataclass(frozen=True)
class StepOutput:
    """A line that a step wrote, without its end; colours and ``\\r`` are left in."""

    step: int
    text: str


@dataclass(frozen=True)
class StepEnded:
    """A step is done; ``seconds`` is None where the builder does not tell."""

    step: int
    seconds: float | None = None
    cached: bool = False


@dataclass(frozen=True)
class StepFailed:
    """A step ended the build; ``text`` is the builder's own word on it."""

    step: int
    text: str


@dataclass(frozen=True)
class Built:
    """The image is there, without a name; comes last."""

    image_id: str


BuildItem = Using | Foreign | StepBegan | StepOutput | StepEnded | StepFailed | Built


class Builder(Protocol):
    """One way to build."""

    @property
    def name(self) -> BuilderName:
        """What it is called."""

    def build(self, context: Path, options: BuildOptions) -> Iterator[BuildItem]:
        """Build a folder. Raises ``EngineError``: ``build_failed`` when a step said no."""
