"""The address of a registry, checked by plain rules without connecting."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fleet.models import RegistryKind

URL_LIMIT = 300
HUB = "https://docker.io"
HUB_NAMES = {"", "docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com"}
PORTS = {"https": 443, "http": 80}

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_IPV6 = re.compile(r"[0-9a-f:.]{2,45}")


class BadAddress(ValueError):
    """An address that cannot work; its text is a sentence that never repeats the address."""

    def __init__(self, sentence: str | Promise) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def read_address(typed: str, kind: str) -> str:
    """Return an address as `scheme://host[:port]`; the scheme need not be typed.

    Docker Hub has one address. Raises BadAddress.
    """
    if kind == RegistryKind.HUB:
        return _hub(typed)
    if not typed:
        raise BadAddress(_("Enter an address such as registry.example.org."))
    if not typed.isprintable() or " " in typed:
        raise BadAddress(_("An address has no spaces: registry.example.org:5000."))
    try:
        parts = urlsplit(typed if "://" in typed else f"https://{typed}")
    except ValueError:
        raise BadAddress(_("The host must be a name or an IP address.")) from None
    try:
        port = parts.port
    except ValueError:
        raise BadAddress(_("The port must be a number from 1 to 65535.")) from None
    _check_parts(parts, port, typed)
    return _joined(parts.scheme.lower(), _host(parts), port)


def _hub(typed: str) -> str:
    """Return the one address of Docker Hub for each of the names that it goes by."""
    name = typed.lower().removeprefix("https://").rstrip("/")
    if name not in HUB_NAMES:
        raise BadAddress(_("Docker Hub is docker.io. For another address choose another kind."))
    return HUB


def _check_parts(parts: SplitResult, port: int | None, typed: str) -> None:
    if parts.scheme.lower() not in PORTS:
        raise BadAddress(_("The address must start with https:// or http://."))
    if "@" in parts.netloc:
        raise BadAddress(_("Leave user and password out of the address: they have their fields."))
    if port == 0:
        raise BadAddress(_("The port must be a number from 1 to 65535."))
    if parts.query or parts.fragment or "?" in typed or "#" in typed:
        raise BadAddress(_("An address has no ? and no # part."))
    if parts.path.strip("/"):
        raise BadAddress(_("Leave out what comes after the host: only registry.example.org."))


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if not host:
        raise BadAddress(_("The address names no host."))
    if ":" in host and _IPV6.fullmatch(host):
        return f"[{host}]"
    if not _NAME.fullmatch(host) or ".." in host:
        raise BadAddress(_("The host must be a name or an IP address."))
    return host


def _joined(scheme: str, host: str, port: int | None) -> str:
    """Return the address; the usual port is left out, so that equal ones are equal texts."""
    return f"{scheme}://{host}" + (f":{port}" if port and port != PORTS[scheme] else "")
