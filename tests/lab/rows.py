"""Rows of the lab's hosts."""

from __future__ import annotations

from fleet.models import Environment, Host
from tests.conftest import make_host
from tests.lab.lab import LabHost


def lab_row(host: LabHost, environment: Environment, way: str = "socket") -> Host:
    """Make a row of a lab's host that is reached by its socket, by `tls` or by `ssh`."""
    ways = {
        "socket": {"url": host.socket_url},
        "ssh": {"url": host.ssh_url, "ssh_key": host.ssh_key, "ssh_host_key": host.ssh_host_key},
        "tls": {
            "url": host.url, "tls_ca": host.tls_ca, "tls_cert": host.tls_cert,
            "tls_key": host.tls_key,
        },
    }  # fmt: skip
    return make_host(f"lab-{host.number}-{way}", environment, **ways[way])
