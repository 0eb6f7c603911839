"""What holds for making containers and connecting them, with every engine; see test_contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fleet.engine.client import open_engine
from fleet.engine.containers import (
    connect_network,
    create_container,
    disconnect_network,
    last_lines,
    list_neighbours,
)
from fleet.engine.errors import Conflict, EngineError, NotFound
from fleet.engine.fake_networks import UNKNOWN
from tests.engine.target import CHATTER, IMAGE, SLEEP, Target
from tests.waiting import eventually

NETWORK = "contract-net"


@pytest.fixture
def network(target: Target) -> Iterator[str]:
    """A network; those of the fake exist when they are named."""
    if target.kind == "fake":
        yield NETWORK
        return
    target.api.create_network(NETWORK)
    yield NETWORK
    target.clear()
    target.api.remove_network(NETWORK)


def made(target: Target, **body: object) -> str:
    with open_engine(target.endpoint) as engine:
        asked = {"Image": IMAGE, "Cmd": list(SLEEP), "StopSignal": "SIGKILL", **body}
        ident = create_container(engine, "contract-made", asked)
    target.made.append(ident)
    return ident


def test_it_makes_a_container(target: Target) -> None:
    ident = made(target, Env=["A=1"], Labels={"odd": "<b>"})
    with open_engine(target.endpoint) as engine:
        facts = engine.container("contract-made")
        assert (facts.engine_id, facts.state, facts.labels["odd"]) == (ident, "created", "<b>")
        assert "A=1" in engine.inspect(ident)["Config"]["Env"]
        assert ident in {one.engine_id for one in list_neighbours(engine) if not one.is_up}
        engine.start(ident)
        (found,) = [one for one in list_neighbours(engine) if one.engine_id == ident]
        assert (found.name, found.is_up) == ("contract-made", True)
        with pytest.raises(EngineError if target.kind == "podman" else Conflict):
            create_container(engine, "contract-made", {"Image": IMAGE, "Cmd": list(SLEEP)})


def test_it_connects_and_takes_out(target: Target, network: str) -> None:
    if target.kind == "podman":
        pytest.skip("Podman connects what does not run in its own way; nothing of ours asks it.")
    ident = made(target)
    with open_engine(target.endpoint) as engine:
        connect_network(engine, network, ident, {"Aliases": ["www"]})
        engine.start(ident)
        found = engine.inspect(ident)["NetworkSettings"]["Networks"]
        assert set(found) == {"bridge", network} and "www" in found[network]["Aliases"]
        disconnect_network(engine, "bridge", ident)
        assert set(engine.inspect(ident)["NetworkSettings"]["Networks"]) == {network}
        with pytest.raises(NotFound):
            connect_network(engine, UNKNOWN, ident, {})


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_is_no_other_path(target: Target, name: str) -> None:
    with open_engine(target.endpoint) as engine, pytest.raises(NotFound):
        connect_network(engine, name, "web", {})


@pytest.mark.lab
def test_it_tells_the_last_lines(target: Target) -> None:
    if target.kind == "fake":
        pytest.skip("The fake's commands write nothing.")
    ident = target.run("talks", CHATTER)
    with open_engine(target.endpoint) as engine:
        eventually(lambda: len(last_lines(engine, ident, 9, tty=False)) == 6, "it has written")
        assert set(last_lines(engine, ident, 9, tty=False)) >= {"out 1", "err 3"}
        assert len(last_lines(engine, ident, 2, tty=False)) == 2
