"""`make run`: everything on one machine under one supervisor. `python -m config.run`.

1. Settle the data folder and Redis, then load Django: wrong settings end it here.
2. Prepare the database, the static files and the local host.
3. Run redis, web, workers, watcher and beat under supervisord, until Ctrl-C.
4. Once the web process answers, print the address, and the set-up link while there is none.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from config.redis import find_server, private_redis

BASE_DIR = Path(__file__).resolve().parent.parent
SUPERVISOR = BASE_DIR / "config" / "supervisor.py"
READY_SECONDS = 60


class CannotStart(Exception):
    """Told to the user as it is."""


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def lock(data: Path) -> IO[str]:
    """Keep a second Quayside away from the same data. Raises CannotStart."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        handle = (data / "run.lock").open("w")
    except OSError as error:
        raise CannotStart(
            f"The folder of QUAYSIDE_DATA_DIR, {data}, cannot be written: {error.strerror}."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise CannotStart(f"Quayside is running already with the data in {data}.") from error
    return handle


def settle_redis(data: Path) -> list[str] | None:
    """Return the command of a private redis-server; None when QUAYSIDE_REDIS_URL is set."""
    if os.environ.get("QUAYSIDE_REDIS_URL") or os.environ.get("QUAYSIDE_REDIS_URL_FILE"):
        return None  # the settings read it
    server = find_server()
    if server is None:
        raise CannotStart(
            "No redis-server was found. Install one (apt-get install redis-server),"
            " or set QUAYSIDE_REDIS_URL."
        )
    redis = private_redis(data / "redis", server)
    os.environ["QUAYSIDE_REDIS_URL"] = redis.url
    return redis.command


def check_port(bind: str, port: int) -> None:
    """Raise CannotStart when the address cannot be listened on."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            raise CannotStart(
                f"Cannot listen on {bind}:{port}: {error.strerror}."
                " Choose others with PORT=8001 and BIND=127.0.0.1."
            ) from error


def check_redis(url: str) -> None:
    """Raise CannotStart when a Redis of the user's own does not answer; its URL is not told."""
    if url == "memory://":
        raise CannotStart(
            "QUAYSIDE_REDIS_URL=memory:// is for tests in one process, and make run has several."
            " Unset it, or name a Redis."
        )
    from redis import Redis, RedisError

    try:
        with Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as redis:
            redis.ping()
    except (RedisError, OSError, ValueError) as error:
        raise CannotStart(f"Redis does not answer at QUAYSIDE_REDIS_URL: {error}") from error


def prepare(demo: bool) -> None:
    """Bring database and static files up to date, and add the local Docker host.

    Raises CannotStart when the database cannot be used.
    """
    from django.core.management import call_command
    from django.db import DatabaseError

    from config.static import prepare_static

    say("Preparing the database and the static files …")
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        raise CannotStart(database_words(error)) from error
    prepare_static()
    call_command("add_local_host")
    if demo:
        call_command("demo_hosts")


def database_words(error: Exception) -> str:
    """Return what is wrong with the database, and what to do when it is the one we made."""
    from config.env import env_secret
    from config.settings import DATABASES

    if env_secret("QUAYSIDE_DATABASE_URL"):
        return f"The database cannot be used (QUAYSIDE_DATABASE_URL): {error}"
    path = DATABASES["default"]["NAME"]
    return (
        f"The database {path} cannot be used: {error}. Put a backup of it in its place, together"
        " with the keys beside it. Or move it away, with the files of the same name that end in"
        " -wal and -shm: Quayside then begins with an empty one."
    )


def programs(redis: list[str] | None) -> dict[str, list[str]]:
    """Return the command of each process."""
    python = sys.executable
    celery = [python, "-m", "celery", "--quiet", "-A", "config"]
    worker = [*celery, "worker", "--pool", "threads", "--loglevel", "WARNING"]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    found = {"redis": redis} if redis else {}
    return {
        **found,
        "web": [python, "-m", "config.web"],
        "worker-control": [*worker, "-Q", "control,upkeep", "-c", "32", "-n", "control@%%h"],
        "worker-transfer": [*worker, "-Q", "transfer,upkeep", "-c", "4", "-n", "transfer@%%h"],
        "watcher": [python, "manage.py", "watch"],
        "beat": [python, "manage.py", "beat"],
    }


def supervisor_config(data: Path, commands: dict[str, list[str]]) -> str:
    """Return supervisord's configuration: each process restarts when it dies."""
    root = "user=root\n" if os.geteuid() == 0 else ""
    text = (
        "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\nloglevel=warn\n"
        f"pidfile={data / 'supervisord.pid'}\nchildlogdir={data}\n{root}"
    )
    for name, command in commands.items():
        # Redis starts first and ends last; the others begin and end together.
        rank = 1 if name == "redis" else 10
        line = " ".join(f'"{part}"' for part in command)
        text += (
            f"\n[program:{name}]\ncommand={line}\ndirectory={BASE_DIR}\npriority={rank}\n"
            "autorestart=true\nstartretries=1000000\nstartsecs=1\nstopwaitsecs=12\n"
            "stopasgroup=true\nkillasgroup=true\nredirect_stderr=true\n"
            "stdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0\n"
        )
    return text


def answers(url: str) -> bool:
    """Return whether the web process says that it is well."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def announce(bind: str, port: int) -> None:
    """Wait for the web process, then print where it is and how to begin."""
    from fleet.setup import setup_link

    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(bind, bind)  # noqa: S104
    address = f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}"
    end = time.monotonic() + READY_SECONDS
    while not answers(f"{address}/healthz"):
        if time.monotonic() > end:
            say(f"The web process does not answer at {address}; its messages are above.")
            return
        time.sleep(0.1)
    say(f"\n  Quayside is running at {address}")
    link = setup_link(address)
    if link:
        say(f"  Make the first administrator here (the link works once):\n  {link}")
    say("  Ctrl-C ends it.\n")


def supervise(config: Path, bind: str, port: int, held: IO[str]) -> int:
    """Run supervisord until it ends; pass signals on and its output through.

    It keeps the lock too: what it still has to end after our death holds Redis and the port.
    """
    command = [sys.executable, "-P", str(SUPERVISOR), str(os.getpid()), str(config)]
    child: subprocess.Popen[bytes] | None = None
    told = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal told
        told = True
        if child:
            child.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[held.fileno()]
    )
    if told:  # while it was being started
        child.send_signal(signal.SIGTERM)
    threading.Thread(target=announce, args=(bind, port), daemon=True).start()
    assert child.stdout is not None  # noqa: S101 - PIPE was asked for above
    for line in child.stdout:
        sys.stdout.buffer.write(line)
        sys.stdout.flush()
    code = child.wait()
    return 0 if told else code


def run(demo: bool) -> int:
    """Do it all. Raises CannotStart with what to tell."""
    data = Path(os.environ.get("QUAYSIDE_DATA_DIR") or BASE_DIR / "data").resolve()
    held = lock(data)
    redis = settle_redis(data)
    from config.start import start

    start()
    from django.conf import settings

    check_port(settings.BIND, settings.PORT)
    if redis is None:
        check_redis(settings.REDIS_URL)
    prepare(demo)
    config = data / "supervisord.conf"
    config.touch(mode=0o600)
    config.write_text(supervisor_config(data, programs(redis)))
    try:
        return supervise(config, settings.BIND, settings.PORT, held)
    finally:
        held.close()


def main() -> None:
    """The command line."""
    # Who is started in the background of a script would ignore Ctrl-C for good.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="quayside", description=__doc__.splitlines()[0])
    parser.add_argument("--demo", action="store_true", help="add the hosts of the lab")
    try:
        raise SystemExit(run(parser.parse_args().demo))
    except CannotStart as error:
        sys.stderr.write(f"Quayside did not start: {error}\n")
        raise SystemExit(2) from error
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped before it ran; nothing is left running.\n")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
