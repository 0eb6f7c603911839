"""What a host is made of, checked before anything is written or connected to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from fleet.crypto import SecretLost
from fleet.engine.endpoint import SIZE_LIMIT, Endpoint, check_endpoint, safe_url
from fleet.models import Host
from fleet.operations.inputs import Reader

FIELDS = (
    "name", "url", "environment", "tls_ca", "tls_cert", "tls_key", "ssh_key", "insecure", "labels",
)  # fmt: skip
CREDENTIALS = ("tls_ca", "tls_cert", "tls_key", "ssh_key")
CREDENTIALS_OF = {"unix": (), "tcp": ("tls_ca", "tls_cert", "tls_key"), "ssh": ("ssh_key",)}
URL_LIMIT = 300
DEFAULT_ENVIRONMENT = "default"


@dataclass(frozen=True)
class HostInput:
    """A host's checked fields; credentials are in clear here, so its repr leaves them out."""

    name: str
    url: str
    environment: str
    insecure: bool
    labels: dict[str, str]
    tls_ca: str = field(default="", repr=False)
    tls_cert: str = field(default="", repr=False)
    tls_key: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)

    @property
    def scheme(self) -> str:
        """`unix`, `tcp` or `ssh`."""
        return scheme_of(self.url)

    def endpoint(self, ssh_host_key: str = "") -> Endpoint:
        """Return what the engine package connects with."""
        kept = {name: value for name, value in asdict(self).items() if name in CREDENTIALS}
        return Endpoint(url=self.url, insecure=self.insecure, ssh_host_key=ssh_host_key, **kept)

    def write(self, host: Host) -> None:
        """Put the fields into a row, without saving it; the environment is the caller's."""
        for name in ("name", "url", "insecure", "labels", *CREDENTIALS):
            setattr(host, name, getattr(self, name))


def without_password(url: str) -> str:
    """Return an address as it may be shown; one with a password is refused, and not repeated."""
    return safe_url(url)


def scheme_of(url: str) -> str:
    """Return the part of an address before `://`, in lower case; "" when it is no address."""
    try:
        return urlsplit(url).scheme.lower()
    except ValueError:
        return ""


def is_this_machine(url: str) -> bool:
    """Return whether an address plainly names the machine that it is used on, or its link.

    Names are not looked up: what they mean may change after any check.
    """
    name = (urlsplit(url).hostname or "").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:  # as the system reads numbers: 127.1 and 2130706433 are loopback too
        found = socket.getaddrinfo(name, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    return any(_is_near(getattr(one, "ipv4_mapped", None) or one) for one in addresses)


def _is_near(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_loopback or address.is_unspecified or address.is_link_local


def read_host(
    data: Mapping[str, Any], current: Host | None = None, *, named: bool = True
) -> HostInput:
    """Return the checked fields of a new host, or of `current` with `data` laid over it.

    A field that `data` lacks keeps its value; an empty credential takes the stored one away.
    `named=False` is for tests of a connection, which need no name. Raises Invalid.
    """
    reader = Reader(data, FIELDS)
    url = reader.text("url", current.url if current else "", limit=URL_LIMIT)
    found = HostInput(
        name=reader.name("name", current.name if current else "") if named else "",
        url=url,
        environment=_environment(reader, current) if named else "",
        insecure=reader.switch("insecure", current.insecure if current else False),
        labels=reader.labels("labels", current.labels if current else {}),
        **{name: _credential(reader, name, current, scheme_of(url)) for name in CREDENTIALS},
    )
    if "url" not in reader.problems:
        _check_connection(reader, found)
    reader.finish()
    return found


def _check_connection(reader: Reader, found: HostInput) -> None:
    told = set(reader.problems)
    if told & set(CREDENTIALS_OF["tcp"]):
        told.add("insecure")  # TLS was wanted: it only lacks what was refused
    for problem in check_endpoint(found.endpoint()):
        if problem.field not in told:
            reader.refuse(problem.field, problem.message)


def _environment(reader: Reader, current: Host | None) -> str:
    if current is not None and not reader.has("environment"):
        return current.environment.name
    if not reader.data.get("environment"):
        return DEFAULT_ENVIRONMENT
    return reader.name("environment")


def _credential(reader: Reader, name: str, current: Host | None, scheme: str) -> str:
    used = name in CREDENTIALS_OF.get(scheme, CREDENTIALS)
    if not reader.has(name):
        return _stored(reader, name, current) if used else ""
    value = reader.text(name, limit=SIZE_LIMIT).replace("\r\n", "\n")
    if value and not used:
        reader.refuse(name, _("A host with such an address does not use this. Leave it empty."))
    return f"{value}\n" if value else ""


def _stored(reader: Reader, name: str, current: Host | None) -> str:
    try:
        return str(getattr(current, name)) if current else ""
    except SecretLost as error:
        reader.refuse(name, str(error))
        return ""
