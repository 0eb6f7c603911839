"""Pytest plugin: the fixture `lab`, real Docker hosts for the whole test session.

`make test` starts the lab once and names it in QUAYSIDE_LAB. Without that (one test file run by
hand, say) a lab is started here when this machine can, and the tests that need one are skipped
with the reason when it cannot.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.lab import Lab, LabHost

__all__ = ["Lab", "LabHost", "lab"]

PROGRAMS = {
    "/usr/sbin/dockerd": "docker.io",
    "/usr/bin/docker": "docker.io",
    "/usr/bin/docker-registry": "docker-registry",
    "/usr/bin/busybox": "busybox-static",
    "/usr/bin/htpasswd": "apache2-utils",
    "/usr/sbin/sshd": "openssh-server",
    "/usr/bin/podman": "podman",
    "/usr/bin/openssl": "openssl",
    "/usr/bin/curl": "curl",
}


def why_no_lab() -> str:
    """The reason why this machine cannot run a lab, as a sentence; empty when it can."""
    if os.geteuid() != 0:
        return "The lab of Docker hosts needs root."
    packages = sorted({package for path, package in PROGRAMS.items() if not Path(path).exists()})
    if packages or not shutil.which("ip"):
        missing = ", ".join(packages) or "iproute2"
        return f"The lab of Docker hosts needs Debian packages that are missing: {missing}."
    return ""


def _own_settings(folder: Path) -> dict[str, str]:
    """A prefix and a network of its own, so that another lab on this machine is not disturbed."""
    number = os.getpid() % 200 + 40
    return {"LAB": str(folder), "LAB_PREFIX": f"qpy{number}", "LAB_NET": f"10.213.{number}"}


def _start(lab: Lab, settings: dict[str, str]) -> None:
    lab.script("start", "3", **settings)
    for step in ("ssh", "seed", "podman"):
        lab.script(step)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab: three hosts reached by socket, TLS and ssh, a Podman service and two registries."""
    if given := os.environ.get("QUAYSIDE_LAB"):
        yield Lab(Path(given))
        return
    if reason := why_no_lab():
        pytest.skip(reason)
    # A short path: it is the start of every socket's path, and those may have 107 letters.
    folder = Path(tempfile.mkdtemp(prefix="qlab-", dir="/tmp"))
    own = Lab(folder)
    settings = _own_settings(folder)
    with pytest.MonkeyPatch.context() as patch:
        try:
            _start(own, settings)
            patch.setenv("QUAYSIDE_LAB", str(folder))
            patch.setenv("LAB_NET", own.net)
            yield own
        finally:
            own.script("stop", **settings)
            shutil.rmtree(folder, ignore_errors=True)
