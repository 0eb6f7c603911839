"""Add the hosts of a lab, each reached in another way."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fleet.actor import system_actor
from fleet.models import Host
from fleet.operations.errors import Invalid
from fleet.operations.hosts import host_create

Data = dict[str, Any]


def net_of(lab: Path) -> str:
    """Return the first three numbers of the lab's addresses, such as `10.213.0`."""
    lines = (lab / "settings").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["NET"]


def tls_host(lab: Path, net: str, number: int) -> Data:
    """Return a host of the lab as it is reached by TLS."""
    client = lab / "tls" / "client"
    return {
        "name": f"h{number}",
        "url": f"tcp://{net}.{10 + number}:2376",
        "tls_ca": (client / "ca.pem").read_text(),
        "tls_cert": (client / "cert.pem").read_text(),
        "tls_key": (client / "key.pem").read_text(),
        "labels": {"reached-by": "tls"},
    }


def ssh_host(lab: Path, net: str, number: int) -> Data:
    """Return a host of the lab as it is reached by ssh."""
    return {
        "name": f"h{number}",
        "url": f"ssh://root@{net}.{10 + number}",
        "ssh_key": (lab / "ssh" / "id").read_text(),
        "labels": {"reached-by": "ssh"},
    }


def hosts_of(lab: Path) -> Iterator[Data]:
    """Yield the lab's hosts: by TLS, the last one by ssh where the lab has it, and Podman."""
    count, net = int((lab / "n").read_text()), net_of(lab)
    for number in range(1, count + 1):
        by_ssh = number == count > 1 and (lab / "ssh" / "id").exists()
        made = (ssh_host if by_ssh else tls_host)(lab, net, number)
        yield made | {"environment": "production" if number == 1 else "staging"}
    podman = lab / "podman" / "podman.sock"
    if podman.exists():
        yield {
            "name": "podman",
            "url": f"unix://{podman}",
            "environment": "edge",
            "labels": {"reached-by": "socket"},
        }


class Command(BaseCommand):
    """manage.py demo_hosts --lab FOLDER"""

    help = "Adds the hosts of a running lab (make lab) that are not there yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--lab",
            type=Path,
            default=os.environ.get("QUAYSIDE_DEMO_LAB"),
            help="the lab's folder; default: the variable QUAYSIDE_DEMO_LAB",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Add them. Raises CommandError when there is no lab in the folder."""
        if not options["lab"]:
            raise CommandError("Say where the lab is: --lab FOLDER or QUAYSIDE_DEMO_LAB.")
        try:
            found = list(hosts_of(Path(options["lab"])))
        except (OSError, KeyError, ValueError) as error:
            raise CommandError(f"There is no running lab in {options['lab']}: {error}") from error
        for data in found:
            if Host.objects.filter(name__iexact=data["name"]).exists():
                continue
            try:
                host_create(actor=system_actor("command"), data=data)
            except Invalid as error:
                raise CommandError(f"{data['name']}: {error}") from error
            self.stdout.write(f"Added {data['name']} ({data['url']}).")
