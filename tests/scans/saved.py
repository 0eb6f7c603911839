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
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for name, text in files.items():
            _add(tar, name, text.encode())
    data = layer.getvalue()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2026-11-01T00:00:00Z",
            "config": {"Env": list(env), "User": "root", "Cmd": ["sh"]},
            "history": [
                {"created_by": "COPY . / # buildkit", "created": "2026-11-01T00:00:00Z"},
                {"created_by": "USER root", "created": "2026-11-01T00:00:00Z", "empty_layer": True},
            ],
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(data).hexdigest()}"]},
        }
    ).encode()
    ident = sha256(config).hexdigest()
    about = [{"Config": f"{ident}.json", "RepoTags": ["shop/web:1"], "Layers": ["l/layer.tar"]}]
    with tarfile.open(place, "w") as tar:
        _add(tar, f"{ident}.json", config)
        _add(tar, "l/layer.tar", data)
        _add(tar, "manifest.json", json.dumps(about).encode())
    return f"sha256:{ident}"


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o644
    tar.addfile(entry, io.BytesIO(data))
