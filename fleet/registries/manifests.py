"""Manifests and configs: from the bytes that a registry sent to values of ours."""

from __future__ import annotations

import hashlib
from typing import Any

from fleet.registries import values
from fleet.registries.errors import RegistryError
from fleet.registries.reference import is_digest
from fleet.registries.types import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    INDEXES,
    MANIFESTS,
    OCI_INDEX,
    OCI_MANIFEST,
    ConfigInfo,
    HistoryStep,
    Layer,
    ManifestInfo,
    PlatformInfo,
)

_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1"
_ATTESTATION = "attestation-manifest"
_TITLE = "org.opencontainers.image.title"
_ALGORITHMS = ("sha256", "sha384", "sha512")


def digest_of(body: bytes, like: str = "sha256") -> str:
    """The digest of content, by the algorithm of another digest.

    Raises ``RegistryError("wrong_digest")`` for an algorithm that cannot be checked.
    """
    algorithm = like.partition(":")[0]
    if algorithm not in _ALGORITHMS:
        raise RegistryError("wrong_digest", raw=algorithm)
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def check_content(body: bytes, digest: str) -> None:
    """Raise ``RegistryError("wrong_digest")`` unless the content is what the digest says."""
    found = digest_of(body, digest)
    if found != digest:
        raise RegistryError("wrong_digest", raw=f"{digest} was asked for, {found} came")


def parse_manifest(body: bytes, content_type: str) -> ManifestInfo:
    """A manifest or an index. The digest is computed from what came, whatever a header says."""
    data = values.load(body)
    media_type = _media_type(data, content_type)
    if media_type.startswith(_SCHEMA1):
        raise RegistryError("schema1")
    digest = digest_of(body)
    if media_type in INDEXES:
        return _index(data, digest, media_type)
    if media_type in MANIFESTS:
        return _image(data, digest, media_type)
    raise RegistryError("bad_answer", raw=f"{content_type}: {body[:200]!r}")


def _media_type(data: dict[str, Any], content_type: str) -> str:
    """What it is: by the header, else by itself, else by how it is built."""
    known = (*INDEXES, *MANIFESTS)
    told = content_type.partition(";")[0].strip().lower()
    inner = values.text(data.get("mediaType"), 255)
    version = data.get("schemaVersion")
    if version == 1 or told.startswith(_SCHEMA1):
        return _SCHEMA1
    # The two must not name different kinds: what one reads as an image, another reads as an index.
    for name in (told, inner):
        if name in known and ("manifests" in data) == (name in INDEXES):
            return name
    docker = "docker" in told
    if isinstance(data.get("manifests"), list) and "layers" not in data:
        return DOCKER_LIST if docker else OCI_INDEX
    if isinstance(data.get("layers"), list) and isinstance(data.get("config"), dict):
        return DOCKER_MANIFEST if docker else OCI_MANIFEST
    return ""


def _index(data: dict[str, Any], digest: str, media_type: str) -> ManifestInfo:
    found = [_platform(item) for item in values.objects(data.get("manifests"))]
    return ManifestInfo(
        digest=digest,
        media_type=media_type,
        platforms=tuple(platform for platform in found if platform.digest),
        artifact_type=values.text(data.get("artifactType"), 255),
        annotations=values.pairs(data.get("annotations")),
    )


def _platform(item: dict[str, Any]) -> PlatformInfo:
    platform = values.mapping(item.get("platform"))
    notes = values.pairs(item.get("annotations"))
    return PlatformInfo(
        digest=_digest(item),
        os=values.text(platform.get("os"), 64),
        architecture=values.text(platform.get("architecture"), 64),
        variant=values.text(platform.get("variant"), 64),
        os_version=values.text(platform.get("os.version"), 64),
        media_type=values.text(item.get("mediaType"), 255),
        attestation=notes.get("vnd.docker.reference.type") == _ATTESTATION,
        artifact_type=values.text(item.get("artifactType"), 255),
    )


def _image(data: dict[str, Any], digest: str, media_type: str) -> ManifestInfo:
    config = values.mapping(data.get("config"))
    rows = values.objects(data.get("layers"))
    layers = tuple(_layer(row) for row in rows if _digest(row))
    return ManifestInfo(
        digest=digest,
        media_type=media_type,
        size=values.size(config.get("size")) + sum(layer.size for layer in layers),
        config_digest=_digest(config),
        config_media_type=values.text(config.get("mediaType"), 255),
        layers=layers,
        artifact_type=values.text(data.get("artifactType"), 255),
        annotations=values.pairs(data.get("annotations")),
    )


def _layer(row: dict[str, Any]) -> Layer:
    return Layer(
        digest=_digest(row),
        size=values.size(row.get("size")),
        media_type=values.text(row.get("mediaType"), 255),
        title=values.pairs(row.get("annotations")).get(_TITLE, "")[:255],
    )


def _digest(item: dict[str, Any]) -> str:
    found = values.text(item.get("digest"), 255)
    return found if is_digest(found) else ""


def parse_config(body: bytes) -> ConfigInfo:
    """An image's config."""
    data = values.load(body)
    config = values.mapping(data.get("config"))
    return ConfigInfo(
        created=values.moment(data.get("created")),
        os=values.text(data.get("os"), 64),
        architecture=values.text(data.get("architecture"), 64),
        variant=values.text(data.get("variant"), 64),
        author=values.text(data.get("author"), 255),
        env=values.texts(config.get("Env")),
        command=values.texts(config.get("Cmd")),
        entrypoint=values.texts(config.get("Entrypoint")),
        ports=values.keys(config.get("ExposedPorts")),
        volumes=values.keys(config.get("Volumes")),
        labels=values.pairs(config.get("Labels")),
        user=values.text(config.get("User"), 255),
        workdir=values.text(config.get("WorkingDir"), 1024),
        stop_signal=values.text(config.get("StopSignal"), 64),
        history=tuple(_step(item) for item in values.objects(data.get("history"))),
    )


def _step(item: dict[str, Any]) -> HistoryStep:
    return HistoryStep(
        created=values.moment(item.get("created")),
        command=values.text(item.get("created_by")),
        comment=values.text(item.get("comment"), 255),
        empty=item.get("empty_layer") is True,
    )
