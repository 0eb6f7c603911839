"""Engines by SSH, against an SSH server in-process that joins us with the fake engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from fleet.engine import transport
from fleet.engine.aio import open_async
from fleet.engine.background import run_in_background
from fleet.engine.client import open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import EngineError
from fleet.engine.fake import FakeEngine, fake_in_thread
from fleet.engine.probe import probe
from tests.engine.agent import running_agent
from tests.engine.sshd import SshServer
from tests.waiting import eventually, eventually_async


@pytest.fixture
def sshd(fake: FakeEngine) -> Iterator[SshServer]:
    server = SshServer(fake.url.removeprefix("unix://"))
    run_in_background(server.start(), 10)
    yield server
    transport.close_shared_routes()
    run_in_background(server.stop(), 10)


@pytest.fixture
def over_ssh(sshd: SshServer) -> Endpoint:
    return Endpoint(
        f"ssh://me@127.0.0.1:{sshd.port}", ssh_key=sshd.user_pem, ssh_host_key=sshd.host_public
    )


async def test_it_reaches_the_engine(fake: FakeEngine, over_ssh: Endpoint) -> None:
    async with open_async(over_ssh) as engine:
        assert (await engine.facts()).name == "fake"


def test_it_reaches_the_engine_from_threads(over_ssh: Endpoint, sshd: SshServer) -> None:
    for _ in range(3):
        with open_engine(over_ssh) as engine:
            assert engine.facts().name == "fake"
    assert len(sshd.connections) == 1


async def test_it_runs_dial_stdio_and_sends_no_environment(
    over_ssh: Endpoint, sshd: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    async with open_async(over_ssh) as engine:
        await engine.ping()
    assert sshd.commands == ["docker system dial-stdio"]
    assert sshd.environments == [{}]


async def test_it_names_the_socket_of_the_address(over_ssh: Endpoint, sshd: SshServer) -> None:
    async with open_async(replace(over_ssh, url=over_ssh.url + "/run/other.sock")) as engine:
        await engine.ping()
    assert sshd.commands == ["docker --host unix:///run/other.sock system dial-stdio"]


async def test_it_learns_the_host_key_at_first_use(over_ssh: Endpoint, sshd: SshServer) -> None:
    async with open_async(replace(over_ssh, ssh_host_key="")) as engine:
        assert engine.learned_host_key == sshd.host_public


def test_it_tells_the_fingerprint(over_ssh: Endpoint, sshd: SshServer) -> None:
    found = probe(replace(over_ssh, ssh_host_key=""))
    assert (found.ok, found.host_key) == (True, sshd.host_public)
    assert found.host_key_fingerprint == sshd.host_key.get_fingerprint()


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_it_refuses_another_host_key(over_ssh: Endpoint, sshd: SshServer, kind: str) -> None:
    other = asyncssh.generate_private_key(kind).export_public_key().decode()
    found = probe(replace(over_ssh, ssh_host_key=other))
    assert (found.code, found.host_key) == ("host_key_changed", sshd.host_public)
    assert sshd.commands == []


def test_it_says_that_the_key_was_refused(over_ssh: Endpoint, sshd: SshServer) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    found = probe(replace(over_ssh, ssh_key=other))
    assert (found.code, found.host_key) == ("ssh_key_refused", sshd.host_public)


def test_it_says_that_this_is_no_ssh(fake: FakeEngine, over_ssh: Endpoint) -> None:
    with fake_in_thread() as web:
        url = web.url.replace("tcp://", "ssh://me@")
        assert probe(replace(over_ssh, url=url)).code == "not_ssh"


@pytest.mark.parametrize(
    ("status", "complaint", "code"),
    [
        (127, "sh: docker: not found", "no_docker"),
        (1, "permission denied while trying to connect to the Docker daemon socket", "permission"),
        (1, "Cannot connect to the Docker daemon at unix:///x. Is it running?", "docker_down"),
        (1, "docker: 'system' is not a docker command.", "no_docker"),
        (3, "odd", "disconnected"),
    ],
)
def test_it_says_why_dial_stdio_failed(
    over_ssh: Endpoint, sshd: SshServer, status: int, complaint: str, code: str
) -> None:
    sshd.exit_status, sshd.complaint = status, complaint
    found = probe(over_ssh)
    assert (found.code, found.raw) == (code, complaint)
    with pytest.raises(EngineError) as caught, open_engine(over_ssh):
        pass
    assert caught.value.code == code


@pytest.mark.parametrize("allowed", [1, 3, 10])
async def test_it_opens_more_connections_for_more_streams(
    fake: FakeEngine, over_ssh: Endpoint, sshd: SshServer, allowed: int
) -> None:
    sshd.sessions = allowed
    async with open_async(over_ssh) as engine:
        await engine.facts()
        streams = [engine.events() for _ in range(6)]
        for stream in streams:
            await stream.open()
        for stream in streams:
            await stream.aclose()
        await eventually_async(lambda: sshd.running <= 2, "streams end on the host")


async def test_it_notices_that_the_host_hung_up(over_ssh: Endpoint, sshd: SshServer) -> None:
    async with open_async(over_ssh) as engine:
        async with engine.events() as stream:
            for connection in list(sshd.connections):
                connection.abort()
            with pytest.raises(EngineError) as caught:
                await anext(aiter(stream))
            assert caught.value.code == "disconnected"
        await engine.ping()


async def test_it_leaves_nothing_behind(over_ssh: Endpoint, sshd: SshServer) -> None:
    async with open_async(over_ssh) as engine:
        path = Path(engine._route.unix_path)
        assert path.parent.stat().st_mode & 0o777 == 0o700
        async with engine.events():
            pass
    assert not path.parent.exists()
    await eventually_async(lambda: not sshd.connections, "the SSH connection ends")


def test_it_closes_shared_connections_that_nobody_uses(
    over_ssh: Endpoint, sshd: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LINGER_SECONDS", 0.05)
    with open_engine(over_ssh) as engine:
        engine.facts()
    eventually(lambda: not sshd.connections, "the SSH connection ends")


async def test_it_uses_an_agent(
    over_ssh: Endpoint, sshd: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("ssh-agent") is None:
        pytest.skip("ssh-agent is not installed.")
    async with running_agent(tmp_path / "agent.sock", sshd.user_pem) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        async with open_async(replace(over_ssh, ssh_key="")) as engine:
            await engine.ping()
