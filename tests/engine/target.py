"""An engine that the contract is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from fleet.engine.endpoint import Endpoint
from tests.lab.lab import Lab

Labels = dict[str, str] | None
IMAGE = "lab/busybox:1"
LAB = pytest.mark.lab
# Each kind of engine once: the ways to it have a contract of their own (test_contract). In modules
# about what engines do, what moves many bytes or is cut off goes all ways.
by_socket = pytest.mark.parametrize(
    "target",
    ["fake", pytest.param("unix", marks=LAB), pytest.param("podman", marks=LAB)],
    indirect=True,
)
SLEEP = ("sleep", "1000")
BUSY = ("sh", "-c", "while :; do :; done")
CHATTER = ("sh", "-c", "for i in 1 2 3; do echo out $i; echo err $i >&2; done; sleep 1000")


@dataclass
class Target:
    """An engine under test, and a plain client to set the scene."""

    kind: str
    endpoint: Endpoint
    api: docker.APIClient
    made: list[str]
    registry: str = ""  # open
    private_registry: str = ""  # asks for lab, labpass

    def create(self, name: str, command: tuple[str, ...] = SLEEP, labels: Labels = None) -> str:
        made = self.api.create_container(
            IMAGE,
            list(command),
            name=f"contract-{name}",
            labels=labels or {},
            stop_signal="SIGKILL",
        )
        self.made.append(made["Id"])
        return str(made["Id"])

    def run(self, name: str, command: tuple[str, ...] = SLEEP, labels: Labels = None) -> str:
        ident = self.create(name, command, labels)
        self.api.start(ident)
        return ident

    def clear(self) -> None:
        for ident in self.made:
            try:
                self.api.remove_container(ident, force=True)
            except docker.errors.NotFound:
                continue


def plain_client(socket: Path) -> docker.APIClient:
    return docker.APIClient(base_url=f"unix://{socket}", version="auto", timeout=30)


def lab_endpoint(lab: Lab, kind: str) -> Endpoint:
    host = lab[1]
    if kind == "tls":
        return Endpoint(host.url, host.tls_ca, host.tls_cert, host.tls_key)
    if kind == "ssh":
        return Endpoint(host.ssh_url, ssh_key=host.ssh_key, ssh_host_key=host.ssh_host_key)
    return Endpoint(host.socket_url if kind == "unix" else f"unix://{lab.podman_socket}")
