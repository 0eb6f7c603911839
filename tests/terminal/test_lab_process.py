"""Processes in containers of real engines, by every way there is to one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from fleet.engine.aio import AsyncEngine, open_async
from fleet.engine.endpoint import Endpoint
from fleet.engine.terminals import Size
from fleet.terminal.ask import Ask
from fleet.terminal.problems import Problem
from fleet.terminal.process import Process, begin
from tests.engine.target import Target, lab_endpoint, plain_client
from tests.lab.lab import Lab
from tests.waiting import read_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]
BIG = Size(100, 30)


def engine_by(way: str, lab: Lab) -> Iterator[Target]:
    """A real engine, and a plain client to set the scene."""
    socket = lab.podman_socket if way == "podman" else lab[1].socket
    if not socket.exists():
        pytest.skip(f"The lab has no {way}.")
    found = Target(way, lab_endpoint(lab, way), plain_client(socket), [])
    yield found
    found.clear()


@pytest.fixture(params=["unix", "tls", "ssh", "podman"])
def every(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Target]:
    """An engine, by each way there is to one."""
    yield from engine_by(request.param, lab)


@pytest.fixture(params=["unix", "podman"])
def target(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Target]:
    """Each kind of engine."""
    yield from engine_by(request.param, lab)


@pytest.fixture
def local(lab: Lab) -> Iterator[Target]:
    """The first host by its socket."""
    found = Target("unix", Endpoint(lab[1].socket_url), plain_client(lab[1].socket), [])
    yield found
    found.clear()


async def read_all(process: Process) -> str:
    """Return what is written until the end."""
    said = b""
    async with asyncio.timeout(15):
        while data := await process.read():
            said += data
    return said.decode(errors="replace")


async def test_it_finds_a_shell_and_tells_how_it_ended(every: Target) -> None:
    ident = every.run("one")
    async with open_async(every.endpoint) as engine:
        process = await begin(engine, ident, Ask(), BIG)
        assert process.name == "ash"
        await process.resize(Size(120, 33))
        await process.write(b"stty size; echo $TERM; tty | cut -c1-8\r")
        said = await read_until(process, "/dev/pts")
        assert "33 120" in said and "xterm-256color" in said
        await process.write(b"exit 7\r")
        await read_all(process)
        assert await process.exit_code() == 7
        process.hang_up()


async def test_nothing_stays_when_it_is_ended(every: Target) -> None:
    ident = every.run("one")
    async with open_async(every.endpoint) as engine:
        process = await begin(engine, ident, Ask(), BIG)
        await process.write(b"sleep 4321 & sleep 1234\r")
        await counted(every, ident, "1234", 1)
        await process.end()
        process.hang_up()
        assert await count(every, ident, "1234") == 0
        assert await count(every, ident, "sh") == 0


async def count(target: Target, ident: str, word: str) -> int:
    """Return how many processes in a container have a word in their command."""
    rows = (await asyncio.to_thread(target.api.top, ident))["Processes"]
    return sum(word in str(row[-1]) for row in rows)


async def counted(target: Target, ident: str, word: str, wanted: int) -> None:
    """Return once so many processes have a word in their command."""
    async with asyncio.timeout(10):
        while await count(target, ident, word) != wanted:
            await asyncio.sleep(0.05)


async def test_it_kills_what_does_not_hang_up(local: Target) -> None:
    ident = local.run("one")
    async with open_async(local.endpoint) as engine:
        ask = Ask(command=("sh", "-c", "trap '' HUP TERM INT; echo ready; sleep 1234; sleep 1234"))
        process = await begin(engine, ident, ask, BIG)
        await read_until(process, "ready")
        await process.end()
        process.hang_up()
        assert await count(local, ident, "1234") == 0


async def test_it_runs_a_command_as_somebody_somewhere(local: Target) -> None:
    ident = local.run("one")
    async with open_async(local.endpoint) as engine:
        ask = Ask(command=("sh", "-c", "id -u; pwd; exit 3"), user="1000", directory="/tmp")
        process = await begin(engine, ident, ask, BIG)
        assert (await read_all(process)).split() == ["1000", "/tmp"]
        assert await process.exit_code() == 3


async def refused(engine: AsyncEngine, ident: str, ask: Ask) -> Problem:
    with pytest.raises(Problem) as caught:
        await begin(engine, ident, ask, BIG)
    return caught.value


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (Ask(user="nobody-here"), "user"),
        (Ask(directory="/nowhere/at/all"), "/nowhere/at/all"),
    ],
)
async def test_it_says_why_nothing_was_started(local: Target, ask: Ask, words: str) -> None:
    ident = local.run("one")
    async with open_async(local.endpoint) as engine:
        problem = await refused(engine, ident, ask)
    assert problem.code == "not_started" and words in str(problem)


async def test_it_says_that_a_command_is_not_there(target: Target) -> None:
    ident = target.run("one")
    async with open_async(target.endpoint) as engine:
        process = await begin(engine, ident, Ask(command=("no-such-program",)), BIG)
        assert "not found" in await read_all(process)
        assert await process.exit_code() == 127


async def test_it_says_that_it_does_not_run(target: Target) -> None:
    ident = target.create("one")
    async with open_async(target.endpoint) as engine:
        assert (await refused(engine, ident, Ask())).code == "not_running"
        assert (await refused(engine, ident, Ask(mode="attach"))).code == "not_running"
        await asyncio.to_thread(target.api.start, ident)
        await asyncio.to_thread(target.api.remove_container, ident, force=True)
        assert (await refused(engine, ident, Ask())).code == "removed"


async def test_it_says_that_it_is_paused(local: Target) -> None:
    ident = local.run("one")
    await asyncio.to_thread(local.api.pause, ident)
    async with open_async(local.endpoint) as engine:
        assert (await refused(engine, ident, Ask())).code == "paused"
    await asyncio.to_thread(local.api.unpause, ident)


async def test_it_says_that_the_host_is_away() -> None:
    async with open_async(Endpoint("unix:///nowhere/docker.sock")) as engine:
        assert (await refused(engine, "a" * 64, Ask())).code == "away"


@pytest.fixture
def bare(lab: Lab) -> Iterator[Callable[[], str]]:
    """bare() -> the id of a container whose image holds one program and no shell."""
    host = lab[1]
    made = host.docker("create", "lab/busybox:1", "true")
    folder = lab.folder / "bare"
    folder.mkdir(exist_ok=True)
    host.docker("cp", f"{made}:/bin/busybox", str(folder / "busybox"))
    (folder / "Dockerfile").write_text(
        'FROM scratch\nCOPY busybox /bin/busybox\nENV PATH=/bin\nCMD ["busybox"]\n'
    )
    host.docker("build", "-q", "-t", "lab/bare:1", str(folder))
    yield lambda: host.docker("run", "-d", "lab/bare:1", "busybox", "sleep", "1000")
    left = host.docker("ps", "-aq", "--filter", "ancestor=lab/bare:1").split()
    host.docker("rm", "-f", made, *left)


async def test_an_image_without_a_shell(local: Target, bare: Callable[[], str]) -> None:
    ident = await asyncio.to_thread(bare)
    async with open_async(local.endpoint) as engine:
        assert (await refused(engine, ident, Ask())).code == "no_shell"
        process = await begin(engine, ident, Ask(command=("/bin/busybox", "echo", "hello")), BIG)
        assert await read_all(process) == "hello\r\n"
        assert await process.exit_code() == 0
        problem = await refused(engine, ident, Ask(command=("nothing-here",)))
        assert problem.code == "not_started" and "nothing-here" in str(problem)
        process = await begin(engine, ident, Ask(command=("/bin/busybox", "sleep", "987")), BIG)
        await counted(local, ident, "987", 1)
        await process.end()  # as one would type it
        process.hang_up()
        await counted(local, ident, "987", 0)


async def test_it_looks_at_the_main_process(target: Target) -> None:
    command = ("sh", "-c", "while :; do echo tick; echo tock >&2; sleep 0.2; done")
    ident = target.run("one", command)
    async with open_async(target.endpoint) as engine:
        typing = Ask(mode="attach", typing=True)
        assert (await refused(engine, ident, typing)).code == "no_input"
        process = await begin(engine, ident, Ask(mode="attach"), BIG)
        said = await read_until(process, "tock")
        assert "tick\r\n" in said + await read_until(process, "tick")
        await process.end()
        process.hang_up()
        assert (await engine.container(ident)).state == "running"


async def test_it_types_into_the_main_process(local: Target, lab: Lab) -> None:
    ident = await asyncio.to_thread(lab[1].docker, "run", "-dit", "lab/busybox:1", "sh")
    local.made.append(ident)
    async with open_async(local.endpoint) as engine:
        process = await begin(engine, ident, Ask(mode="attach", typing=True), BIG)
        await process.resize(Size(111, 22))
        await process.write(b"stty size\r")
        await read_until(process, "22 111")
        process.hang_up()
        await asyncio.sleep(0.2)
        assert (await engine.container(ident)).state == "running"
        process = await begin(engine, ident, Ask(mode="attach", typing=True), BIG)
        await process.write(b"exit 5\r")
        await read_all(process)
        assert await process.exit_code() == 5
