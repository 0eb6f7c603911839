"""Images as `docker save` writes them, made by hand."""

from __future__ import annotations

import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path

OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nNAME="Debian GNU/Linux"\n'
DPKG = (
    "Package: bash\nStatus: install ok installed\nMaintainer: M <m@example.org>\n"
    "Architecture: amd64\nVersion: 5.2.15-2+b8\nDescription: shell\n\n"
)
LODASH = '{"name":"lodash","version":"4.17.20","license":"MIT"}'


def saved_image(place: Path, files: dict[str, str], env: tuple[str, ...] = ()) -> str:
    """Write an image with one layer; return its ID."""
    data = layer_of(files)
    config = config_of(data, env)
    ident = sha256(config).hexdigest()
    about = [{"Config": f"{ident}.json", "RepoTags": ["shop/web:1"], "Layers": ["l/layer.tar"]}]
    with tarfile.open(place, "w") as tar:
        _add(tar, f"{ident}.json", config)
        _add(tar, "l/layer.tar", data)
        _add(tar, "manifest.json", json.dumps(about).encode())
    return f"sha256:{ident}"


def layer_of(files: dict[str, str]) -> bytes:
    """Return a layer with these files."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for name, text in files.items():
            _add(tar, name, text.encode())
    return layer.getvalue()


def config_of(layer: bytes, env: tuple[str, ...] = (), architecture: str = "amd64") -> bytes:
    """Return the config of an image of one layer."""
    return json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "created": "2026-11-01T00:00:00Z",
            "config": {"Env": list(env), "User": "root", "Cmd": ["sh"]},
            "history": [
                {"created_by": "COPY . / # buildkit", "created": "2026-11-01T00:00:00Z"},
                {"created_by": "USER root", "created": "2026-11-01T00:00:00Z", "empty_layer": True},
            ],
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
        }
    ).encode()


class Layout:
    """A tar as engines from 25 on write it: blobs by their digests, and lists of them."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.lists: dict[str, object] = {"oci-layout": {"imageLayoutVersion": "1.0.0"}}

    def add(self, data: bytes | object) -> str:
        """Add a blob; return its digest."""
        text = data if isinstance(data, bytes) else json.dumps(data).encode()
        digest = f"sha256:{sha256(text).hexdigest()}"
        self.blobs[digest] = text
        return digest

    def manifest(self, config: bytes, *layers: bytes) -> str:
        """Add an image; return its manifest's digest."""
        told = [{"digest": self.add(layer), "size": len(layer)} for layer in layers]
        about = {"digest": self.add(config), "size": len(config)}
        return self.add({"schemaVersion": 2, "config": about, "layers": told})

    def index(self, *digests: str) -> str:
        """Add an index of manifests; return its digest."""
        return self.add({"schemaVersion": 2, "manifests": [{"digest": one} for one in digests]})

    def write(self, place: Path) -> None:
        """Write the tar."""
        with tarfile.open(place, "w") as tar:
            for digest, data in self.blobs.items():
                _add(tar, f"blobs/sha256/{digest.removeprefix('sha256:')}", data)
            for name, said in self.lists.items():
                _add(tar, name, json.dumps(said).encode())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o644
    tar.addfile(entry, io.BytesIO(data))
