"""A cable that is cut in the middle of terminals, at a real engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis

from fleet.models import Container, Environment, Host, User
from fleet.terminal import hub, traces
from fleet.terminal.hub import Terminals, open_terminals
from tests.conftest import make_container, make_host
from tests.lab.lab import Lab, LabHost
from tests.services import redis_server
from tests.terminal.conftest import Message, Term, entries

__all__ = ["redis_server"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(120), pytest.mark.django_db(transaction=True)]
# The kernel and SSH give up after 9 to 11 s; the rest is for machines that are slow.
NOTICED_SECONDS = 15
HEALED_SECONDS = 20
RUNS_SECONDS = 20


@pytest.fixture
def there(lab: Lab) -> Iterator[LabHost]:
    """A host whose cable may be cut."""
    yield lab[3]
    lab.heal(3)
    lab[3].clear()


@pytest.fixture
def rows(there: LabHost, staging: Environment) -> dict[str, Container]:
    """One container of it, by each way that goes over a cable, and by SSH one to type into."""
    ident, main = there.run(), there.run("-i", "-t", command=("sh",))
    ways = {
        "tls": Host(url=there.url, tls_ca=there.tls_ca, tls_cert=there.tls_cert),
        "ssh": Host(url=there.ssh_url, ssh_host_key=there.ssh_host_key),
    }
    made = {}
    for name, way in ways.items():
        facts = ("url", "tls_ca", "tls_cert", "ssh_host_key")
        host = make_host(name, staging, **{fact: getattr(way, fact) for fact in facts})
        host.tls_key, host.ssh_key = there.tls_key, there.ssh_key
        host.save()
        made[name] = make_container(host, "web-1", engine_id=ident)
    made["main"] = make_container(host, "main-1", engine_id=main)
    return made


@pytest.fixture
async def redis(redis_server: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Redis]:
    """What this web process and its workers share."""
    client = Redis.from_url(redis_server, decode_responses=True)
    monkeypatch.setattr(traces, "redis_client", lambda: client)
    terminals = Terminals(redis_server)
    monkeypatch.setitem(hub._hubs, asyncio.get_running_loop(), terminals)
    yield client
    await terminals.office.close()
    client.close()


def processes(there: LabHost, ident: str) -> list[str]:
    """Return what runs in the container, by its command lines."""
    lines = there.docker("top", ident, "-o", "pid,args").splitlines()[1:]
    return [line.split(maxsplit=1)[1] for line in lines]


def left(there: LabHost, ident: str) -> int:
    """Return how many processes in the container are what the terminals ran, or their shells."""
    return sum(line in ("ash", "sleep 4242") for line in processes(there, ident))


async def all_sleep(there: LabHost, ident: str, count: int) -> None:
    """Return once so many run what was typed; its echo may be torn by a shell that redraws."""
    while (await asyncio.to_thread(processes, there, ident)).count("sleep 4242") < count:
        await asyncio.sleep(0.1)


async def told(term: Term) -> Message:
    """Return what the page gets told, while the cable is out."""
    term.patience = NOTICED_SECONDS
    return await term.message("ended", "problem")


async def test_who_looks_is_told_and_nothing_is_left(
    rows: dict[str, Container], operator: User, there: LabHost, lab: Lab, redis: Redis
) -> None:
    tls, ssh = rows["tls"], rows["ssh"]
    async with (
        Term(operator) as quiet,
        Term(operator) as typing,
        Term(operator) as far,
        Term(operator) as looking,
        Term(operator) as main,
    ):
        for term, row in ((quiet, tls), (typing, tls), (far, ssh)):
            assert (await term.open(row))["type"] == "opened"
            await term.type("sleep 4242\r")
        look = {"mode": "attach", "typing": False}
        assert (await looking.open(tls, look))["mode"] == "attach"
        assert (await main.open(rows["main"], {"mode": "attach", "typing": True}))["typing"]
        await main.type("echo $((40+2))\r")
        await main.shows("42")
        await asyncio.wait_for(all_sleep(there, tls.engine_id, 3), RUNS_SECONDS)
        await asyncio.to_thread(lab.cut, 3)
        await typing.type("x")
        terms = (quiet, typing, far, looking, main)
        ends = await asyncio.gather(*map(told, terms))
        assert [end["code"] for end in ends] == ["lost"] * 5
        assert all("connection to the host was lost" in end["text"] for end in ends)
        assert open_terminals() == 0  # they take nobody's place
        async with Term(operator) as new:
            assert (await new.open(tls))["code"] == "away"
        closed = await entries(2 * 6)
        await asyncio.to_thread(lab.heal, 3)
    assert sorted(one.detail.get("why", "") for one in closed if "close" in one.action) == [
        "away", "lost", "lost", "lost", "lost", "lost",
    ]  # fmt: skip
    await asyncio.wait_for(opens_again(tls, operator), HEALED_SECONDS)
    # Docker leaves a process whose terminal is gone: a worker ends it.
    assert await asyncio.to_thread(left, there, tls.engine_id) > 0
    assert await asyncio.to_thread(traces.end_left) == 3
    assert await asyncio.to_thread(left, there, tls.engine_id) == 0
    # The main processes were only looked at: they are left alone.
    assert (await asyncio.to_thread(processes, there, tls.engine_id)) == ["sleep 100000"]
    assert (await asyncio.to_thread(processes, there, rows["main"].engine_id)) == ["sh"]
    assert not redis.exists(traces.TRACES)
    assert all(one.task.done() for one in hub.current_terminals().sessions.values())


async def opens_again(row: Container, operator: User) -> None:
    """Return once a new session works, and is ended."""
    while True:
        async with Term(operator) as term:
            if (await term.open(row))["type"] == "opened":
                await term.type("echo $((40+2))\r")
                await term.shows("42")
                await term.send("end")
                assert (await term.message("ended"))["code"] == "closed"
                return
        await asyncio.sleep(0.2)
