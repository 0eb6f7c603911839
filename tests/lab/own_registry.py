"""A registry inside of a network namespace, which a test may stop, freeze, slow down and start."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from scripts.services import end_with_parent, wait_until

PORT = 5077  # on the host's own loopback, where engines trust plain HTTP
CONFIG = """
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass
class Own:
    """`netns` is the namespace's file; the registry listens on its loopback."""

    netns: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    reference: str = f"127.0.0.1:{PORT}/app:1"
    tags: list[str] = field(default_factory=list)

    def start(self) -> None:
        config = self.folder / "config.yml"
        config.write_text(CONFIG.format(folder=self.folder / "data", port=PORT))
        inside = ["nsenter", f"--net={self.netns}"]
        self.process = subprocess.Popen(
            [*inside, "docker-registry", "serve", str(config)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=end_with_parent(signal.SIGTERM),
        )  # fmt: skip
        ping = [*inside, "curl", "-sf", f"http://127.0.0.1:{PORT}/v2/"]
        wait_until(
            lambda: subprocess.run(ping, capture_output=True, check=False).returncode == 0,
            "docker-registry", self.folder / "config.yml",
        )  # fmt: skip

    def send(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)
        if number == signal.SIGKILL:
            self.process.wait()

    def has_tag(self) -> bool:
        place = "docker/registry/v2/repositories/app/_manifests/tags/1/current/link"
        return (self.folder / "data" / place).exists()

    def uploads(self) -> bool:
        return any((self.folder / "data").rglob("_uploads/*/data"))

    def pace(self, rate: str = "") -> None:
        """Let the namespace's loopback carry no more than `20mbit`, say; without a rate, all."""
        inside = ["nsenter", f"--net={self.netns}", "tc", "qdisc"]
        subprocess.run([*inside, "del", "dev", "lo", "root"], capture_output=True, check=False)
        if rate:
            queue = ["tbf", "rate", rate, "burst", "256kb", "latency", "400ms"]
            subprocess.run([*inside, "add", "dev", "lo", "root", *queue], check=True)

    def end(self) -> None:
        """Kill it, also when it is frozen or gone."""
        self.pace()
        if self.process and self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGKILL)
