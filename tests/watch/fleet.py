"""A small installation for tests of whole processes: database, Redis, watchers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.models import QuerySet
from redis import Redis

from fleet.models import Container, Environment, Event, Host, Image
from scripts.services import ROOT, find_redis, redis
from tests.databases import connected, database_url, new_database
from tests.lab.lab import LabHost
from tests.waiting import eventually

# Processes start slowly where many tests run at once; what must be quick says so itself.
PATIENCE = 60

ALIAS = "watched"


class WatchedFleet:
    """Hosts as rows, and watchers that are processes of their own."""

    def __init__(self, folder: Path, redis_folder: Path) -> None:
        self.folder, self._redis_folder = folder, redis_folder
        self._redis = ExitStack()
        self.redis_url = ""
        self.environment = Environment.objects.using(ALIAS).create(name="lab")
        self.watchers: list[subprocess.Popen[bytes]] = []

    # -- rows -----------------------------------------------------------------------------------

    def add_host(self, name: str, url: str, **fields: Any) -> Host:
        """Add a host; keys are given in clear."""
        secrets = {key: fields.pop(key, "") for key in ("tls_key", "ssh_key")}
        host = Host(name=name, url=url, environment_id=self.environment.pk, **fields)
        host.tls_key, host.ssh_key = secrets["tls_key"], secrets["ssh_key"]
        host.save(using=ALIAS)
        return host

    def add_lab_host(self, it: LabHost) -> Host:
        """Add a host of the lab, reached by TLS."""
        return self.add_host(
            it.name, it.url, tls_ca=it.tls_ca, tls_cert=it.tls_cert, tls_key=it.tls_key
        )

    def host(self, name: str) -> Host:
        return Host.objects.using(ALIAS).get(name=name)

    def containers(self, **filters: Any) -> QuerySet[Container]:
        return Container.objects.using(ALIAS).filter(**filters)

    def images(self, **filters: Any) -> QuerySet[Image]:
        return Image.objects.using(ALIAS).filter(**filters)

    def events(self, **filters: Any) -> QuerySet[Event]:
        return Event.objects.using(ALIAS).filter(**filters).order_by("at", "id")

    def kinds(self, **filters: Any) -> list[str]:
        """Return the kinds of the events, in order."""
        return list(self.events(**filters).values_list("kind", flat=True))

    def wait_for_state(self, name: str, state: str, *, seconds: float = PATIENCE) -> Host:
        """Return the host once it is in that state."""
        eventually(lambda: self.host(name).state == state, f"{name} {state}", seconds=seconds)
        return self.host(name)

    def wait_for(self, *, seconds: float = PATIENCE, **filters: Any) -> Container:
        """Return the first container that the filters find, once there is one."""
        rows = self.containers(**filters)
        eventually(rows.exists, f"a container with {filters}", seconds=seconds)
        return rows[0]

    # -- processes ------------------------------------------------------------------------------

    def start_redis(self) -> None:
        self.redis_url = self._redis.enter_context(redis(self._redis_folder))

    def stop_redis(self) -> None:
        self._redis.close()
        for path in self._redis_folder.iterdir():
            path.unlink()
        self._redis_folder.rmdir()

    def client(self) -> Redis:
        return Redis.from_url(self.redis_url, decode_responses=True)

    def start_watcher(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start a watcher; its log is in the fleet's folder."""
        number = len(self.watchers) + 1
        with (self.folder / f"watcher-{number}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "watch"],
                cwd=ROOT,
                env={**os.environ, **self._environment, **environment},
                stdout=log,
                stderr=log,
            )
        self.watchers.append(process)
        return process

    def log(self) -> str:
        """Return what all watchers have logged."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("watcher-*.log")))

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "QUAYSIDE_DATABASE_URL": database_url(connections[ALIAS].settings_dict),
            "QUAYSIDE_REDIS_URL": self.redis_url,
            "QUAYSIDE_DATA_DIR": str(self.folder),
            "QUAYSIDE_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
            "QUAYSIDE_LEASE_SECONDS": "3",
        }

    def close(self) -> None:
        """End every process; what the watchers said is shown with a failed test."""
        sys.stdout.write(self.log())
        for process in self.watchers:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.watchers:
            process.wait(20)
        self._redis.close()


@contextmanager
def watched_fleet(folder: Path, template: str) -> Iterator[WatchedFleet]:
    """An empty fleet with a running Redis, in a folder; all its processes end with it.

    Its rows are in a database of their own, a copy of `template`: the watchers are other
    processes, which see no test's transaction.
    """
    if find_redis() is None:
        pytest.skip("No redis-server on this machine.")
    with ExitStack() as stack:
        stack.enter_context(connected(ALIAS, stack.enter_context(new_database(folder, template))))
        short = stack.enter_context(tempfile.TemporaryDirectory(prefix="quayside-watch-"))
        made = WatchedFleet(folder, Path(short) / "redis")
        stack.callback(made.close)
        made.start_redis()
        yield made
