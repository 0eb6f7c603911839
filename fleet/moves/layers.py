"""Which layers a host has already, by the names that tars of images give to their files.

An engine that loads an image looks for each layer by the chain of all that are below it, and reads
the layer's file only where it has none. So files of such layers can be left out of the tar.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

# How Docker writes an empty configuration: it stands in what the ids of old are made of.
_EMPTY: dict[str, Any] = {
    "Hostname": "", "Domainname": "", "User": "", "AttachStdin": False, "AttachStdout": False,
    "AttachStderr": False, "Tty": False, "OpenStdin": False, "StdinOnce": False, "Env": None,
    "Cmd": None, "Image": "", "Volumes": None, "WorkingDir": "", "Entrypoint": None,
    "OnBuild": None, "Labels": None,
}  # fmt: skip
_EPOCH = "1970-01-01T00:00:00Z"


def shared_layers(layers: Sequence[str], others: Iterable[Sequence[str]]) -> int:
    """Return how many of these layers, from the base on, one of the other images has, too."""
    return max((_same(layers, other) for other in others), default=0)


def _same(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def file_names(layers: Sequence[str], count: int) -> frozenset[str]:
    """Return the names that the first `count` layers can have in a tar, whoever wrote it.

    Each is made of what is in the layer and all below it, so that nothing else has the same name.
    """
    names: set[str] = set()
    parent = chain = ""
    for number, layer in enumerate(layers[:count]):
        bare = layer.removeprefix("sha256:")
        names |= {f"blobs/sha256/{bare}", f"{bare}.tar"}  # Docker since 25, Podman
        chain = f"sha256:{_sha256(f'{chain} {layer}')}" if chain else layer
        parent = f"sha256:{_old_id(chain, parent)}"
        if number < len(layers) - 1:  # the last one's is made of the image's configuration
            names.add(f"{parent.removeprefix('sha256:')}/layer.tar")
    return frozenset(names)


def _old_id(chain: str, parent: str) -> str:
    """Return the id of a layer as Docker before 25 names its folder (its package image/v1)."""
    said = {"container_config": _EMPTY, "created": _EPOCH, "layer_id": chain}
    if parent:
        said["parent"] = parent
    return _sha256(json.dumps(said, separators=(",", ":")))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
