"""What a fake container was made with, and its networks, which exist as soon as they are named."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fleet.engine.fake_state import FakeContainer, FakeState, Refusal

Json = dict[str, Any]
_OWN = frozenset(
    {"Image", "Labels", "Env", "Cmd", "Tty", "HostConfig", "NetworkingConfig", "ExposedPorts"}
)
UNKNOWN = "nowhere"  # the one network that does not exist


def keep_settings(made: FakeContainer, asked: Json) -> None:
    """Keep what a container was asked for with, as `inspect` tells it again."""
    made.config = {key: value for key, value in asked.items() if key not in _OWN}
    made.host_config = dict(asked.get("HostConfig") or {})
    mode = made.host_config.get("NetworkMode") or "default"
    if mode.startswith("container:") or mode in ("host", "none"):
        made.networks = {}
        return
    name = "bridge" if mode == "default" else mode
    ends = (asked.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    made.networks = {name: dict(ends.get(name) or {})}


async def on_network(
    request: web.Request, state: FakeState, name: str, action: str
) -> web.StreamResponse:
    """``POST /networks/{name}/connect`` and ``/disconnect``."""
    asked = await request.json()
    it = state.find(str(asked.get("Container", "")))
    if name == UNKNOWN:
        raise Refusal(404, f"network {name} not found")
    if action == "connect":
        it.networks[name] = dict(asked.get("EndpointConfig") or {})
    elif name in it.networks:
        del it.networks[name]
    else:
        raise Refusal(404, f"container {it.id} is not connected to network {name}")
    return web.Response()
