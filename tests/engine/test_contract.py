"""What holds for every engine: the fake one, Docker by socket, TLS and SSH, and Podman.

So the fake can stand for the real ones elsewhere. The real ones are those of the lab.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from fleet.engine.aio import open_async
from fleet.engine.client import open_engine
from fleet.engine.errors import Aborted, Conflict, EngineError, Invalid, NotFound
from fleet.engine.probe import probe
from tests.engine.target import IMAGE, Target
from tests.waiting import eventually


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
