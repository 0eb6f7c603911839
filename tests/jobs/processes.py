"""Real workers and beats as processes, on the test's database and a Redis of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from django.db import connection

from tests.databases import database_url

ROOT = Path(__file__).resolve().parents[2]


class Processes:
    """Starts processes of Quayside; `close` ends them all."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        self.folder = folder
        self._all: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
            "QUAYSIDE_DATABASE_URL": database_url(connection.settings_dict),
            "QUAYSIDE_DATA_DIR": str(folder),
            "QUAYSIDE_REDIS_URL": redis_url,
            "QUAYSIDE_JOB_SILENCE_SECONDS": "5",
        }

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        """Start a worker of both queues."""
        return self._start(
            name,
            *("-m", "celery", "-A", "config", "worker", "-Q", "control,transfer,upkeep"),
            *("--pool", "threads", "-c", "4", "-n", f"{name}@%h", "--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        )

    def beat(self, name: str) -> subprocess.Popen[bytes]:
        """Start a beat."""
        return self._start(name, "manage.py", "beat")

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end; return what it wrote."""
        argv = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            argv, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._all.append(process)
        return process

    def close(self) -> None:
        """End all of them, also those that were frozen."""
        for process in self._all:
            process.kill()
            process.wait()
