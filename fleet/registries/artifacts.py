"""What is in a registry and no image: charts, signatures, bills of materials, caches of builds."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fleet.registries.types import INDEXES, Layer, ManifestInfo

CONFIGS: Final = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
# Configs that say nothing of what it is: the content's own type has to do.
_EMPTY: Final = ("application/vnd.oci.empty.v1+json", "application/vnd.unknown.config.v1+json")
_CACHE: Final = "application/vnd.buildkit.cacheconfig.v0"
# A part that a root file system is made of, packed in whatever way, encrypted or not.
_OF_IMAGES: Final = ("application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.")

# By how a media type begins.
_WORDS: Final[dict[str, str | Promise]] = {
    "application/vnd.cncf.helm.": _("Helm chart"),
    "application/vnd.dev.cosign.simplesigning.": _("signature by cosign"),
    "application/vnd.dev.cosign.artifact.sig": _("signature by cosign"),
    "application/vnd.dev.cosign.artifact.sbom": _("bill of materials"),
    "application/vnd.dev.sigstore.bundle": _("signature by cosign"),
    "application/vnd.cncf.notary.signature": _("signature by Notation"),
    "application/vnd.dsse.envelope.": _("attestation"),
    "application/vnd.in-toto+json": _("attestation"),
    "application/spdx": _("bill of materials (SPDX)"),
    "text/spdx": _("bill of materials (SPDX)"),
    "application/vnd.cyclonedx": _("bill of materials (CycloneDX)"),
    "application/sarif+json": _("findings of a scan (SARIF)"),
    "application/vnd.wasm.": _("WebAssembly module"),
    "application/wasm": _("WebAssembly module"),
    "application/vnd.docker.plugin.": _("plugin of Docker"),
    "application/vnd.docker.ai.model.": _("AI model"),
    "application/vnd.docker.compose.": _("Compose project"),
    "application/vnd.cncf.flux.": _("configuration for Flux"),
    "application/vnd.cncf.openpolicyagent.": _("policies of Open Policy Agent"),
    _CACHE: _("cache of builds by BuildKit"),
}


def artifact_type(manifest: ManifestInfo) -> str:
    """Return the media type that says what a manifest is, "" for an image."""
    if manifest.is_index:
        return _index_type(manifest)
    config = manifest.config_media_type
    if config and config not in CONFIGS:
        inside = "" if config not in _EMPTY else _first(manifest.layers)
        return manifest.artifact_type or inside or config
    if not manifest.layers or any(_is_of_image(layer) for layer in manifest.layers):
        return ""
    # Signatures by cosign, and what BuildKit attests, have the config of an image all the same.
    return manifest.artifact_type or _first(manifest.layers)


def _index_type(index: ManifestInfo) -> str:
    """What a list is of which nothing can be run."""
    inside = {one.artifact_type or one.media_type for one in index.platforms}
    if any(one.runnable for one in index.platforms):
        return ""
    if index.artifact_type or _CACHE in inside:
        return index.artifact_type or _CACHE
    return inside.pop() if len(inside) == 1 else index.media_type


def artifact_words(media_type: str) -> str | Promise:
    """Return what people call it; the media type itself where that is not known."""
    if media_type in INDEXES:
        return _("list of manifests")
    known = (words for start, words in _WORDS.items() if media_type.startswith(start))
    return next(known, media_type)


def _first(layers: tuple[Layer, ...]) -> str:
    types = (layer.media_type for layer in layers)
    return next((one for one in types if one and one not in _EMPTY), "")


def _is_of_image(layer: Layer) -> bool:
    return not layer.media_type or layer.media_type.startswith(_OF_IMAGES)
