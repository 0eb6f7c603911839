"""Test connection: is there an engine at this endpoint, and if not, what is wrong, in words."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import aiohttp
from django.utils.translation import gettext_lazy as _

from fleet.engine.aio import open_async
from fleet.engine.background import run_in_background
from fleet.engine.endpoint import (
    Endpoint,
    check_endpoint,
    host_key_fingerprint,
    parse_address,
)
from fleet.engine.errors import EngineError, Text, Untrusted
from fleet.engine.ssh import offered_host_key
from fleet.engine.translate import translate
from fleet.engine.types import PODMAN, EngineFacts


@dataclass(frozen=True)
class Probe:
    """What a test found. ``message`` and ``advice`` are sentences (translated when shown).

    ``field`` names the form field when the endpoint itself is wrong. ``host_key`` is what the SSH
    server showed, also when it is not the pinned one or when it refused us.
    """

    ok: bool
    code: str
    message: Text
    advice: Text = ""
    facts: EngineFacts | None = None
    host_key: str = ""
    host_key_fingerprint: str = ""
    seconds: float = 0.0
    field: str = ""
    raw: str = ""


def probe(endpoint: Endpoint, timeout: float = 10.0) -> Probe:
    """Try an endpoint from an ordinary thread; answers within ``timeout`` seconds, never raises."""
    began = time.monotonic()
    try:
        return run_in_background(probe_async(endpoint, timeout * 0.9), timeout)
    except Exception as error:  # noqa: BLE001 - a test has an answer for everything
        return _failed(_translated(error), time.monotonic() - began)


async def probe_async(endpoint: Endpoint, timeout: float = 10.0) -> Probe:
    """``probe`` for an event loop."""
    began = time.monotonic()
    problems = check_endpoint(endpoint)
    if problems:
        return _failed(problems[0], 0.0, field=problems[0].field)
    try:
        async with asyncio.timeout(timeout * 0.8):
            return await _ask(endpoint, timeout * 0.7, began)
    except Exception as error:  # noqa: BLE001
        found = _guess(endpoint, _translated(error))
    key = await _offered_host_key(endpoint, timeout * 0.2) if _shows_key(found) else ""
    return _failed(found, time.monotonic() - began, key)


async def _ask(endpoint: Endpoint, timeout: float, began: float) -> Probe:
    async with open_async(endpoint, timeout, timeout) as engine:
        facts = await engine.facts()
        await engine.list_containers()
        key = engine.learned_host_key
        return Probe(
            ok=True,
            code="ok",
            message=_("The engine answers."),
            advice=limits_of(facts.product),
            facts=facts,
            host_key=key,
            host_key_fingerprint=_fingerprint(key),
            seconds=time.monotonic() - began,
        )


def _translated(error: Exception) -> EngineError:
    try:
        return translate(error)
    except Exception as bug:  # noqa: BLE001
        return EngineError("engine_error", raw=type(bug).__name__)


def _guess(endpoint: Endpoint, error: EngineError) -> EngineError:
    """A TLS server that hangs up on our first words, after the handshake, dislikes our certificate.

    With TLS 1.3 its alert comes only then, and a reset may overtake it.
    """
    connecting = isinstance(error.__cause__, aiohttp.ClientConnectorError)
    refused = error.code == "disconnected" and endpoint.uses_tls and not connecting
    if error.code != "client_certificate" and not refused:
        return error
    missing = "client_certificate" if endpoint.tls_cert else "client_certificate_missing"
    return Untrusted(missing, raw=error.raw)


def _failed(error: EngineError, seconds: float, key: str = "", field: str = "") -> Probe:
    return Probe(
        ok=False,
        code=error.code,
        message=error.message,
        advice=ADVICE.get(error.code, ""),
        host_key=key,
        host_key_fingerprint=_fingerprint(key),
        seconds=seconds,
        field=field,
        raw=error.raw,
    )


def _shows_key(error: EngineError) -> bool:
    return error.code in ("host_key_changed", "ssh_key_refused", "ssh_no_key")


async def _offered_host_key(endpoint: Endpoint, timeout: float) -> str:
    try:
        async with asyncio.timeout(timeout):
            return await offered_host_key(parse_address(endpoint))
    except (OSError, EngineError):
        return ""


def _fingerprint(key: str) -> str:
    return host_key_fingerprint(key) if key else ""


PODMAN_LIMITS: Text = _(
    "This is Podman. Containers, logs, images and volumes work. Swarm, changing the limits of a "
    "container and Docker's health checks do not, and log times are whole seconds."
)


def limits_of(product: str) -> Text:
    """Say what cannot be done with an engine of this product; "" when everything can."""
    return PODMAN_LIMITS if product == PODMAN else ""


ADVICE: dict[str, Text] = {
    "refused": _(
        "Check the port, and that the engine listens there: dockerd -H tcp://…:2376 --tlsverify, "
        "or sshd for an ssh:// address."
    ),
    "timeout": _("Check the address and the firewalls on the way: packets seem to get lost."),
    "name_not_found": _("Check the spelling, or use the IP address."),
    "no_route": _("Check the address, the network and the VPN of this server."),
    "disconnected": _("Check that the port belongs to Docker, and look at the engine's log."),
    "socket_missing": _("Check the path, and that Docker is installed and running."),
    "not_ssh": _("Check the port: SSH usually listens at 22."),
    "certificate_expired": _("Renew the host's certificate and restart its engine."),
    "certificate_not_yet_valid": _("Check the clocks of both machines."),
    "certificate_name": _(
        "Use the name or address for which the certificate was made, or make one whose "
        "subjectAltName has this one."
    ),
    "certificate_unknown_ca": _("Paste the CA with which the host's certificate was signed."),
    "client_certificate": _(
        "Use a client certificate signed by the CA that the engine trusts (--tlscacert), made "
        "for client authentication and not expired."
    ),
    "client_certificate_missing": _("Paste a client certificate and its key."),
    "plain_http": _("Check the port: Docker speaks TLS usually at 2376, without TLS at 2375."),
    "tls_required": _("Give the CA, a client certificate and its key."),
    "host_key_changed": _(
        "If the machine was installed anew, compare the fingerprint there and pin the new key. "
        "If not, somebody may be listening in."
    ),
    "ssh_key_refused": _(
        "Check the user, and that the public key is in its ~/.ssh/authorized_keys on the host."
    ),
    "ssh_no_key": _("Paste a private key, or start this server with SSH_AUTH_SOCK set."),
    "unauthorized": _("Check who may use the engine's API, and the proxies on the way."),
    "permission": _("Let the user open the socket: on most systems by the group docker."),
    "no_docker": _(
        "Install the docker command on the host, in a folder that is in the PATH of commands run "
        "by SSH."
    ),
    "docker_down": _("Start the Docker daemon on the host, or give the path of its socket."),
    "not_docker": _("Check address and port: something else answers there."),
    "api_too_old": _("Update the host to Docker Engine 20.10 or newer."),
    "api_too_new": _("Update Quayside."),
}
