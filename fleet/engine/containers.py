"""Making containers and connecting them to networks, and what a list of them tells of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from fleet.engine.errors import NotFound
from fleet.engine.log_blocks import FrameCutter
from fleet.engine.protocol import container_path
from fleet.engine.raw import ALIVE, Json, as_dict, as_list, as_str

if TYPE_CHECKING:
    from fleet.engine.client import Engine


@dataclass(frozen=True)
class Neighbour:
    """One container of an engine, as its list tells."""

    engine_id: str
    name: str
    is_up: bool
    network: str  # its network mode


def list_neighbours(engine: Engine) -> list[Neighbour]:
    """Return all containers of the engine, in one call."""
    found = []
    for raw in map(as_dict, as_list(engine.get("/containers/json?all=1"))):
        names = [as_str(name).lstrip("/") for name in as_list(raw.get("Names"))]
        own = [name for name in names if "/" not in name]  # others are links to it
        mode = as_str(as_dict(raw.get("HostConfig")).get("NetworkMode"))
        up = as_str(raw.get("State")) in ALIVE
        found.append(Neighbour(as_str(raw.get("Id")), next(iter(own), ""), up, mode))
    return found


def create_container(engine: Engine, name: str, body: Json) -> str:
    """Make a container, not started; its id. Raises ``Conflict`` when the name is taken."""
    return as_str(as_dict(engine.send("/containers/create", body, {"name": name})).get("Id"))


def connect_network(engine: Engine, network: str, container: str, endpoint: Json) -> None:
    """Connect a container, with aliases or a fixed address. Raises ``NotFound``."""
    body = {"Container": container, "EndpointConfig": endpoint}
    engine.send(_network_path(network, "connect"), body)


def disconnect_network(engine: Engine, network: str, container: str) -> None:
    """Take a container out of a network. Raises ``NotFound``."""
    engine.send(_network_path(network, "disconnect"), {"Container": container, "Force": False})


def last_lines(engine: Engine, container: str, count: int, *, tty: bool) -> list[str]:
    """Return the last lines that a container wrote. Raises ``EngineError`` where none are kept."""
    path = container_path(container, f"logs?stdout=1&stderr=1&tail={count}")
    said = engine.raw(path)
    if not tty:
        said = b"".join(frame.data for frame in FrameCutter().feed(said).frames())
    return said.decode(errors="replace").splitlines()[-count:]


def _network_path(network: str, action: str) -> str:
    if not network or network in (".", ".."):
        raise NotFound()
    return f"/networks/{quote(network, safe='')}/{action}"
