"""The policy of addresses: public ones are open, all others only when somebody named them.

What users, registries and webhooks name must not make Quayside ask its own machine, its network
or a cloud's metadata service on their behalf. A name is looked up once, every address of it is
checked, and the connection is made to the addresses that were checked: a name server that answers
differently the second time is not asked a second time.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from fleet.outbound.errors import AddressRefused, OutboundError, Text

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Origin = tuple[str, int]  # a host's name and a port

SETTING = "QUAYSIDE_OUTBOUND_ALLOW"
DNS_SECONDS = 10.0
MOST_ADDRESSES = 64

_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        # AWS and most others, AWS over IPv6, Alibaba, Oracle, Azure's wire server
        (
            "169.254.169.254",
            "fd00:ec2::254",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
        ),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_TUNNELS = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
_SHARED = ipaddress.IPv4Network("100.64.0.0/10")
# What an administrator who typed in the address may have meant.
_NAMED_KINDS = frozenset({"loopback", "private"})

KINDS: dict[str, Text] = {
    "loopback": _("Quayside's own machine"),
    "unspecified": _("Quayside's own machine"),
    "private": _("an address of a private network"),
    "link_local": _("an address of the link only, where clouds keep their metadata"),
    "metadata": _("a cloud's metadata service"),
    "multicast": _("an address of many at once"),
    "reserved": _("a reserved address"),
    "embedded": _("an IPv4 address in disguise"),
}


@dataclass(frozen=True)
class Pinned:
    """A host's name and port, with the addresses that were found and checked."""

    host: str
    port: int
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """What is allowed besides public addresses: networks, and names (``.name``: all below it)."""

    networks: tuple[Network, ...] = ()
    hosts: tuple[str, ...] = ()

    def allows_host(self, host: str) -> bool:
        """Whether a name is one of those that the setting lists."""
        return any(
            host.endswith(entry) if entry.startswith(".") else host == entry for entry in self.hosts
        )

    def refusal(self, address: Address, *, named: bool) -> str:
        """Why we may not connect to an address, as a key of KINDS; empty when we may.

        ``named``: somebody with the right to do so named exactly this host.
        """
        kind = kind_of(address)
        if not kind or (named and kind in _NAMED_KINDS):
            return ""
        forms = {address, _inner(address) or address}
        return "" if any(form in network for form in forms for network in self.networks) else kind


def current_policy() -> Policy:
    """The policy that the settings say."""
    return parse_policy(tuple(settings.OUTBOUND_ALLOW))


@lru_cache(maxsize=8)
def parse_policy(entries: tuple[str, ...]) -> Policy:
    """A policy from the entries of the setting, which were checked when it was read."""
    networks: list[Network] = []
    hosts: list[str] = []
    for entry in entries:
        try:
            networks.append(ipaddress.ip_network(entry))
        except ValueError:
            hosts.append(canonical_host(entry))
    return Policy(tuple(networks), tuple(hosts))


def canonical_host(host: str) -> str:
    """A host's name as it is compared: lower case, ASCII, no last dot, no brackets."""
    text = host.strip("[]").rstrip(".")
    try:
        return (text if text.isascii() else text.encode("idna").decode()).lower()
    except UnicodeError:
        raise OutboundError("bad_url") from None


def kind_of(address: Address) -> str:
    """What is special about an address, as a key of KINDS; empty for a public one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return kind_of(address.ipv4_mapped) or "embedded"
        if address in _NAT64:
            return kind_of(_low_ipv4(address))
        if any(address in tunnel for tunnel in _TUNNELS):
            return "reserved"
    return _plain_kind(address)


def _plain_kind(address: Address) -> str:
    tests = (
        ("metadata", address in _METADATA),
        ("unspecified", address.is_unspecified or address in _THIS_NETWORK),
        ("loopback", address.is_loopback),
        ("link_local", address.is_link_local),
        ("multicast", address.is_multicast),
        ("reserved", address.is_reserved),
        ("private", address.is_private or address in _SHARED or _is_site_local(address)),
        ("reserved", not address.is_global),
    )
    return next((kind for kind, true in tests if true), "")


def _is_site_local(address: Address) -> bool:
    return isinstance(address, ipaddress.IPv6Address) and address.is_site_local


def _inner(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    return address.ipv4_mapped or (_low_ipv4(address) if address in _NAT64 else None)


def _low_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def pin_host(
    host: str,
    port: int,
    *,
    trusted: Collection[Origin] = (),
    policy: Policy | None = None,
    timeout: float = DNS_SECONDS,
) -> Pinned:
    """Look a name up and check every address that it has.

    ``trusted`` are hosts with ports that somebody with the right to do so named: those may be
    private. Connect to ``addresses`` only. Raises ``AddressRefused``, or ``OutboundError`` when
    there is no such name.
    """
    name = canonical_host(host)
    rules = policy or current_policy()
    named = (name, port) in trusted or rules.allows_host(name)
    found = _look_up(name, port, min(timeout, DNS_SECONDS))
    for address in found:
        kind = rules.refusal(address, named=named)
        if kind:
            raise AddressRefused(_sentence(name, address, kind), raw=f"{name} = {address}")
    return Pinned(name, port, tuple(map(str, found)))


def _sentence(host: str, address: Address, kind: str) -> Text:
    shown = str(address) if host == str(address) else f"{host} ({address})"
    return format_lazy(
        _(
            "{host} is {kind}. Quayside connects there only when the setting {setting} lists it: "
            "add {address}, or its network."
        ),
        host=shown,
        kind=KINDS[kind],
        setting=SETTING,
        address=_inner(address) or address,
    )


def _look_up(host: str, port: int, timeout: float) -> list[Address]:
    """The addresses of a name, in the system's order. A thread, as the system knows no time-out."""
    answer: list[list[Address] | OSError | UnicodeError] = []

    def ask() -> None:
        try:
            answer.append(_addresses(host, port))
        except (OSError, UnicodeError) as error:
            answer.append(error)

    thread = threading.Thread(target=ask, daemon=True, name="look-up")
    thread.start()
    thread.join(timeout)
    if not answer:
        raise OutboundError("dns_timeout")
    found = answer[0]
    if isinstance(found, Exception):
        raise OutboundError("dns", raw=str(found)) from found
    if not found:
        raise OutboundError("dns")
    return found


def _addresses(host: str, port: int) -> list[Address]:
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    texts = dict.fromkeys(str(row[4][0]) for row in rows)
    # All of them are checked: the bound is only against an absurd answer.
    if len(texts) > MOST_ADDRESSES:
        raise OSError("too many addresses")
    return [ipaddress.ip_address(text) for text in texts]
