"""Real registries for tests: Debian's docker-registry on loopback ports, no engine and no root.

    def test_it(open_registry_server: RegistryServer) -> None:
        image = open_registry_server.push("team/app", "1")

Fixtures of the session, each started when a test first asks for it: `open_registry_server`,
`locked_registry_server` (htpasswd), `tls_registry_server` (TLS by a CA of its own, htpasswd) and
`big_registry_server` (1,000 repositories; deletes nothing).
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import io
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from scripts.services import ServiceError, end_with_parent, stop, wait_until
from tests.engine.pki import Authority

PROGRAM = "/usr/bin/docker-registry"
HTPASSWD = "/usr/bin/htpasswd"
USER, PASSWORD = "lab", "labpass"
OCI = "application/vnd.oci.image"
MANY = 1000


@dataclass(frozen=True)
class Pushed:
    """What was pushed: its digest, and those of its parts."""

    digest: str
    media_type: str
    body: bytes
    config: str = ""
    layers: tuple[str, ...] = ()
    size: int = 0


@dataclass
class RegistryServer:
    """A running registry, with a way to push to it by plain HTTP."""

    port: int
    folder: Path
    ca: str = ""
    address: str = "127.0.0.1"  # another one for a registry that somebody else started
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.ca else 'http'}://{self.host}"

    def call(
        self, method: str, target: str, body: bytes = b"", media_type: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """Ask the registry without any code of ours between."""
        headers = {"Content-Type": media_type} if media_type else {}
        if self.username:
            pair = b64encode(f"{self.username}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        connection = self._connect()
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, named, answer.read()
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if not self.ca:
            return http.client.HTTPConnection(self.address, self.port, timeout=30)
        context = ssl.create_default_context(cadata=self.ca)
        return http.client.HTTPSConnection(self.address, self.port, timeout=30, context=context)

    def _expect(self, status: int, *call: Any) -> dict[str, str]:
        got, headers, body = self.call(*call)
        if got != status:
            raise ServiceError(f"{call[:2]} was answered with {got}: {body[:500]!r}")
        return headers

    def push_blob(self, name: str, body: bytes) -> str:
        """Upload content; returns its digest."""
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        place = urlsplit(self._expect(202, "POST", f"/v2/{name}/blobs/uploads/")["location"])
        self._expect(201, "PUT", f"{place.path}?{place.query}&digest={digest}", body)
        return digest

    def push_manifest(self, name: str, tag: str, manifest: dict[str, Any]) -> Pushed:
        """Put a manifest under a tag, or under its digest when the tag is empty."""
        body = json.dumps(manifest).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        media_type = manifest["mediaType"]
        self._expect(201, "PUT", f"/v2/{name}/manifests/{tag or digest}", body, media_type)
        return Pushed(digest, media_type, body)

    def push(
        self,
        name: str,
        tag: str = "latest",
        *,
        files: dict[str, bytes] | None = None,
        config: dict[str, Any] | None = None,
        architecture: str = "amd64",
        docker: bool = False,
    ) -> Pushed:
        """Push an image of one layer with these files; `docker` makes it a schema 2 manifest."""
        layer = make_layer(files or {"hello": b"hello\n"})
        about = json.dumps(make_config(layer, architecture, config or {})).encode()
        kinds = DOCKER_KINDS if docker else OCI_KINDS
        packed = gzip.compress(layer, 1, mtime=0)
        parts = [
            {"mediaType": kind, "digest": self.push_blob(name, body), "size": len(body)}
            for kind, body in ((kinds[1], about), (kinds[2], packed))
        ]
        manifest = {
            "schemaVersion": 2,
            "mediaType": kinds[0],
            "config": parts[0],
            "layers": parts[1:],
        }
        made = self.push_manifest(name, tag, manifest)
        config_digest, *layers = (str(part["digest"]) for part in parts)
        size = len(about) + len(packed)
        return Pushed(made.digest, made.media_type, made.body, config_digest, tuple(layers), size)

    def push_index(
        self, name: str, tag: str, *architectures: str, docker: bool = False
    ) -> tuple[Pushed, list[Pushed]]:
        """Push an image for several architectures."""
        images = [
            self.push(name, "", architecture=a, files={"arch": a.encode()}, docker=docker)
            for a in architectures
        ]
        rows = [
            {
                "mediaType": image.media_type,
                "digest": image.digest,
                "size": len(image.body),
                "platform": {"os": "linux", "architecture": architecture},
            }
            for image, architecture in zip(images, architectures, strict=True)
        ]
        kind = DOCKER_KINDS[3] if docker else OCI_KINDS[3]
        index = {"schemaVersion": 2, "mediaType": kind, "manifests": rows}
        return self.push_manifest(name, tag, index), images


OCI_KINDS = (
    f"{OCI}.manifest.v1+json", f"{OCI}.config.v1+json", f"{OCI}.layer.v1.tar+gzip",
    f"{OCI}.index.v1+json",
)  # fmt: skip
_DOCKER = "application/vnd.docker"
DOCKER_KINDS = (
    f"{_DOCKER}.distribution.manifest.v2+json", f"{_DOCKER}.container.image.v1+json",
    f"{_DOCKER}.image.rootfs.diff.tar.gzip", f"{_DOCKER}.distribution.manifest.list.v2+json",
)  # fmt: skip


def make_layer(files: dict[str, bytes]) -> bytes:
    """A tar with these files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def make_config(layer: bytes, architecture: str, config: dict[str, Any]) -> dict[str, Any]:
    """An image's config with one layer, as engines accept it."""
    return {
        "created": "2026-01-02T03:04:05.123456789Z",
        "os": "linux",
        "architecture": architecture,
        "config": {"Cmd": ["/hello"], **config},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [
            {"created": "2026-01-02T03:04:05Z", "created_by": "COPY hello /hello"},
            {"created": "2026-01-02T03:04:05Z", "created_by": "CMD /hello", "empty_layer": True},
        ],
    }


