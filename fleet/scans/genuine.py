"""Whether what a host gave is the image that its id names, and which files that image is of.

A scan counts for all hosts that have the image, and whoever owns one could give out other files.
So nothing is believed but digests: an id is that of a config, which names its layers by what is in
them; where containerd keeps images it is that of a manifest, which names config and layers as they
are packed, or of an index, which names manifests.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from fleet.scans.blobs import Blob, Blobs
from fleet.scans.trivy import ScanFailed

PIECE = 4 * 1024 * 1024
TEXT_BYTES = 16 * 1024 * 1024
UNPACKED_BYTES = 64 * 1024**3  # of all packed layers: a thousandth of it can be sent packed
GZIP = b"\x1f\x8b"
KINDS = ("rootfs", "layers", "manifests")  # what a config, a manifest, an index each have
Look = Callable[[], None]


@dataclass(frozen=True)
class Genuine:
    """An image of which each file was compared: linux/amd64, from `platforms` that were there."""

    config: Blob
    layers: tuple[Blob, ...]
    platform: str
    platforms: int = 1


def find_genuine(came: Blobs, ident: str, platform: str, look: Look) -> Genuine:
    """Return the image of that id. `look` is called meanwhile, and what it raises ends it.

    `platform` is the one that is taken where there are several. Raises ScanFailed where something
    is not what the id names, or is not there.
    """
    try:
        return _Search(came, platform, look).image(ident)
    except (OSError, LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ScanFailed("not_genuine", str(error)) from error


class _Search:
    def __init__(self, came: Blobs, platform: str, look: Look) -> None:
        self.blobs, self.platform, self.look = came.known, platform, look
        self._unpacked: dict[str, Blob] | None = None

    def image(self, ident: str) -> Genuine:
        said = self._text(ident)
        if _kind(said) == "rootfs":
            digests = _digests(said)
            return self._of(ident, said, [self._layer(digest) for digest in digests])
        if _kind(said) == "layers":
            found = self._of_manifest(said)
            if found is None:
                raise ScanFailed("not_whole")
            return found
        return self._of_index(said)

    def _of_index(self, said: Any) -> Genuine:
        """Return the image for the platform that is wanted, else the first that is there."""
        found = []
        for digest in dict.fromkeys(_only(one, "digest") for one in _only(said, "manifests")):
            if digest in self.blobs and _kind(manifest := self._text(digest)) == "layers":
                found.append(self._of_manifest(manifest))
        there = [one for one in found if one and "unknown" not in one.platform]
        if not there:
            raise ScanFailed("not_whole")
        best = max(there, key=lambda one: _likeness(one.platform, self.platform))
        return Genuine(best.config, best.layers, best.platform, len(there))

    def _of_manifest(self, said: Any) -> Genuine | None:
        """Return its image; None where something of it did not come, or it is of none."""
        config = _only(_only(said, "config"), "digest")
        layers = [_only(layer, "digest") for layer in _only(said, "layers")]
        if not {config, *layers} <= self.blobs.keys():
            return None
        about = self._text(config)
        if _kind(about) != "rootfs" or len(_digests(about)) != len(layers):
            return None
        return self._of(config, about, [self.blobs[layer] for layer in layers])

    def _of(self, config: str, said: Any, layers: Iterable[Blob]) -> Genuine:
        parts = (said.get(name) for name in ("os", "architecture", "variant"))
        return Genuine(
            self.blobs[config], tuple(layers), "/".join(str(part) for part in parts if part)
        )

    def _layer(self, digest: str) -> Blob:
        """Return the layer in which there is what has this digest, once it is unpacked."""
        blob = self.blobs.get(digest)
        if blob is not None and not blob.packed:
            return blob
        if self._unpacked is None:
            self._unpacked = self._unpack()
        return self._unpacked[digest]

    def _unpack(self) -> dict[str, Blob]:
        """Return what is packed by the digest of what is in it."""
        found, left = {}, UNPACKED_BYTES
        for blob in self.blobs.values():
            if blob.head.startswith(GZIP):
                digest, size = _inner(blob, left, self.look)
                found[digest] = blob
                left -= size
        return found

    def _text(self, digest: str) -> Any:
        self.look()
        blob = self.blobs[digest]
        if blob.size > TEXT_BYTES:
            raise ValueError(digest)
        return json.loads(blob.place.read_bytes(), object_pairs_hook=_object)


def _inner(blob: Blob, limit: int, look: Look) -> tuple[str, int]:
    """Return digest and size of what is in a packed file; "" for what cannot be unpacked."""
    digest, size = sha256(), 0
    try:
        with gzip.open(blob.place) as source:
            while piece := source.read(PIECE):
                look()
                digest.update(piece)
                size += len(piece)
                if size > limit:
                    raise ScanFailed("too_large_unpacked")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return "", size
    return f"sha256:{digest.hexdigest()}", size


def _kind(said: Any) -> str:
    """Return which of KINDS it is; "" for what is none, or could be read as two of them."""
    kinds = [name for name in KINDS if any(key.casefold() == name for key in said)]
    return kinds[0] if len(kinds) == 1 else ""


def _digests(config: Any) -> list[str]:
    return list(_only(_only(config, "rootfs"), "diff_ids") or [])


def _only(said: Any, name: str) -> Any:
    """Return a value whose key is there once, in whatever letters: Go's readers do not mind."""
    (found,) = (value for key, value in said.items() if key.casefold() == name)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that is there twice: two readers may each take another."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _likeness(one: str, other: str) -> int:
    """Return by how many of their parts two platforms are the same."""
    same = 0
    for a, b in zip(one.split("/"), other.split("/"), strict=False):
        if a != b:
            break
        same += 1
    return same
