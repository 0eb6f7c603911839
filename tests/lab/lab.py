"""The lab of real Docker hosts, for tests: what `lab.sh` made, as objects.

A test asks for the fixture `lab` (fixtures.py) and gets hosts it can run containers on, and cables
it can pull.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SCRIPT = Path(__file__).with_name("lab.sh")
DOCKER = "/usr/bin/docker"
IMAGE = "lab/busybox:1"


class LabError(Exception):
    """The lab could not do what a test asked for; the text is what the command said."""


def _call(argv: list[str], *, env: dict[str, str] | None = None, timeout: float = 60) -> str:
    done = subprocess.run(
        argv, env=env, timeout=timeout, check=False, capture_output=True, text=True
    )
    if done.returncode:
        said = (done.stderr + done.stdout).strip()
        raise LabError(f"{' '.join(argv[:8])} ended with {done.returncode}: {said}")
    return done.stdout.strip()


@dataclass(frozen=True)
class LabHost:
    """One Docker Engine of the lab, with every way to reach it. Keys are PEM text."""

    number: int
    folder: Path
    address: str
    netns: str = ""  # the file of its network namespace

    @property
    def name(self) -> str:
        return f"h{self.number}"

    @property
    def url(self) -> str:
        return f"tcp://{self.address}:2376"

    @property
    def ssh_url(self) -> str:
        return f"ssh://root@{self.address}:22"

    @property
    def socket(self) -> Path:
        return self.folder / self.name / "docker.sock"

    @property
    def socket_url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def tls_ca(self) -> str:
        return self._text("tls/client/ca.pem")

    @property
    def tls_cert(self) -> str:
        return self._text("tls/client/cert.pem")

    @property
    def tls_key(self) -> str:
        return self._text("tls/client/key.pem")

    @property
    def ssh_key(self) -> str:
        return self._text("ssh/id")

    @property
    def ssh_host_key(self) -> str:
        return self._text("ssh/hostkey.pub").strip()

    def _text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def docker(self, *arguments: str, timeout: float = 60) -> str:
        """Run Debian's docker client against this host and give back what it printed.

        Raises LabError with the client's own words when it fails.
        """
        return _call([DOCKER, "-H", self.socket_url, *arguments], timeout=timeout)

    @property
    def has_containerd_store(self) -> bool:
        """Whether containerd keeps its images; Debian's engine keeps them by itself."""
        return "io.containerd" in self.docker("info", "-f", "{{.DriverStatus}}")

    def run(self, *options: str, command: tuple[str, ...] = ("sleep", "100000")) -> str:
        """Start a small container in the background; its id. It ends at once when it is stopped."""
        return self.docker("run", "-d", "--stop-signal", "KILL", *options, IMAGE, *command)

    def clear(self) -> None:
        """Remove every container of this host."""
        ids = self.docker("ps", "-aq", "--no-trunc").split()
        if ids:
            self.docker("rm", "-f", "-v", *ids)


class Lab:
    """A running lab in a folder.

    `lab[1]` is the first host, as `lab.sh` counts; iteration gives all of them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def net(self) -> str:
        """The first three numbers of every address, such as `10.213.0`."""
        return self._settings["NET"]

    @cached_property
    def _prefix(self) -> str:
        return self._settings["P"]

    @cached_property
    def _settings(self) -> dict[str, str]:
        lines = (self.folder / "settings").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @cached_property
    def hosts(self) -> list[LabHost]:
        count = int((self.folder / "n").read_text())
        return [
            LabHost(i, self.folder, f"{self.net}.{10 + i}", f"/run/netns/{self._prefix}-h{i}")
            for i in range(1, count + 1)
        ]

    def __getitem__(self, number: int) -> LabHost:
        return self.hosts[number - 1]

    @property
    def registry(self) -> str:
        """Address of the registry that asks for nothing."""
        return f"{self.net}.5:5000"

    @property
    def private_registry(self) -> str:
        """Address of the registry that asks for `lab` and `labpass`."""
        return f"{self.net}.5:5001"

    @property
    def podman_socket(self) -> Path:
        return self.folder / "podman" / "podman.sock"

    def podman(self, *arguments: str, timeout: float = 60) -> str:
        """Run Debian's docker client against the Podman service; as `LabHost.docker`."""
        return _call([DOCKER, "-H", f"unix://{self.podman_socket}", *arguments], timeout=timeout)

    def kill(self, number: int) -> None:
        """Power off a host: daemon, containers and all, at once."""
        self.script("kill", str(number))

    def up(self, number: int) -> None:
        """Power a killed host on again and wait until it answers."""
        self.script("up", str(number))

    def cut(self, number: int) -> None:
        """Pull the host's network cable: connections hang, they are not refused."""
        self.script("cut", str(number))

    def heal(self, number: int) -> None:
        self.script("heal", str(number))

    def pace(self, rate: str = "") -> None:
        """Let the registries send no faster than `40mbit`, say; without a rate, freely."""
        self.script("pace", rate)

    def registry_bytes(self) -> int:
        """How many bytes the registries have sent so far."""
        switch = f"/run/netns/{self._prefix}-sw"
        link = ["ip", "-s", "-j", "link", "show", f"{self._prefix}-reg"]
        (found,) = json.loads(_call(["nsenter", f"--net={switch}", *link]))
        return int(found["stats64"]["rx"]["bytes"])

    def clear(self) -> None:
        """Remove every container of every host."""
        for host in self.hosts:
            host.clear()

    def script(self, *arguments: str, **settings: str) -> str:
        """Call `lab.sh` on this lab; `settings` are added to its environment."""
        env = {**os.environ, "LAB": str(self.folder), **settings}
        return _call(["bash", str(SCRIPT), *arguments], env=env, timeout=120)