# -- running it -----------------------------------------------------------------------------------


def why_no_registry() -> str:
    """The reason why this machine has none, as a sentence; empty when it has."""
    wanted = {PROGRAM: "docker-registry", HTPASSWD: "apache2-utils"}
    missing = [package for path, package in wanted.items() if not Path(path).exists()]
    return f"Registries need Debian packages: {', '.join(missing)}." if missing else ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def make_htpasswd(username: str = USER, password: str = PASSWORD) -> str:
    """A line of htpasswd with bcrypt, the only kind that registries take; cheap, for tests."""
    argv = [HTPASSWD, "-nbBC", "4", username, password]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def run_registry(
    folder: Path,
    *,
    htpasswd: str = "",
    tls: Authority | None = None,
    delete: bool = True,
    auth: dict[str, Any] | None = None,
    most: int = 0,
) -> Iterator[RegistryServer]:
    """A registry of its own in a folder while the block runs.

    `htpasswd` are lines of users; `tls` signs its certificate for 127.0.0.1; `auth` is its whole
    section of that name, for a token server; `most` is how many repositories it lists at once.
    """
    if reason := why_no_registry():
        raise ServiceError(reason)
    folder.mkdir(parents=True, exist_ok=True)
    server = RegistryServer(free_port(), folder, ca=tls.pem if tls else "")
    settings = _settings(server, htpasswd, tls, delete, auth)
    if most:
        settings["catalog"] = {"maxentries": most}
    (folder / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [PROGRAM, "serve", str(folder / "config.yml")],
            stdout=out,
            stderr=out,
            preexec_fn=end_with_parent(signal.SIGTERM),
            start_new_session=True,
        )
    try:
        wait_until(lambda: _answers(server) or process.poll() is not None, "docker-registry", log)
        if process.poll() is not None:
            raise ServiceError(f"docker-registry ended. {log.read_text()[-2000:]}")
        yield server
    finally:
        stop(process, signal.SIGKILL)  # politely it waits for connections that are kept open


def _settings(
    server: RegistryServer,
    htpasswd: str,
    tls: Authority | None,
    delete: bool,
    auth: dict[str, Any] | None,
) -> dict[str, Any]:
    folder = server.folder
    settings: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": delete},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": server.host},
    }
    if htpasswd:
        (folder / "htpasswd").write_text(htpasswd)
        settings["auth"] = {"htpasswd": {"realm": "lab", "path": str(folder / "htpasswd")}}
    if auth:
        settings["auth"] = auth
    if tls:
        pair = tls.leaf("127.0.0.1")
        (folder / "cert.pem").write_text(pair.cert)
        (folder / "key.pem").write_text(pair.key)
        settings["http"]["tls"] = {
            "certificate": str(folder / "cert.pem"),
            "key": str(folder / "key.pem"),
        }
    return settings


def _answers(server: RegistryServer) -> bool:
    try:
        return server.call("GET", "/v2/")[0] in (200, 401)
    except (OSError, http.client.HTTPException):
        return False


def make_many(home: Path, count: int = MANY) -> None:
    """Lay out many repositories as the registry does on disk: pushing them would take a minute."""
    root = home / "data/docker/registry/v2/repositories/many"
    for number in range(count):
        # One of these folders is what makes it one in the catalog: the second since Distribution 3.
        for folder in ("_layers", "_manifests"):
            (root / f"app-{number:04}" / folder).mkdir(parents=True)


@contextlib.contextmanager
def _of_session(name: str, **options: Any) -> Iterator[RegistryServer]:
    if reason := why_no_registry():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix=f"quayside-{name}-"))
    try:
        with run_registry(folder, **options) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def open_registry_server() -> Iterator[RegistryServer]:
    """Lets everybody in; deletes."""
    with _of_session("open") as server:
        yield server


@pytest.fixture(scope="session")
def locked_registry_server() -> Iterator[RegistryServer]:
    """Wants USER and PASSWORD; deletes nothing."""
    with _of_session("locked", htpasswd=make_htpasswd(), delete=False) as server:
        server.username, server.password = USER, PASSWORD
        yield server


@pytest.fixture(scope="session")
def tls_registry_server() -> Iterator[RegistryServer]:
    """Speaks TLS by a CA of its own (`ca`), and wants USER and PASSWORD."""
    options = {"htpasswd": make_htpasswd(), "tls": Authority("registry-ca")}
    with _of_session("tls", **options) as server:
        server.username, server.password = USER, PASSWORD
        yield server


@pytest.fixture(scope="session")
def big_registry_server() -> Iterator[RegistryServer]:
    """Has MANY repositories, many/app-0000 and so on."""
    if reason := why_no_registry():
        pytest.skip(reason)
    # In memory where there is such a folder: a disk takes seconds to remove so many folders.
    memory = Path("/dev/shm")
    fast = str(memory) if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="quayside-big-", dir=fast))
    try:
        make_many(folder)
        with run_registry(folder, delete=False) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)
