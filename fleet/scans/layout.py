"""An image as Trivy is given it: a folder as the OCI lays images out, with lists of our own.

Only files that were compared are in it, so that there is nothing to be read differently.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from fleet.scans.blobs import Blob
from fleet.scans.genuine import GZIP, Genuine

OCI = "application/vnd.oci.image"
ZSTD = b"\x28\xb5\x2f\xfd"


def write_layout(folder: Path, image: Genuine) -> None:
    """Move an image's files into a folder that is not there yet: nothing is there twice."""
    (folder / "blobs" / "sha256").mkdir(parents=True)
    for blob in {one.digest: one for one in (image.config, *image.layers)}.values():
        blob.place.rename(_place(folder, blob.digest))
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": _told(image.config, "config.v1+json"),
        "layers": [_told(layer, _kind(layer)) for layer in image.layers],
    }
    text = json.dumps(manifest).encode()
    digest = f"sha256:{sha256(text).hexdigest()}"
    _place(folder, digest).write_bytes(text)
    told = {"mediaType": f"{OCI}.manifest.v1+json", "digest": digest, "size": len(text)}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [told]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def _place(folder: Path, digest: str) -> Path:
    return folder / "blobs" / "sha256" / digest.removeprefix("sha256:")


def _told(blob: Blob, kind: str) -> dict[str, Any]:
    return {"mediaType": f"{OCI}.{kind}", "digest": blob.digest, "size": blob.size}


def _kind(layer: Blob) -> str:
    packed = {GZIP: "+gzip", ZSTD: "+zstd"}
    ends = (end for head, end in packed.items() if layer.head.startswith(head))
    return f"layer.v1.tar{next(ends, '')}"
