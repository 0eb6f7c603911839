"""What holds for every engine: the fake one, Docker by socket, TLS and SSH, and Podman.

So the fake can stand for the real ones elsewhere. The real ones are those of the lab.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docker
import pytest

from fleet.engine.aio import open_async
from fleet.engine.client import open_engine
from fleet.engine.endpoint import Endpoint
from fleet.engine.errors import Aborted, Conflict, EngineError, Invalid, NotFound, Unsupported
from fleet.engine.fake import fake_in_thread
from fleet.engine.probe import probe
from fleet.engine.types import EngineEvent
from tests.lab.lab import Lab
from tests.waiting import eventually, eventually_async

Labels = dict[str, str] | None
IMAGE = "lab/busybox:1"
SLEEP = ("sleep", "1000")
CHATTER = ("sh", "-c", "for i in 1 2 3; do echo out $i; echo err $i >&2; done; sleep 1000")


@dataclass
class Target:
    """An engine under test, and a plain client to set the scene."""

    kind: str
    endpoint: Endpoint
    api: docker.APIClient
    made: list[str]

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
    return docker.APIClient(base_url=f"unix://{socket}", version="1.41", timeout=30)


def lab_endpoint(lab: Lab, kind: str) -> Endpoint:
    host = lab[1]
    if kind == "tls":
        return Endpoint(host.url, host.tls_ca, host.tls_cert, host.tls_key)
    if kind == "ssh":
        return Endpoint(host.ssh_url, ssh_key=host.ssh_key, ssh_host_key=host.ssh_host_key)
    return Endpoint(host.socket_url if kind == "unix" else f"unix://{lab.podman_socket}")


LAB_KINDS = [pytest.param(kind, marks=pytest.mark.lab) for kind in ("unix", "tls", "ssh", "podman")]


@pytest.fixture(params=["fake", *LAB_KINDS])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    if request.param == "fake":
        with fake_in_thread(tmp_path / "fake.sock") as fake:
            yield Target("fake", Endpoint(fake.url), plain_client(tmp_path / "fake.sock"), [])
        return
    lab: Lab = request.getfixturevalue("lab")
    socket = lab.podman_socket if request.param == "podman" else lab[1].socket
    if not socket.exists():
        pytest.skip(f"The lab has no {request.param}.")
    found = Target(request.param, lab_endpoint(lab, request.param), plain_client(socket), [])
    yield found
    found.clear()


def test_it_answers_a_probe(target: Target) -> None:
    found = probe(target.endpoint)
    assert found.ok, found
    assert found.facts is not None
    assert found.facts.is_podman == (target.kind == "podman") == bool(str(found.advice))
    assert found.facts.product == ("Podman Engine" if target.kind == "podman" else "Docker Engine")
    assert found.facts.cpus > 0 and found.facts.memory > 0
    assert found.facts.version and found.facts.os and found.facts.name


async def test_it_lists_and_inspects(target: Target) -> None:
    began = datetime.now(UTC) - timedelta(seconds=5)
    ident = target.run("one", labels={"com.docker.compose.project": "shop", "odd": "<b>"})
    async with open_async(target.endpoint) as engine:
        (found,) = [c for c in await engine.list_containers() if c.engine_id == ident]
        facts = await engine.container("contract-one")
    assert (found.name, found.state) == ("contract-one", "running")
    assert (facts.engine_id, facts.name, facts.state) == (ident, "contract-one", "running")
    assert (facts.compose_project, facts.labels["odd"]) == ("shop", "<b>")
    assert facts.image.endswith(IMAGE)
    assert facts.started_at is not None and facts.started_at > began
    assert (facts.finished_at, facts.exit_code, facts.health) == (None, None, "")
    assert facts.pid > 0
    assert facts.command == "sleep 1000"


async def test_it_uses_disk(target: Target) -> None:
    target.run("one")
    async with open_async(target.endpoint) as engine:
        usage = await engine.disk_usage()
    assert usage.images.count >= 1 and usage.images.size > 0
    assert usage.containers.count >= 1


def test_it_obeys(target: Target) -> None:
    ident = target.create("one")
    with open_engine(target.endpoint) as engine:
        assert engine.container(ident).state == "created"
        assert engine.start(ident) is True
        assert engine.start(ident) is False
        assert engine.container(ident).state == "running"
        first = engine.container(ident).started_at
        engine.restart(ident, 1)
        second = engine.container(ident).started_at
        assert first is not None and second is not None and second > first
        assert engine.stop(ident, 1) is True
        assert engine.stop(ident, 1) is False
        assert engine.container(ident).state == "exited"
        assert engine.container(ident).exit_code == 137
        engine.rename(ident, "contract-two")
        assert engine.container("contract-two").engine_id == ident
        engine.remove(ident)
        with pytest.raises(NotFound):
            engine.container(ident)


def test_it_pauses_and_kills(target: Target) -> None:
    ident = target.run("one")
    with open_engine(target.endpoint) as engine:
        engine.pause(ident)
        assert engine.container(ident).state == "paused"
        engine.unpause(ident)
        assert engine.container(ident).state == "running"
        engine.kill(ident, "SIGKILL")
        eventually(lambda: engine.container(ident).state == "exited", "it ends")
        engine.remove(ident, force=True, volumes=True)


def test_it_shows_processes(target: Target) -> None:
    ident = target.run("one")
    with open_engine(target.endpoint) as engine:
        table = engine.top(ident)
        assert "PID" in table.titles
        assert any("sleep 1000" in " ".join(row) for row in table.rows)


@pytest.mark.lab
def test_it_shows_changed_files(target: Target) -> None:
    if target.kind == "fake":
        pytest.skip("The fake has no files.")
    ident = target.run("one", ("sh", "-c", "echo x >/tmp/new; sleep 1000"))
    with open_engine(target.endpoint) as engine:
        eventually(
            lambda: ("/tmp/new", "added") in [(c.path, c.kind) for c in engine.changes(ident)],
            "the new file is seen",
        )


Refused = Callable[[Target, str], None]


def unpause_running(target: Target, ident: str) -> None:
    with open_engine(target.endpoint) as engine:
        engine.unpause(ident)


def kill_stopped(target: Target, ident: str) -> None:
    with open_engine(target.endpoint) as engine:
        engine.stop(ident, 1)
        engine.kill(ident)


def take_name(target: Target, ident: str) -> None:
    target.create("two")
    with open_engine(target.endpoint) as engine:
        engine.rename(ident, "contract-two")


def remove_running(target: Target, ident: str) -> None:
    with open_engine(target.endpoint) as engine:
        engine.remove(ident)


@pytest.mark.parametrize("refused", [unpause_running, kill_stopped, take_name, remove_running])
def test_it_says_conflict(target: Target, refused: Refused) -> None:
    ident = target.run("one")
    with pytest.raises(Conflict) as caught:
        refused(target, ident)
    assert str(caught.value).endswith(".") and caught.value.permanent


def test_it_refuses_a_bad_name(target: Target) -> None:
    ident = target.create("one")
    with open_engine(target.endpoint) as engine, pytest.raises(Invalid):
        engine.rename(ident, "<script>alert(1)</script>")


async def test_it_tells_events(target: Target) -> None:
    actions: list[str] = []
    async with open_async(target.endpoint) as engine, engine.events() as stream:
        # The engine answers a moment before it has subscribed us.
        await asyncio.sleep(0.3)
        ident = await asyncio.to_thread(target.run, "one")
        await asyncio.to_thread(target.api.remove_container, ident, force=True)
        async with asyncio.timeout(20):
            async for event in stream:
                if event.object_id == ident and event.kind == "container":
                    assert event.object_name == "contract-one"
                    actions.append(event.action)
                if "destroy" in actions:
                    break
    wanted = ["create", "start", "die", "destroy"]
    assert [action for action in actions if action in wanted] == wanted


async def test_it_tells_past_events(target: Target) -> None:
    async with open_async(target.endpoint) as engine:
        ident = await asyncio.to_thread(target.run, "one")
        since = (datetime.now(UTC) - timedelta(seconds=20)).timestamp()
        found: list[EngineEvent] = []
        async with asyncio.timeout(20):
            async for event in engine.events(since):
                found.append(event)
                if (event.object_id, event.action) == (ident, "start"):
                    break
    assert abs(found[-1].at - datetime.now(UTC)) < timedelta(seconds=20)
    assert found[-1].at_ns > 10**18


async def test_it_reads_logs(target: Target) -> None:
    # The fake runs nothing: what its containers say is set where the fake is tested.
    ident = target.run("one", CHATTER)
    async with open_async(target.endpoint) as engine:
        if target.kind == "fake":
            assert [batch async for batch in engine.logs(ident)] == []
            return

        async def streams() -> dict[str, bytes]:
            found = {"stdout": b"", "stderr": b""}
            async for batch in engine.logs(ident, tail=6):
                for frame in batch:
                    found[frame.stream] += frame.data
            return found

        async with asyncio.timeout(20):
            while (found := await streams())["stderr"].count(b"\n") < 3:
                await asyncio.sleep(0.05)
        assert found["stdout"] == b"out 1\nout 2\nout 3\n"
        assert found["stderr"] == b"err 1\nerr 2\nerr 3\n"


async def test_it_follows_logs_to_the_end(target: Target) -> None:
    ident = target.run("one", CHATTER)
    async with open_async(target.endpoint) as engine:
        async with engine.logs(ident, follow=True) as stream, asyncio.timeout(20):
            await asyncio.to_thread(target.api.kill, ident)
            async for _ in stream:
                pass
        await engine.ping()


def open_streams(target: Target) -> int:
    """How many clients the engine still feeds, by its own account (Docker only)."""
    return int(target.api.info().get("NEventsListener", 0))


async def test_it_lets_go_of_streams(target: Target) -> None:
    if target.kind in ("fake", "podman"):
        pytest.skip("This engine does not tell its listeners.")
    before = await asyncio.to_thread(open_streams, target)
    async with open_async(target.endpoint) as engine:
        streams = [engine.events() for _ in range(12)]
        for stream in streams:
            await stream.open()
        count: list[int] = []

        async def counted() -> None:
            count.append(await asyncio.to_thread(open_streams, target))

        await until(counted, lambda: count[-1] == before + 12, "twelve listeners")
        for stream in streams:
            await stream.aclose()
        await until(counted, lambda: count[-1] == before, "no listener more than before")


async def until(step: Callable[[], object], condition: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(20):
        while True:
            result = step()
            if asyncio.iscoroutine(result):
                await result
            if condition():
                return
            await asyncio.sleep(0.05)


def test_it_hangs_up_on_request(target: Target) -> None:
    ident = target.run("one", ("sh", "-c", "trap '' TERM USR1; while true; do sleep 1; done"))
    if target.kind == "fake":
        pytest.skip("The fake's own test does this.")
    failures: list[EngineError] = []
    with open_engine(target.endpoint) as engine:
        engine.inspect(ident)
        entered = threading.Event()

        def stop() -> None:
            entered.set()
            try:
                while True:
                    engine.top(ident)
            except EngineError as error:
                failures.append(error)

        thread = threading.Thread(target=stop)
        thread.start()
        entered.wait(5)
        engine.abort()
        thread.join(10)
    assert [type(failure) for failure in failures] == [Aborted]


async def test_it_finds_nothing_that_is_not_there(target: Target) -> None:
    async with open_async(target.endpoint) as engine:
        for work in (engine.container("contract-none"), engine.logs("contract-none").open()):
            with pytest.raises(NotFound):
                await work


@pytest.mark.lab
def test_podman_says_what_it_does_not_do(lab: Lab) -> None:
    if not lab.podman_socket.exists():
        pytest.skip("The lab has no podman.")
    endpoint = Endpoint(f"unix://{lab.podman_socket}")
    with open_engine(endpoint) as engine, pytest.raises(Unsupported) as caught:
        engine._json("/services")
    assert caught.value.code == "not_supported"


@pytest.mark.lab
async def test_it_notices_a_dead_cable(lab: Lab) -> None:
    host = lab[2]
    endpoint = Endpoint(host.url, host.tls_ca, host.tls_cert, host.tls_key)
    async with open_async(endpoint, 2, 2) as engine, engine.events() as stream:
        lab.cut(2)
        try:
            async with asyncio.timeout(15):
                with pytest.raises(EngineError) as caught:
                    await anext(aiter(stream))
            assert caught.value.code in ("timeout", "disconnected", "no_route")
            with pytest.raises(EngineError) as caught:
                await engine.ping()
            assert caught.value.code in ("timeout", "no_route")
        finally:
            lab.heal(2)
        await asyncio.wait_for(again(engine.ping), 20)


async def again(call: Callable[[], object]) -> None:
    async def once() -> bool:
        try:
            result = call()
            assert asyncio.iscoroutine(result)
            await result
        except EngineError:
            return False
        return True

    while not await once():
        await asyncio.sleep(0.1)


@pytest.mark.lab
async def test_it_notices_that_the_daemon_died(lab: Lab) -> None:
    endpoint = Endpoint(lab[2].socket_url)
    async with open_async(endpoint) as engine, engine.events() as stream:
        lab.kill(2)
        try:
            with pytest.raises(EngineError) as caught:
                await asyncio.wait_for(anext(aiter(stream)), 10)
            assert caught.value.code == "disconnected"
            found = await asyncio.to_thread(probe, endpoint)
            assert found.code in ("refused", "socket_missing")
        finally:
            lab.up(2)
        await eventually_async(lambda: lab[2].socket.exists(), "the socket is back")
        await engine.ping()
