"""Real Git repositories, served by real servers: `git http-backend` behind HTTPS, and sshd."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.engine.pki import Authority, server_context
from tests.waiting import eventually

USER, TOKEN = "me", "t0ken-of-mine"
WANTED = f"Basic {b64encode(f'{USER}:{TOKEN}'.encode()).decode()}"


@dataclass
class Repository:
    """A bare repository `<name>.git` below `root`, and a work tree to commit from."""

    root: Path
    name: str
    work: Path = field(init=False)

    def __post_init__(self) -> None:
        self.work = self.root / "work" / self.name
        self.work.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        git(self.root, "init", "-q", "--bare", "-b", "main", str(self.bare))
        git(self.bare, "config", "uploadpack.allowReachableSHA1InWant", "true")

    @property
    def bare(self) -> Path:
        return self.root / f"{self.name}.git"

    def git(self, *arguments: str) -> str:
        return git(self.work, *arguments)

    def commit(self, subject: str = "change", **files: str) -> str:
        """Write files, `__` in a name being a slash; commit and push; return the commit."""
        for name, text in files.items():
            place = self.work / name.replace("__", "/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        self.push()
        return self.git("rev-parse", "HEAD")

    def push(self) -> None:
        self.git("push", "-q", "--all", str(self.bare))
        self.git("push", "-q", "--tags", str(self.bare))


def git(place: Path, *arguments: str) -> str:
    """Run git as a developer would."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *arguments],
        cwd=place, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@dataclass
class HttpsServer:
    """Serves every repository below a folder; those in `private` want the token."""

    port: int
    ca: str
    private: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, Authorization
    redirect: str = ""

    def url(self, name: str) -> str:
        return f"https://127.0.0.1:{self.port}/{name}.git"


class GitHandler(BaseHTTPRequestHandler):
    """Answers from the repositories below `root`, as `served` says."""

    protocol_version = "HTTP/1.0"
    served: HttpsServer
    root: Path

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Take leave as TLS wants it: git's library is strict about that."""
        super().finish()
        with suppress(OSError):
            self.connection.unwrap()

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _serve(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        given = self.headers.get("Authorization", "")
        self.served.asked.append((path, given))
        name = path.split("/")[1].removesuffix(".git")
        if self.served.redirect:
            self._answer(302, {"Location": self.served.redirect + self.path})
        elif name in self.served.private and given != WANTED:
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'})
        else:
            self._backend(path, query, body)

    def _answer(self, status: int, fields: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for key, value in fields.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def _backend(self, path: str, query: str, body: bytes) -> None:
        done = subprocess.run(
            ["git", "http-backend"],
            input=body, capture_output=True, check=False,
            env={
                "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
                "REQUEST_METHOD": self.command, "REMOTE_ADDR": "127.0.0.1",
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            },
        )  # fmt: skip
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self._answer(int(fields.pop("Status", "200").split()[0]), fields, answer)


@contextmanager
def serve_https(root: Path, authority: Authority) -> Iterator[HttpsServer]:
    """Serve until the end of the block."""
    server = HttpsServer(0, authority.pem)
    handler = type("Handler", (GitHandler,), {"root": root, "served": server})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = server_context(authority.leaf("127.0.0.1"))
    http.socket = context.wrap_socket(http.socket, server_side=True)
    server.port = http.server_address[1]
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()


@dataclass
class SshServer:
    """A real sshd that lets one key in."""

    root: Path
    port: int
    key: str
    host_key: str
    user: str

    def url(self, name: str) -> str:
        return f"ssh://{self.user}@127.0.0.1:{self.port}{self.root}/{name}.git"


@contextmanager
def serve_ssh(root: Path) -> Iterator[SshServer]:
    """Serve until the end of the block."""
    folder = root / "sshd"
    folder.mkdir()
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)],
            check=True,
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    Path("/run/sshd").mkdir(exist_ok=True)
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPasswordAuthentication no\nPidFile none\n"
        "KbdInteractiveAuthentication no\n"
    )
    sshd = shutil.which("sshd", path="/usr/sbin:/sbin") or "sshd"
    process = subprocess.Popen(
        [sshd, "-D", "-f", str(folder / "config"), "-E", str(folder / "log")]
    )
    try:
        eventually(lambda: _answers(port), "sshd answers")
        user = "root" if os.geteuid() == 0 else Path.home().name
        host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        yield SshServer(root, port, (folder / "user").read_text(), host_key, user)
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
