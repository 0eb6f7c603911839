"""Hosts that are added by commands: the machine's own engine, and a lab's hosts."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from fleet.actor import Actor
from fleet.models import Host
from fleet.operations.hosts import host_remove, host_update
from tests.hosts.certificates import Pair, make_ssh_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, for sockets."""
    with tempfile.TemporaryDirectory(prefix="qcmd-", dir="/tmp") as path:
        yield Path(path)


@pytest.fixture
def machine(folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine whose only socket is the returned one, once it is bound."""
    from fleet.management.commands import add_local_host

    docker = folder / "docker.sock"
    settings.LOCAL_SOCKET = str(docker)
    known = [docker, folder / "rootless.sock"]
    monkeypatch.setattr(add_local_host, "candidates", lambda: known)
    yield docker


def listen(path: Path) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    found.bind(str(path))
    return found


def run(name: str, **options: Any) -> str:
    out = StringIO()
    call_command(name, stdout=out, **options)
    return out.getvalue()


def test_it_adds_the_machines_own_engine_once(machine: Path) -> None:
    with listen(machine):
        assert "Added" in run("add_local_host")
        assert run("add_local_host") == ""
    host = Host.objects.get()
    assert (host.name, host.url, host.environment.name) == ("local", f"unix://{machine}", "local")


def test_it_takes_a_rootless_engine(machine: Path) -> None:
    with listen(machine.with_name("rootless.sock")):
        run("add_local_host")
    assert Host.objects.get().url.endswith("rootless.sock")


def test_without_an_engine_it_says_so(machine: Path) -> None:
    machine.write_text("not a socket")
    assert "No Docker or Podman socket" in run("add_local_host")
    assert not Host.objects.exists()


def test_it_does_not_bring_back_what_somebody_removed(machine: Path, actor: Actor) -> None:
    with listen(machine):
        run("add_local_host")
        host_remove(actor=actor, host_id=Host.objects.get().pk)
        run("add_local_host")
    assert not Host.objects.exists()


def test_it_does_not_add_a_renamed_one_again(machine: Path, actor: Actor) -> None:
    with listen(machine):
        run("add_local_host")
        host_update(actor=actor, host_id=Host.objects.get().pk, data={"name": "mine"})
        run("add_local_host")
    assert Host.objects.get().name == "mine"


def test_the_usual_places_are_looked_at(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from fleet.management.commands.add_local_host import candidates

    settings.LOCAL_SOCKET = "/own/docker.sock"
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert [str(path) for path in candidates()] == [
        "/own/docker.sock",
        "/run/user/7/docker.sock",
        "/run/podman/podman.sock",
        "/run/user/7/podman/podman.sock",
    ]


@pytest.fixture
def lab_folder(folder: Path, pair: Pair) -> Path:
    """A folder as the lab leaves it."""
    for name in ("tls/client", "ssh", "podman"):
        (folder / name).mkdir(parents=True)
    (folder / "n").write_text("3\n")
    (folder / "settings").write_text("P=lab\nNET=10.99.0\n")
    for name, text in (("ca", pair.cert), ("cert", pair.cert), ("key", pair.key)):
        (folder / "tls" / "client" / f"{name}.pem").write_text(text)
    (folder / "ssh" / "id").write_text(make_ssh_key()[0])
    return folder


def test_it_adds_a_labs_hosts_once(lab_folder: Path) -> None:
    with listen(lab_folder / "podman" / "podman.sock"):
        run("demo_hosts", lab=lab_folder)
        assert run("demo_hosts", lab=lab_folder) == ""
    assert dict(Host.objects.values_list("name", "url")) == {
        "h1": "tcp://10.99.0.11:2376",
        "h2": "tcp://10.99.0.12:2376",
        "h3": "ssh://root@10.99.0.13",
        "podman": f"unix://{lab_folder}/podman/podman.sock",
    }


@pytest.mark.parametrize("where", [None, Path("/nowhere")])
def test_it_says_when_there_is_no_lab(where: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUAYSIDE_DEMO_LAB", raising=False)
    with pytest.raises(CommandError):
        run("demo_hosts", lab=where)
