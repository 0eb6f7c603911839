"""What registries tell, as values: checked in type and size, cleaned, never longer than a bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = (OCI_INDEX, DOCKER_LIST)
MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)


@dataclass(frozen=True)
class RepositoryPage:
    """Names of repositories. ``after`` gets the next page; empty on the last one."""

    names: tuple[str, ...]
    after: str = ""


@dataclass(frozen=True)
class TagPage:
    """Tags of a repository. ``after`` gets the next page; empty on the last one."""

    tags: tuple[str, ...]
    after: str = ""


@dataclass(frozen=True)
class Layer:
    """One layer, as it lies in the registry: packed. A file of an artifact may have a ``title``."""

    digest: str
    size: int
    media_type: str
    title: str = ""


@dataclass(frozen=True)
class PlatformInfo:
    """One manifest of an index, mostly an image for one platform.

    ``size`` is known once its manifest was read. ``attestation`` marks what BuildKit adds about an
    image and nobody can run.
    """

    digest: str
    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    media_type: str = ""
    size: int | None = None
    attestation: bool = False
    artifact_type: str = ""

    @property
    def runnable(self) -> bool:
        """Whether it may be an image: not what is about one, no list, and no layer of a cache."""
        fits = not self.media_type or self.media_type in MANIFESTS
        return fits and not self.attestation and not self.artifact_type

    @property
    def is_manifest(self) -> bool:
        """Whether it can be asked for as one: caches of builds list their layers, too."""
        return not self.media_type or self.media_type in (*MANIFESTS, *INDEXES)

    @property
    def name(self) -> str:
        """As Docker writes it: linux/arm64/v8."""
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


@dataclass(frozen=True)
class ManifestInfo:
    """What a tag or digest stands for: an index of platforms, or one image with layers.

    ``size`` is what has to be pulled: config and layers, 0 for an index.
    """

    digest: str
    media_type: str
    size: int = 0
    platforms: tuple[PlatformInfo, ...] = ()
    config_digest: str = ""
    config_media_type: str = ""
    layers: tuple[Layer, ...] = ()
    artifact_type: str = ""
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def is_index(self) -> bool:
        """Whether this is a list of images for several platforms."""
        return self.media_type in INDEXES


@dataclass(frozen=True)
class HistoryStep:
    """A step of how an image was made; an empty one has no layer."""

    created: datetime | None
    command: str
    comment: str
    empty: bool


@dataclass(frozen=True)
class ConfigInfo:
    """What an image runs, and how it was made."""

    created: datetime | None = None
    os: str = ""
    architecture: str = ""
    variant: str = ""
    author: str = ""
    env: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    user: str = ""
    workdir: str = ""
    stop_signal: str = ""
    history: tuple[HistoryStep, ...] = ()


@dataclass(frozen=True)
class RateLimit:
    """How many requests a registry allows in a time, and how many are left; as Docker Hub tells."""

    limit: int
    remaining: int
    seconds: int = 0


@dataclass(frozen=True)
class Ping:
    """What the registry's front door said.

    ``scheme``: how it wants people to sign in: none, basic or bearer. ``signed_in``: "yes",
    "anonymous" (no credentials given), "unknown" (none given, and only what is public may be
    read), "not_asked" (it lets everybody in, so that the credentials were not looked at) or
    "ignored" (it gave a token for nobody in particular).
    """

    api_version: str
    scheme: str
    signed_in: str
