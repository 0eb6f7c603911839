"""A whole Quayside as `make run` starts it, in a folder and on a port of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from config.redis import free_port
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery"
LINK = re.compile(r"http://\S+/setup/\S+")


class Stack:
    """`with Stack(folder) as stack:` runs everything; leaving ends everything."""

    def __init__(self, folder: Path, *, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "run.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {
            **kept,
            "PORT": str(self.port),
            "QUAYSIDE_DATA_DIR": str(folder / "data"),
            "QUAYSIDE_LOCAL_SOCKET": "/nowhere/docker.sock",
            "PYTHONUNBUFFERED": "1",
            **(settings or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.token = ""  # of the API, once somebody made one

    def start(self) -> None:
        """Start it and wait until it says that it runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.run"],
                cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        eventually(lambda: self._runs(before), f"Quayside runs, see {self.log}", seconds=90)

    def _runs(self, before: int) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"it ended at once:\n{self.output()[-3000:]}")
        return "Ctrl-C ends it" in self.log.read_bytes()[before:].decode(errors="replace")

    def stop(self) -> int:
        """Send what Ctrl-C sends, wait, and return the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def output(self) -> str:
        """Return what it printed so far."""
        return self.log.read_text(errors="replace")

    def setup_link(self) -> str:
        """Return the last printed set-up link, or an empty text."""
        found = LINK.findall(self.output())
        return found[-1] if found else ""

    def manage(self, *arguments: str, **settings: str) -> str:
        """Run `manage.py`, return what it printed."""
        redis = f"unix://{self.folder / 'data' / 'redis' / 'redis.sock'}"
        environment = {"QUAYSIDE_REDIS_URL": redis, **self.environment, **settings}
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make_administrator(self, name: str = "root") -> str:
        """Make an administrator with PASSWORD; return an API token of theirs."""
        self.manage(
            "createsuperuser", "--noinput",
            DJANGO_SUPERUSER_USERNAME=name,
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
            DJANGO_SUPERUSER_EMAIL=f"{name}@example.org",
        )  # fmt: skip
        return self.manage("create_token", name).strip()

    def children(self) -> dict[int, str]:
        """Return pid -> command of every process below it."""
        assert self.process is not None
        done = subprocess.run(
            ["ps", "-wweo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        )
        rows = [line.split(None, 2) for line in done.stdout.splitlines()]
        found: dict[int, str] = {}
        wanted = {self.process.pid}
        while wanted:
            below = {int(r[0]): r[2] for r in rows if int(r[1]) in wanted}
            found |= below
            wanted = set(below)
        return found

    def pid(self, words: str) -> int:
        """Return the pid of the process whose command holds `words`; 0 while there is none."""
        return min((pid for pid, line in self.children().items() if words in line), default=0)

    def kill(self, words: str) -> None:
        """Kill a process at once, and wait until the supervisor has started it again."""
        before = self.pid(words)
        os.kill(before, signal.SIGKILL)
        eventually(lambda: self.pid(words) not in {0, before}, f"{words} is started again")

    def get(self, path: str) -> int:
        """Return the status of a GET."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as response:  # noqa: S310
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code

    def __enter__(self) -> Stack:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()
