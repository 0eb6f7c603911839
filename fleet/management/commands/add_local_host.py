"""Add the engine of this machine as the first host."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from fleet.actor import system_actor
from fleet.models import AuditEntry, Host
from fleet.operations.errors import Invalid
from fleet.operations.hosts import host_create

NAME = "local"


def candidates() -> list[Path]:
    """Return where an engine's socket may be on this machine, the likeliest first."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    return [
        Path(settings.LOCAL_SOCKET),
        runtime / "docker.sock",
        Path("/run/podman/podman.sock"),
        runtime / "podman" / "podman.sock",
    ]


def local_socket() -> Path | None:
    """Return the first socket that is there, or None."""
    for path in candidates():
        try:
            if stat.S_ISSOCK(path.stat().st_mode):
                return path
        except OSError:  # missing, or in a folder that we may not look into
            continue
    return None


def was_ever_added() -> bool:
    """Return whether a host of this name is or was there: who removed it wants it gone."""
    made = AuditEntry.objects.filter(action="host.create", target_name__iexact=NAME)
    return made.exists() or Host.objects.filter(name__iexact=NAME).exists()


class Command(BaseCommand):
    """manage.py add_local_host"""

    help = "Adds this machine's engine as host “local”, unless it ever was one."

    def handle(self, *args: Any, **options: Any) -> None:
        """Add it, or say why not."""
        path = local_socket()
        if path is None:
            self.stdout.write("No Docker or Podman socket on this machine; no host added.")
            return
        url = f"unix://{path}"
        if was_ever_added() or Host.objects.filter(url=url).exists():
            return
        data = {"name": NAME, "url": url, "environment": NAME}
        try:
            host_create(actor=system_actor("command"), data=data)
        except Invalid as error:
            self.stdout.write(f"The socket {path} was not added: {error}")
            return
        self.stdout.write(f"Added {path} as host {NAME}.")
