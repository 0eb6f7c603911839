"""The address of a registry: read and checked by plain rules, without connecting.

Messages never repeat what was typed: what was pasted into the wrong field may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import SplitResult, urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fleet.outbound.errors import OutboundError
from fleet.outbound.urls import PORTS, Url, parse_url
from fleet.registries.errors import BadTarget
from fleet.registries.reference import HUB

ADDRESS_LIMIT = 300
HUB_URL = f"https://{HUB}"
HUB_API = "registry-1.docker.io"
# All the names under which people know Docker Hub.
HUB_NAMES = frozenset(
    {
        HUB,
        HUB_API,
        "index.docker.io",
        "hub.docker.com",
        "registry.hub.docker.com",
        "www.docker.io",
        "auth.docker.io",
    }
)

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
NO_HOST = _("The host must be a name or an IP address.")


def parse_address(text: str) -> Url:
    """Take an address with its scheme apart; it may have a path. Raises BadTarget."""
    if not text or len(text) > ADDRESS_LIMIT:
        raise _bad(_("Enter an address such as https://registry.example.org:5000."))
    if not text.isprintable() or " " in text:
        raise _bad(_("An address has no spaces: https://registry.example.org:5000."))
    try:
        parts = urlsplit(text)
    except ValueError:
        raise _bad(NO_HOST) from None
    _check_parts(parts)
    try:
        return parse_url(text)
    except OutboundError:
        raise _bad(NO_HOST) from None


def read_address(typed: str, *, hub: bool = False) -> str:
    """Return an address as `scheme://host[:port]`; the scheme need not be typed.

    Docker Hub has one address, a usual port is left out: equal ones are equal texts. Raises
    BadTarget.
    """
    if hub:
        return _hub(typed)
    url = parse_address(typed if "://" in typed or not typed else f"https://{typed}")
    if "?" in typed or "#" in typed:
        raise _bad(_("An address has no ? and no # part."))
    if url.path.strip("/"):
        raise _bad(_("Leave out what comes after the host: only registry.example.org."))
    plain = ":" in url.host or _NAME.fullmatch(url.host)
    if not plain or ".." in url.host or not typed.isascii():  # letters that look like others
        raise _bad(NO_HOST)
    return str(replace(url, path=""))


def _hub(typed: str) -> str:
    """Return the one address of Docker Hub for each of the names that it goes by."""
    name = typed.lower().removeprefix("https://").rstrip("/")
    if name and name not in HUB_NAMES:
        raise _bad(_("Docker Hub is docker.io. For another address choose another kind."))
    return HUB_URL


def _check_parts(parts: SplitResult) -> None:
    if parts.scheme.lower() not in PORTS:
        raise _bad(_("The address must start with https:// or http://."))
    if "@" in parts.netloc:
        raise _bad(_("Leave user and password out of the address: they have their fields."))
    try:
        nowhere = parts.port == 0
    except ValueError:
        nowhere = True
    if nowhere:
        raise _bad(_("The port must be a number from 1 to 65535."))
    if not parts.hostname:
        raise _bad(_("The address names no host."))


def _bad(sentence: str | Promise) -> BadTarget:
    return BadTarget("url", sentence)
