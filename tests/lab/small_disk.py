"""A Docker engine whose disk is a small file: one that tests may fill up.

It has a network namespace of its own with nothing but loopback, and no bridge. Needs root, and
leave to mount.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.services import end_with_parent, wait_until
from tests.lab.lab import DOCKER, Lab, LabHost

PLAIN = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"]


@dataclass(frozen=True)
class SmallHost(LabHost):
    """A host like the lab's, reached by its socket alone."""

    @property
    def disk(self) -> Path:
        return self.folder / "disk"


def _run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def _disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Mount a file of so many megabytes as the folder's `disk`; skip where that is denied."""
    image, place = folder / "disk.img", folder / "disk"
    place.mkdir()
    with image.open("wb") as data:
        data.truncate(megabytes * 1024**2)
    for argv in (
        ["mkfs.ext4", "-q", "-F", str(image)],
        ["mount", "-o", "loop", str(image), str(place)],
    ):
        done = _run(*argv)
        if done.returncode:
            pytest.skip(f"This machine mounts no file as a disk: {done.stderr.strip()}")
    try:
        yield
    finally:
        # What the engine has mounted below goes with it.
        mounts = _run("findmnt", "-rno", "TARGET", "-R", str(place)).stdout.split()
        for mount in reversed(mounts):
            _run("umount", "-l", mount)


@contextlib.contextmanager
def _netns(name: str) -> Iterator[str]:
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield f"/run/netns/{name}"
    finally:
        for pid in _run("ip", "netns", "pids", name).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        _run("ip", "netns", "del", name)


@contextlib.contextmanager
def _dockerd(host: SmallHost) -> Iterator[None]:
    place = host.socket.parent
    place.mkdir()
    argv = ["dockerd", *PLAIN, f"--data-root={host.disk}", f"--exec-root={place / 'exec'}",
            f"--pidfile={place / 'pid'}", f"--host={host.socket_url}"]  # fmt: skip
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            ["nsenter", f"--net={host.netns}", *argv], stdout=log, stderr=log,
            preexec_fn=end_with_parent(signal.SIGTERM),
        )  # fmt: skip
    ping = [DOCKER, "-H", host.socket_url, "version"]
    try:
        wait_until(
            lambda: subprocess.run(ping, capture_output=True, check=False).returncode == 0,
            "dockerd", place / "log",
        )  # fmt: skip
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


@contextlib.contextmanager
def small_host(lab: Lab, megabytes: int) -> Iterator[SmallHost]:
    """Start an engine on a disk of so many megabytes; it has the lab's image."""
    # A short path: sockets' paths may have 107 letters.
    folder = Path(tempfile.mkdtemp(prefix="qdisk-", dir="/tmp"))
    try:
        with (
            _disk(folder, megabytes),
            _netns(f"{lab._prefix}-dsk") as netns,
        ):
            host = SmallHost(1, folder, "", netns)
            with _dockerd(host):
                host.docker("import", str(lab.folder / "busybox.tar"), "lab/busybox:1")
                yield host
    finally:
        shutil.rmtree(folder, ignore_errors=True)
