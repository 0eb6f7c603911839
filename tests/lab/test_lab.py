"""The lab itself: what other tests rely on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.lab import SCRIPT, Lab, LabError

pytestmark = pytest.mark.lab


def answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=0.5).close()
    except OSError:
        return False
    return True


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def is_alive(pid: str) -> bool:
    try:
        state = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def healed(lab: Lab) -> Iterator[Lab]:
    """The lab, put right again whatever the test did to its third host."""
    yield lab
    lab.heal(3)
    if not wait_for(lambda: answers(lab[3].address, 2376), 2):
        lab.up(3)
    lab[3].clear()


def test_it_has_hosts_with_names_and_ids_of_their_own(lab: Lab) -> None:
    facts = [json.loads(host.docker("info", "--format", "{{json .}}")) for host in lab.hosts]
    assert len({fact["ID"] for fact in facts}) == len(lab.hosts)
    assert len({fact["Name"] for fact in facts}) == len(lab.hosts)


def test_it_serves_tls_to_its_own_clients_only(lab: Lab) -> None:
    host = lab[1]
    ping = ["curl", "-sS", "-m", "5", f"https://{host.address}:2376/_ping"]
    trust = ["--cacert", f"{lab.folder}/tls/client/ca.pem"]
    keys = ["--cert", f"{lab.folder}/tls/client/cert.pem"]
    keys += ["--key", f"{lab.folder}/tls/client/key.pem"]
    known = subprocess.run([*ping, *trust, *keys], capture_output=True, text=True, check=True)
    assert known.stdout == "OK"
    stranger = subprocess.run([*ping, *trust], capture_output=True, text=True, check=False)
    assert stranger.returncode != 0
    assert "certificate" in stranger.stderr


def test_it_serves_docker_by_ssh(lab: Lab) -> None:
    env = {**os.environ, "PATH": f"{lab.folder}/ssh/bin:{os.environ['PATH']}"}
    argv = ["/usr/bin/docker", "-H", lab[2].ssh_url, "info", "--format", "{{.Name}}"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == lab[2].docker("info", "--format", "{{.Name}}")


def test_it_runs_containers_and_podman(lab: Lab) -> None:
    lab[2].docker("run", "--rm", "lab/busybox:1", "true")
    client = ["/usr/bin/docker", "-H", f"unix://{lab.podman_socket}", "run", "--rm"]
    done = subprocess.run(
        [*client, "lab/busybox:1", "echo", "hello"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "hello"


def test_it_cuts_and_heals_a_cable(healed: Lab) -> None:
    assert answers(healed[3].address, 2376)
    healed.cut(3)
    assert not answers(healed[3].address, 2376)
    healed.heal(3)
    assert wait_for(lambda: answers(healed[3].address, 2376))


def test_it_kills_a_host_with_all_on_it_and_brings_it_back(healed: Lab) -> None:
    host = healed[3]
    running = host.run()
    paused = host.run()
    host.docker("pause", paused)
    pid = host.docker("inspect", "-f", "{{.State.Pid}}", running)
    assert is_alive(pid)
    healed.kill(3)
    assert not is_alive(pid)
    assert not answers(host.address, 2376)
    healed.up(3)
    assert host.docker("inspect", "-f", "{{.State.Running}}", running) == "false"
    assert wait_for(lambda: answers(host.address, 22))


def test_it_names_a_host_that_is_not_there(lab: Lab) -> None:
    with pytest.raises(LabError, match="which host"):
        lab.script("kill", "99")


def test_it_stops_without_leaving_anything(tmp_path_factory: pytest.TempPathFactory) -> None:
    number = os.getpid() % 90 + 10
    settings = {"LAB_PREFIX": f"qend{number}", "LAB_NET": f"10.214.{number}"}
    small = Lab(Path(f"/tmp/qlab-end-{os.getpid()}"))
    try:
        small.script("start", "1", **settings)
        small.script("seed")
        small.script("run", "1", "2")
        assert len(small[1].docker("ps", "-q").split()) == 2
        with pytest.raises(LabError, match="runs in"):
            small.script("start", "1", **settings)
    finally:
        small.script("stop", **settings)
    traces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    assert settings["LAB_PREFIX"] not in traces.stdout
    assert str(small.folder) not in Path("/proc/mounts").read_text()
    assert not list(Path("/sys/fs/cgroup").glob(f"*/{settings['LAB_PREFIX']}"))
    assert not small.folder.exists()


def test_it_keeps_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    env = {**os.environ, "LAB": str(tmp_path), "LAB_PREFIX": "qnone"}
    subprocess.run(["bash", str(SCRIPT), "stop"], env=env, check=True, capture_output=True)
    assert (tmp_path / "precious").read_text() == "mine"
