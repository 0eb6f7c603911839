"""docker-py's low-level client without anything that it reads from around itself."""

from __future__ import annotations

from typing import Any

import docker
from docker.auth import AuthConfig
from docker.utils.proxy import ProxyConfig

from fleet.engine.protocol import USER_AGENT
from fleet.engine.wires import WireAdapter, Wires


def quiet_client(wires: Wires) -> Any:
    """docker-py's client over our sockets, without what it reads from ~/.docker and environment.

    The version is given so that its constructor does not call the engine; it is set for real by
    ``Engine.negotiate``.
    """
    api: Any = docker.APIClient(base_url="tcp://docker:2375", version="1.41", user_agent=USER_AGENT)
    api._auth_configs, api._proxy_configs = AuthConfig({}), ProxyConfig()
    api.trust_env = False
    api.proxies = {}
    api.mount("http://", WireAdapter(wires))
    return api
