"""Images made of random bytes, put straight into a registry of the lab: no engine has them yet."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import tarfile
import urllib.request

KINDS = "application/vnd.docker"
MIB = 1024 * 1024


def push_image(
    registry: str, name: str, layers: list[int], *, auth: str = "", architecture: str = "amd64"
) -> str:
    """Put `name` (repository:tag) with layers of these sizes in bytes there; its digest.

    `auth` is `user:password` for a registry that asks.
    """
    repository, _, tag = name.rpartition(":")
    base = f"http://{registry}/v2/{repository}"
    made = [_layer(size) for size in layers]
    blobs = [_put_blob(base, data, auth) for _diff, data in made]
    config = {
        "architecture": architecture, "os": "linux", "config": {"Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": [diff for diff, _data in made]},
    }  # fmt: skip
    kept = _put_blob(base, json.dumps(config).encode(), auth)
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{KINDS}.distribution.manifest.v2+json",
        "config": {"mediaType": f"{KINDS}.container.image.v1+json", **kept},
        "layers": [{"mediaType": f"{KINDS}.image.rootfs.diff.tar.gzip", **blob} for blob in blobs],
    }
    body = json.dumps(manifest).encode()
    _send("PUT", f"{base}/manifests/{tag}", body, auth, str(manifest["mediaType"]))
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _layer(size: int) -> tuple[str, bytes]:
    """A layer with one file that does not shrink: its diff id, and the compressed archive."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        info = tarfile.TarInfo(os.urandom(4).hex())
        info.size = size
        tar.addfile(info, io.BytesIO(os.urandom(size)))
    plain = archive.getvalue()
    return f"sha256:{hashlib.sha256(plain).hexdigest()}", gzip.compress(plain, 1)


def _put_blob(base: str, data: bytes, auth: str) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    place = _send("POST", f"{base}/blobs/uploads/", b"", auth)
    mark = "&" if "?" in place else "?"
    _send("PUT", f"{place}{mark}digest={digest}", data, auth, "application/octet-stream")
    return {"size": len(data), "digest": digest}


def _send(method: str, url: str, body: bytes, auth: str, kind: str = "") -> str:
    """Send a request; the Location of its answer."""
    headers = {"Content-Type": kind} if kind else {}
    if auth:
        headers["Authorization"] = f"Basic {base64.b64encode(auth.encode()).decode()}"
    request = urllib.request.Request(url, method=method, data=body, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the lab's own
        return str(answer.headers.get("Location", ""))
