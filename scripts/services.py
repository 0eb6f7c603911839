"""Private Redis, PostgreSQL and lab for tests: started in a folder, gone when they end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAB_SCRIPT = ROOT / "tests" / "lab" / "lab.sh"
PR_SET_PDEATHSIG = 1


class ServiceError(Exception):
    """A service did not start; the text says which and what it said."""


def end_with_parent(sign: int) -> Callable[[], None]:
    """Make a child ask the kernel for `sign` when we die, even by kill -9."""

    def ask() -> None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sign)

    return ask


def wait_until(ready: Callable[[], bool], what: str, log: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise ServiceError(f"{what} did not start within {seconds:.0f} s. {said}")
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes], sign: int) -> None:
    process.send_signal(sign)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def find_redis() -> str | None:
    """A redis-server or valkey-server of the system, or the one that the requirements bring."""
    bundled = ROOT / ".venv" / "bin" / "redis-server"
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return found or (str(bundled) if bundled.exists() else None)


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis that keeps nothing on disk; yields its URL."""
    program = find_redis()
    if not program:
        raise ServiceError("No redis-server on this machine.")
    folder.mkdir()
    socket = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program, *options],
            stdout=out,
            stderr=out,
            preexec_fn=end_with_parent(signal.SIGTERM),
            start_new_session=True,
        )
    try:
        wait_until(socket.exists, "redis-server", log)
        yield f"unix://{socket}"
    finally:
        stop(process, signal.SIGTERM)


def find_postgresql() -> Path | None:
    """The folder of the newest PostgreSQL's programs, where Debian puts them or in PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    other = shutil.which("initdb")
    return Path(other).parent if other else None


def postgresql_user() -> str | None:
    """PostgreSQL refuses to run as root; anybody else runs it as themselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError as error:
        raise ServiceError("There is no user postgres to run PostgreSQL as.") from error


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL that listens on a socket only and never waits for the disk; yields its URL."""
    programs = find_postgresql()
    if not programs:
        raise ServiceError("No PostgreSQL on this machine.")
    folder.mkdir()
    user = postgresql_user()
    if user:
        shutil.chown(folder, user)
    initdb = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", "quayside", "-A", "trust"]
    made = subprocess.run(
        [*initdb, "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"],
        user=user,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise ServiceError(f"initdb failed. {made.stderr}")
    with serve_postgresql(programs, folder, user):
        yield "postgres://quayside@" + str(folder).replace("/", "%2F") + "/postgres"


@contextlib.contextmanager
def serve_postgresql(programs: Path, folder: Path, user: str | None) -> Iterator[None]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
    }
    flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(folder / "data"), *flags],
            user=user,
            cwd=folder,
            stdout=out,
            stderr=out,
            preexec_fn=end_with_parent(signal.SIGINT),
            start_new_session=True,
        )
    ready = [str(programs / "pg_isready"), "-q", "-h", str(folder)]
    try:
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL", log)
        yield
    finally:
        stop(process, signal.SIGINT)


@contextlib.contextmanager
def lab(settings: dict[str, str]) -> Iterator[dict[str, str]]:
    """Three Docker hosts, ssh, registries and Podman; yields what tests read from the environment.

    What a run that was killed left behind is removed first.
    """
    env = {**os.environ, **settings}

    def script(*arguments: str) -> None:
        argv = [str(LAB_SCRIPT), *arguments]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServiceError(f"lab.sh {arguments[0]} failed. {done.stdout}{done.stderr}")

    script("stop")
    try:
        for step in (("start", "3"), ("ssh",), ("seed",), ("podman",)):
            script(*step)
        yield {"QUAYSIDE_LAB": settings["LAB"], "LAB_NET": settings["LAB_NET"]}
    finally:
        script("stop")
